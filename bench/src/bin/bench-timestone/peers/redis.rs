//! The least queue that Lua scripts make of Redis: a sorted set of what is ready, a hash per
//! message, fenced acknowledgements. What a library on Redis could reach.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bench::server::{Server, find, free_port};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};

use super::Pipelining;
use super::resp::{Replies, Reply, command};
use crate::queue::{Connection, Message, Queue};

/// Adds a message once. A worker that waits is woken when the queue was empty.
const ENQUEUE: &str = "
local key = 'message:' .. ARGV[1]
if redis.call('HSETNX', key, 'payload', ARGV[3]) == 0 then return 0 end
local rank = ARGV[2] * 1000000000000 + redis.call('INCR', 'sequence')
redis.call('ZADD', 'ready', rank, ARGV[1])
if redis.call('ZCARD', 'ready') == 1 then redis.call('LPUSH', 'wake', 1) end
return 1";

/// Leases the most urgent message: its id, its token, its payload.
const LEASE: &str = "
local first = redis.call('ZPOPMIN', 'ready')
if #first == 0 then return false end
local token = redis.call('INCR', 'tokens')
local now = redis.call('TIME')
redis.call('HSET', 'message:' .. first[1], 'token', token)
redis.call('ZADD', 'leased', now[1] + 30, first[1])
return {first[1], tostring(token), redis.call('HGET', 'message:' .. first[1], 'payload')}";

/// Ends a message, if the token is that of its lease.
const COMPLETE: &str = "
local key = 'message:' .. ARGV[1]
if redis.call('HGET', key, 'token') ~= ARGV[2] then return 0 end
redis.call('DEL', key)
redis.call('ZREM', 'leased', ARGV[1])
return 1";

/// Waits for a worker to be woken.
const WAIT: [&[u8]; 3] = [b"BRPOP", b"wake", b"30"];
/// Calls that wait to be written to a shared connection.
const CALLS: usize = 1_024;

/// A server that syncs before it answers.
pub struct Redis {
    server: Server,
    pub port: u16,
    _folder: TempDir,
}

impl Redis {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(scratch)?;
        let port = free_port()?;
        let mut command = Command::new(find("redis-server")?);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        command.args(["--save", "", "--dir"]).arg(folder.path());
        let mut server = Server::start(&mut command, &folder.path().join("log"))?;
        server.listening(&format!("127.0.0.1:{port}")).await?;
        Ok(Self {
            server,
            port,
            _folder: folder,
        })
    }

    pub fn process(&self) -> u32 {
        self.server.process()
    }

    /// As the server tells it.
    pub async fn version(&self) -> Result<String> {
        let info = self.open().await?.call(&[b"INFO", b"server"]).await?;
        let info = String::from_utf8_lossy(&info.into_bytes()?).into_owned();
        let version = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"));
        Ok(format!("redis {}", version.unwrap_or("unknown")))
    }

    async fn open(&self) -> Result<Own> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let (replies, requests) = stream.into_split();
        Ok(Own {
            requests,
            replies: Replies(BufReader::new(replies)),
        })
    }
}

/// The queue of the scripts above.
pub struct Lua {
    redis: Redis,
    pipelining: Pipelining,
    scripts: Scripts,
    version: String,
}

/// The names under which the server knows the scripts.
#[derive(Clone)]
struct Scripts {
    enqueue: Bytes,
    lease: Bytes,
    complete: Bytes,
}

impl Lua {
    pub async fn start(pipelining: Pipelining, scratch: &Path) -> Result<Self> {
        let redis = Redis::start(scratch).await?;
        let mut connection = redis.open().await?;
        let mut load = async |script: &str| {
            let load: [&[u8]; 3] = [b"SCRIPT", b"LOAD", script.as_bytes()];
            connection.call(&load).await?.into_bytes()
        };
        let scripts = Scripts {
            enqueue: load(ENQUEUE).await?,
            lease: load(LEASE).await?,
            complete: load(COMPLETE).await?,
        };
        Ok(Self {
            version: format!("Lua on {}{}", redis.version().await?, said(pipelining)),
            redis,
            pipelining,
            scripts,
        })
    }

    fn client(&self, line: Line) -> Box<dyn Connection> {
        Box::new(LuaClient {
            scripts: self.scripts.clone(),
            line,
            held: None,
        })
    }
}

