//! Reading objects of servers by ranges.

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::{SharedClock, SystemClock};
use errors::Error;
use http::header::{ACCEPT_ENCODING, HOST, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE, USER_AGENT};
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use sha2::{Digest, Sha256};

use crate::answer::Head;
use crate::connection::{Sender, connect};
use crate::pool::Pool;
use crate::rules::Rules;
use crate::tls::Tls;
use crate::{Fault, InvalidRemote, Object, Pinned, RemoteConfig, Retry, limits, signature};

const PROGRAM: &str = concat!("cosmos/", env!("CARGO_PKG_VERSION"));

/// The servers that may be read, and connections to them. Cheap to clone.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    rules: Rules,
    idle: Duration,
    clock: SharedClock,
    tls: Tls,
    pool: Pool,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.rules).finish()
    }
}

/// Nothing may be read.
impl Default for Remote {
    fn default() -> Self {
        Self::by(Rules::default(), limits::IDLE, Arc::new(SystemClock))
    }
}

impl Remote {
    /// What `config` allows; its secrets are read.
    ///
    /// # Errors
    /// What of it cannot be meant.
    pub fn new(config: &RemoteConfig) -> Result<Self, InvalidRemote> {
        Self::timed(config, Arc::new(SystemClock))
    }

    /// The same, by another clock.
    ///
    /// # Errors
    /// What of the configuration cannot be meant.
    pub fn timed(config: &RemoteConfig, clock: SharedClock) -> Result<Self, InvalidRemote> {
        let idle = config.idle_ms.map_or(limits::IDLE, Duration::from_millis);
        Ok(Self::by(Rules::of(config)?, idle, clock))
    }

    fn by(rules: Rules, idle: Duration, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            rules,
            idle,
            clock,
            tls: Tls::default(),
            pool: Pool::default(),
        }))
    }

    /// Whether a text is meant to name something of another machine.
    #[must_use]
    pub fn is_meant(uri: &str) -> bool {
        let scheme = uri
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("http" | "https" | "s3"))
    }

    /// The object of a URI, if it may be read. Nothing is looked at yet.
    ///
    /// # Errors
    /// Of class `user`, when it is not allowed or no such URI.
    pub fn object(&self, uri: &str) -> Result<Object, Error> {
        self.0.rules.object(uri)
    }

    /// The version that there is now.
    ///
    /// # Errors
    /// When there is none, or none that could be told from another.
    pub async fn pin(&self, object: Object) -> Result<Pinned, Fault> {
        let mut retry = Retry::default();
        loop {
            match self.0.look(&object).await {
                Ok(head) => return Ok(object.pinned(head.size, head.version)),
                Err(fault) => self.0.pause(&mut retry, false, fault).await?,
            }
        }
    }

    /// Fails when the object is no longer this version of it.
    ///
    /// # Errors
    /// Also when its server cannot be reached, which says nothing of the object.
    pub async fn check(&self, pinned: &Pinned) -> Result<(), Fault> {
        let now = match self.pin(pinned.object.clone()).await {
            Err(Fault::Empty) => return Err(Fault::Changed("it is empty".into())),
            now => now?,
        };
        unchanged(pinned, now.size, &now.version)
    }

    /// Hands the bytes of a range of this version to `each`, in order; through faults that pass,
    /// from where they came.
    ///
    /// # Errors
    /// When the object has changed, or its server cannot be reached any more.
    pub async fn read(
        &self,
        pinned: &Pinned,
        range: Range<u64>,
        mut each: impl FnMut(Bytes) + Send,
    ) -> Result<(), Fault> {
        let (mut at, mut retry) = (range.start, Retry::default());
        while at < range.end {
            let (from, to) = (at, range.end.min(at.saturating_add(limits::REQUEST_BYTES)));
            let mut hand_on = |bytes: Bytes| {
                at += bytes.len() as u64;
                each(bytes);
            };
            if let Err(fault) = self.0.ask(pinned, from..to, &mut hand_on).await {
                self.0.pause(&mut retry, at > from, fault).await?;
            }
        }
        Ok(())
    }
}

type Each<'a> = &'a mut (dyn FnMut(Bytes) + Send);

impl Inner {
    /// Waits before the next try, if there is to be one.
    async fn pause(&self, retry: &mut Retry, progressed: bool, fault: Fault) -> Result<(), Fault> {
        if !fault.is_passing() {
            return Err(fault);
        }
        let random = RandomState::new().hash_one(());
        let Some(pause) = retry.after(progressed, random) else {
            return Err(fault);
        };
        tracing::debug!(%fault, ?pause, "a source is asked again");
        self.clock.sleep(pause).await;
        Ok(())
    }

    /// What a request for the first byte tells of the whole.
    async fn look(&self, object: &Object) -> Result<Head, Fault> {
        let (sender, response) = self.send(object, &(0..1), None).await?;
        let head = head(&response)?;
        if head.range != (0..1) {
            return Err(Fault::NoRanges);
        }
        self.take(object, sender, response, 1, &mut |_| {}).await?;
        Ok(head)
    }

