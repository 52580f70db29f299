use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::request::Request;
use crate::{Fault, Faults};

/// How the server speaks.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// With a date instead of an ETag.
    pub dated: bool,
    /// With an ETag that may not be asked for.
    pub weak: bool,
    /// With neither.
    pub nameless: bool,
    /// Always with the whole object.
    pub without_ranges: bool,
    /// With a checksum of each answer (RFC 9530).
    pub checksums: bool,
    /// To somewhere else.
    pub redirect: Option<String>,
    /// After so long.
    pub latency: Duration,
}

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    /// Of bodies.
    pub bytes: u64,
    pub faults: u64,
    /// Requests that were being answered at the same time.
    pub most_at_once: u64,
}

/// A server on loopback, at a port of its own, until it is dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    number: AtomicU64,
    at_once: AtomicU64,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, Object>,
    manners: Manners,
    faults: Faults,
    counts: Counts,
}

#[derive(Clone)]
pub(crate) struct Object {
    content: Content,
    /// How often it was put.
    revision: u64,
}

#[derive(Clone)]
enum Content {
    Bytes(Bytes),
    File(Arc<File>, u64),
}

impl Object {
    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(_, size) => *size,
        }
    }

    pub(crate) fn read(&self, range: Range<u64>) -> Bytes {
        match &self.content {
            Content::Bytes(bytes) => bytes.slice(range.start as usize..range.end as usize),
            Content::File(file, _) => {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut bytes, range.start).unwrap();
                bytes.into()
            }
        }
    }

    pub(crate) fn version(&self, manners: &Manners) -> (&'static str, String) {
        let revision = self.revision;
        match manners {
            Manners { nameless: true, .. } => ("server", "origin".into()),
            Manners { dated: true, .. } => (
                "last-modified",
                format!("Thu, 01 Jan 1970 00:00:{:02} GMT", revision % 60),
            ),
            Manners { weak: true, .. } => ("etag", format!("W/\"{revision}\"")),
            _ => ("etag", format!("\"{revision}\"")),
        }
    }
}

impl Origin {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::<Shared>::default();
        Self {
            address: listener.local_addr().unwrap(),
            serving: tokio::spawn(accept(listener, shared.clone())),
            shared,
        }
    }

    /// Of an object.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens: "127.0.0.1:4711".
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// From now on there are these bytes, under another version than before.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        self.set(path, Content::Bytes(bytes.into()));
    }

    /// The same with a file.
    pub fn put_file(&self, path: &str, file: &Path) {
        let file = File::open(file).unwrap();
        let size = file.metadata().unwrap().len();
        self.set(path, Content::File(Arc::new(file), size));
    }

    fn set(&self, path: &str, content: Content) {
        let mut state = self.state();
        let revision = state
            .objects
            .get(path)
            .map_or(1, |object| object.revision + 1);
        state
            .objects
            .insert(path.into(), Object { content, revision });
    }

    pub fn remove(&self, path: &str) {
        self.state().objects.remove(path);
    }

    pub fn behave(&self, manners: Manners) {
        self.state().manners = manners;
    }

    pub fn misbehave(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        // What its clients close, or a fault does, is no error of the server.
        connections.spawn(async move { drop(speak(stream, &shared).await) });
    }
}

async fn speak(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream).await? {
        let now = shared.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        let answered = answer(stream.get_mut(), &request, shared, now).await;
        shared.at_once.fetch_sub(1, Ordering::SeqCst);
        if !answered? {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether the connection may be used again.
async fn answer(
    stream: &mut TcpStream,
    request: &Request,
    shared: &Shared,
    now: u64,
) -> io::Result<bool> {
    let number = shared.number.fetch_add(1, Ordering::SeqCst);
    let (answer, fault, latency) = {
        let mut state = shared.state.lock().unwrap();
        let object = state.objects.get(&request.path);
        let mut answer = Answer::of(request, object, &state.manners);
        let fault = state.faults.of(number);
        let fault = fault.filter(|fault| *fault != Fault::Corrupt || state.manners.checksums);
        if let Some(fault) = fault {
            state.counts.faults += 1;
            spoil(&mut answer, fault);
        }
        let counts = &mut state.counts;
        counts.requests += 1;
        counts.bytes += answer.body.len() as u64;
        counts.most_at_once = counts.most_at_once.max(now);
        (answer, fault, state.manners.latency)
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    send(stream, answer, fault).await
}

/// What is wrong with the answer itself.
fn spoil(answer: &mut Answer, fault: Fault) {
    match fault {
        Fault::Busy => *answer = Answer::status("503 Service Unavailable"),
        Fault::Truncated => {
            let length = answer.body.len();
            answer.body.truncate(length / 2);
            let (was, is) = (format!("content-length: {length}"), answer.body.len());
            answer.head = answer.head.replace(&was, &format!("content-length: {is}"));
        }
        Fault::Corrupt if !answer.body.is_empty() => {
            let mut bytes = answer.body.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            answer.body = bytes.into();
        }
        _ => {}
    }
}

/// Sends what the fault lets through.
async fn send(stream: &mut TcpStream, answer: Answer, fault: Option<Fault>) -> io::Result<bool> {
    if fault == Some(Fault::Dropped) {
        return Ok(false);
    }
    stream.write_all(answer.head.as_bytes()).await?;
    let half = answer.body.len() / 2;
    match fault {
        Some(Fault::Cut) => stream.write_all(&answer.body[..half]).await.map(|()| false),
        Some(Fault::Stalled) => {
            stream.write_all(&answer.body[..half]).await?;
            // Until the other side has had enough.
            stream.readable().await.map(|()| false)
        }
        _ => stream.write_all(&answer.body).await.map(|()| true),
    }
}