#[async_trait]
impl Queue for Lua {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let mut connections = Vec::new();
        let shared = self.redis.open().await?.share();
        for _ in 0..clients {
            connections.push(self.client(match self.pipelining {
                Pipelining::Yes => Line::Shared(shared.clone()),
                Pipelining::No => Line::Own(self.redis.open().await?),
            }));
        }
        Ok(connections)
    }

    fn process(&self) -> Option<u32> {
        Some(self.redis.process())
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    /// Who waits on a shared connection stops everybody.
    fn can_wait(&self) -> bool {
        self.pipelining == Pipelining::No
    }
}

fn said(pipelining: Pipelining) -> &'static str {
    match pipelining {
        Pipelining::Yes => ", pipelined",
        Pipelining::No => "",
    }
}

struct LuaClient {
    scripts: Scripts,
    line: Line,
    /// The id and the token of the message in hand.
    held: Option<(Bytes, Bytes)>,
}

impl LuaClient {
    async fn script(&mut self, script: Bytes, arguments: &[&[u8]]) -> Result<Reply> {
        let call: [&[u8]; 3] = [b"EVALSHA", &script, b"0"];
        self.line.call(&[&call[..], arguments].concat()).await
    }

    async fn try_lease(&mut self) -> Result<bool> {
        let Reply::List(leased) = self.script(self.scripts.lease.clone(), &[]).await? else {
            return Ok(false);
        };
        let mut leased = leased.into_iter().map(Reply::into_bytes);
        let mut next = || leased.next().context("a lease lacks a field")?;
        self.held = Some((next()?, next()?));
        Ok(true)
    }
}

#[async_trait]
impl Connection for LuaClient {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        for message in messages {
            let (id, rank) = (message.number.to_string(), message.priority.to_string());
            let arguments: [&[u8]; 3] = [id.as_bytes(), rank.as_bytes(), &message.payload];
            let added = self.script(self.scripts.enqueue.clone(), &arguments);
            ensure!(added.await?.is_number(1), "message {id} was there before");
        }
        Ok(())
    }

    async fn lease(&mut self, _: usize) -> Result<usize> {
        while !self.try_lease().await? {
            self.line.call(&WAIT).await?;
        }
        Ok(1)
    }

    async fn complete(&mut self) -> Result<()> {
        let (id, token) = self.held.take().context("nothing is leased")?;
        let complete = self.scripts.complete.clone();
        let done = self.script(complete, &[&id, &token]).await?;
        ensure!(done.is_number(1), "the lease was lost");
        Ok(())
    }
}

/// The way to the server.
enum Line {
    Own(Own),
    Shared(Shared),
}

impl Line {
    async fn call(&mut self, words: &[&[u8]]) -> Result<Reply> {
        match self {
            Self::Own(own) => own.call(words).await,
            Self::Shared(shared) => shared.call(words).await,
        }
    }
}

/// A connection of one client.
struct Own {
    requests: OwnedWriteHalf,
    replies: Replies,
}

impl Own {
    async fn call(&mut self, words: &[&[u8]]) -> Result<Reply> {
        self.requests.write_all(&command(words)).await?;
        self.replies.next().await
    }

    /// Makes it a connection of many clients.
    fn share(self) -> Shared {
        let (calls, waiting) = mpsc::channel(CALLS);
        let (sent, unanswered) = mpsc::channel(CALLS);
        tokio::spawn(write(self.requests, waiting, sent));
        tokio::spawn(read(self.replies, unanswered));
        Shared(calls)
    }
}

type Answer = oneshot::Sender<Result<Reply>>;
type Call = (Vec<u8>, Answer);

/// A connection of many clients: calls made at the same time go in one write.
#[derive(Clone)]
struct Shared(mpsc::Sender<Call>);

impl Shared {
    async fn call(&self, words: &[&[u8]]) -> Result<Reply> {
        let (answer, answered) = oneshot::channel();
        self.0.send((command(words), answer)).await?;
        answered.await?
    }
}

async fn write(
    mut requests: OwnedWriteHalf,
    mut waiting: mpsc::Receiver<Call>,
    sent: mpsc::Sender<Answer>,
) -> Result<()> {
    let mut calls = Vec::new();
    while waiting.recv_many(&mut calls, CALLS).await > 0 {
        let mut bytes = Vec::new();
        for (call, answer) in calls.drain(..) {
            bytes.extend(call);
            sent.send(answer).await?;
        }
        requests.write_all(&bytes).await?;
    }
    Ok(())
}

async fn read(mut replies: Replies, mut unanswered: mpsc::Receiver<Answer>) {
    while let Some(answer) = unanswered.recv().await {
        // A client that gave up waits for nothing.
        let _ = answer.send(replies.next().await);
    }
}