    /// One request for a range.
    async fn ask(&self, pinned: &Pinned, range: Range<u64>, each: Each<'_>) -> Result<(), Fault> {
        let object = &pinned.object;
        let (sender, response) = self.send(object, &range, Some(&pinned.version)).await?;
        let head = match head(&response) {
            // What is empty now, or has other ranges, was neither when it was pinned.
            Err(Fault::Empty) => return Err(Fault::Changed("it has become shorter".into())),
            head => head?,
        };
        unchanged(pinned, head.size, &head.version)?;
        if head.range != range {
            return Err(Fault::NoRanges);
        }
        let length = range.end - range.start;
        match head.digest {
            None => self.take(object, sender, response, length, each).await,
            Some(digest) => {
                // Nothing of it is handed on before all of it is known to be right.
                let (mut whole, mut hash) = (Vec::new(), Sha256::new());
                let mut keep = |bytes: Bytes| {
                    hash.update(&bytes);
                    whole.push(bytes);
                };
                self.take(object, sender, response, length, &mut keep)
                    .await?;
                if hash.finalize().as_slice() != digest {
                    return Err(Fault::Corrupt);
                }
                whole.into_iter().for_each(each);
                Ok(())
            }
        }
    }

    /// The answer's head, and the connection that brings its body.
    async fn send(
        &self,
        object: &Object,
        range: &Range<u64>,
        version: Option<&str>,
    ) -> Result<(Sender, Response<Incoming>), Fault> {
        // One that waited may have been closed at the other end: that is no fault of the server.
        while let Some(mut sender) = self.pool.take(object) {
            let request = self.request(object, range, version)?;
            if let Ok(response) = self.in_time(sender.send_request(request)).await? {
                return Ok((sender, response));
            }
        }
        let mut sender = self.in_time(connect(object, &self.tls)).await??;
        let request = self.request(object, range, version)?;
        let response = self.in_time(sender.send_request(request)).await?;
        response
            .map(|response| (sender, response))
            .map_err(|error| Fault::Cut(error.to_string()))
    }

    fn request(
        &self,
        object: &Object,
        range: &Range<u64>,
        version: Option<&str>,
    ) -> Result<Request<String>, Fault> {
        let host = object.origin.authority();
        let mut request = Request::get(&object.path)
            .header(HOST, &host)
            .header(USER_AGENT, PROGRAM)
            .header(ACCEPT_ENCODING, "identity")
            .header(
                RANGE,
                format!("bytes={}-{}", range.start, range.end.saturating_sub(1)),
            );
        if let Some((name, value)) = version.and_then(condition) {
            request = request.header(name, value);
        }
        if let Some(credentials) = &object.credentials {
            let time = jiff::Timestamp::from_millisecond(self.clock.now().unix_ms());
            let time = time
                .unwrap_or_default()
                .strftime("%Y%m%dT%H%M%SZ")
                .to_string();
            let signed = [("host", host.as_str())];
            for (name, value) in signature::headers(credentials, &object.path, &signed, &time) {
                request = request.header(name, value);
            }
        }
        let request = request.body(String::new());
        request.map_err(|error| Fault::Nonsense(error.to_string()))
    }

    /// The body, which has `length` bytes; then the connection is free again.
    async fn take(
        &self,
        object: &Object,
        sender: Sender,
        response: Response<Incoming>,
        length: u64,
        each: Each<'_>,
    ) -> Result<(), Fault> {
        let (mut body, mut left) = (response.into_body(), length);
        while let Some(frame) = self
            .in_time(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)))
            .await?
        {
            let frame = frame.map_err(|error| Fault::Cut(error.to_string()))?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let more = || Fault::Nonsense("more than was asked for".into());
            left = left.checked_sub(bytes.len() as u64).ok_or_else(more)?;
            each(bytes);
        }
        if left > 0 {
            return Err(Fault::Truncated { missing: left });
        }
        self.pool.put(object, sender);
        Ok(())
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.clock.sleep(self.idle) => Err(Fault::Stalled),
        }
    }
}

fn head(response: &Response<Incoming>) -> Result<Head, Fault> {
    Head::of(response.status(), response.headers())
}

/// What keeps the server from sending another version. A weak ETag cannot be asked for; it is
/// compared alone.
fn condition(version: &str) -> Option<(http::HeaderName, &str)> {
    match version {
        weak if weak.starts_with("W/") => None,
        etag if etag.starts_with('"') => Some((IF_MATCH, etag)),
        date => Some((IF_UNMODIFIED_SINCE, date)),
    }
}

fn unchanged(pinned: &Pinned, size: u64, version: &str) -> Result<(), Fault> {
    if size != pinned.size {
        let (now, then) = (size, pinned.size);
        return Err(Fault::Changed(format!(
            "it has {now} bytes, and had {then}"
        )));
    }
    if version != pinned.version {
        return Err(Fault::Changed("the server has another version".into()));
    }
    Ok(())
}
