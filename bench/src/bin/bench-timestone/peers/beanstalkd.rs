//! beanstalkd, its log synced with every write.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bench::server::{Server, find, free_port};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::queue::{Connection, Message, Queue};

/// Seconds a worker may take.
const LEASE: u32 = 30;

pub struct Beanstalkd {
    server: Server,
    address: String,
    version: String,
    _folder: TempDir,
}

impl Beanstalkd {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let program = find("beanstalkd")?;
        let folder = tempfile::tempdir_in(scratch)?;
        let port = free_port()?.to_string();
        let mut command = Command::new(&program);
        command.args(["-l", "127.0.0.1", "-p", &port, "-f", "0", "-b"]);
        command.arg(folder.path());
        let mut server = Server::start(&mut command, &folder.path().join("log"))?;
        let address = format!("127.0.0.1:{port}");
        server.listening(&address).await?;
        let version = Command::new(&program).arg("-v").output()?.stdout;
        Ok(Self {
            server,
            address,
            version: String::from_utf8_lossy(&version).trim().to_owned(),
            _folder: folder,
        })
    }
}

#[async_trait]
impl Queue for Beanstalkd {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let mut connections: Vec<Box<dyn Connection>> = Vec::new();
        for _ in 0..clients {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            connections.push(Box::new(Client {
                stream: BufReader::new(stream),
                held: None,
            }));
        }
        Ok(connections)
    }

    fn process(&self) -> Option<u32> {
        Some(self.server.process())
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}

struct Client {
    stream: BufReader<TcpStream>,
    /// The number of the job in hand.
    held: Option<String>,
}

impl Client {
    /// Sends a request; the first line of the answer, which must begin with `wanted`.
    async fn call(&mut self, request: &[u8], wanted: &str) -> Result<String> {
        self.stream.write_all(request).await?;
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        ensure!(line.starts_with(wanted), "beanstalkd answered `{line}`");
        Ok(line)
    }
}

#[async_trait]
impl Connection for Client {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        for Message {
            priority, payload, ..
        } in messages
        {
            let head = format!("put {priority} 0 {LEASE} {}\r\n", payload.len());
            let request = [head.as_bytes(), &payload, b"\r\n"].concat();
            self.call(&request, "INSERTED").await?;
        }
        Ok(())
    }

    async fn lease(&mut self, _: usize) -> Result<usize> {
        let line = self.call(b"reserve\r\n", "RESERVED").await?;
        let mut words = line.split_whitespace().skip(1);
        let mut next = || words.next().context("half an answer");
        let (id, bytes) = (next()?.to_owned(), next()?.parse::<usize>()?);
        let mut payload = vec![0; bytes + 2];
        self.stream.read_exact(&mut payload).await?;
        self.held = Some(id);
        Ok(1)
    }

    async fn complete(&mut self) -> Result<()> {
        let id = self.held.take().context("nothing is reserved")?;
        let request = format!("delete {id}\r\n");
        self.call(request.as_bytes(), "DELETED").await.map(drop)
    }
}
