//! Who holds which leases, by the life of each worker.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::Session;
use crate::message::Lease;

/// Earlier boots of one worker that are remembered, to refuse them.
const MAX_RETIRED: usize = 16;
/// Workers without leases that are remembered.
const MAX_IDLE: usize = 4_096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    workers: HashMap<String, Worker>,
    /// Subscriptions of which a lease ended.
    freed: BTreeSet<(Session, Arc<str>)>,
}

#[derive(Clone, Debug, Default)]
struct Worker {
    /// `None`: not heard of since recovery.
    boot: Option<String>,
    retired: VecDeque<String>,
    running: BTreeSet<u64>,
    /// By boot and request id.
    requests: HashMap<(String, Arc<str>), Request>,
    /// The requests that are sent messages as long as they have room.
    subscriptions: BTreeSet<(String, Arc<str>)>,
}

/// What a dequeue was answered with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) messages: Vec<u64>,
    /// How often the answer was given.
    pub(crate) answers: u32,
    /// The largest number of a take that leased some of them; 0 = none has a number.
    pub(crate) newest: u64,
}

/// What a session means to its worker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Known,
    /// The leases listed may belong to earlier boots.
    New(Vec<u64>),
    /// A newer boot has been seen.
    Retired,
}

impl Sessions {
    /// Notes that `session` is alive.
    pub(crate) fn enter(&mut self, session: &Session) -> Entry {
        self.forget_idle();
        let worker = self.workers.entry(session.owner.clone()).or_default();
        if worker.boot.as_ref() == Some(&session.boot) {
            return Entry::Known;
        }
        if worker.retired.contains(&session.boot) {
            return Entry::Retired;
        }
        worker.begin(session.boot.clone());
        Entry::New(worker.running.iter().copied().collect())
    }

    /// Workers are many and come and go: those that hold nothing may be forgotten.
    fn forget_idle(&mut self) {
        if self.workers.len() > MAX_IDLE {
            self.workers.retain(|_, worker| !worker.is_idle());
        }
    }

    pub(crate) fn began(&mut self, lease: &Lease, message: u64) {
        let worker = self.workers.entry(lease.session.owner.clone());
        let worker = worker.or_default();
        worker.running.insert(message);
        let request = worker.requests.entry(request_key(lease)).or_default();
        request.messages.push(message);
        request.newest = request.newest.max(lease.take);
    }

    pub(crate) fn ended(&mut self, lease: &Lease, message: u64) {
        let Some(worker) = self.workers.get_mut(&lease.session.owner) else {
            return;
        };
        worker.running.remove(&message);
        let key = request_key(lease);
        if let Some(request) = worker.requests.get_mut(&key) {
            request.messages.retain(|other| *other != message);
            if request.messages.is_empty() {
                worker.requests.remove(&key);
            }
        }
        if worker.subscriptions.contains(&key) {
            let session = Session::clone(&lease.session);
            self.freed.insert((session, key.1));
        }
    }

    pub(crate) fn subscribe(&mut self, session: &Session, request_id: &str) {
        let worker = self.workers.entry(session.owner.clone()).or_default();
        let key = (session.boot.clone(), request_id.into());
        worker.subscriptions.insert(key);
    }

    pub(crate) fn unsubscribe(&mut self, session: &Session, request_id: &str) {
        if let Some(worker) = self.workers.get_mut(&session.owner) {
            let key = (session.boot.clone(), request_id.into());
            worker.subscriptions.remove(&key);
        }
    }

    pub(crate) fn take_freed(&mut self) -> Vec<(Session, String)> {
        let freed = std::mem::take(&mut self.freed).into_iter();
        freed
            .map(|(session, request_id)| (session, request_id.to_string()))
            .collect()
    }

    /// Counts one more answer to a request that leases are held under.
    pub(crate) fn answer(&mut self, session: &Session, request_id: &str) -> Option<Request> {
        let worker = self.workers.get_mut(&session.owner)?;
        let key = (session.boot.clone(), Arc::from(request_id));
        let request = worker.requests.get_mut(&key)?;
        request.answers += 1;
        Some(request.clone())
    }

    pub(crate) fn request(&self, session: &Session, request_id: &str) -> Option<&Request> {
        let worker = self.workers.get(&session.owner)?;
        let key = (session.boot.clone(), Arc::from(request_id));
        worker.requests.get(&key)
    }
}

impl Worker {
    /// Whether nothing is lost with it but its boot.
    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.subscriptions.is_empty()
    }

    fn begin(&mut self, boot: String) {
        if let Some(earlier) = self.boot.replace(boot) {
            self.retired.push_back(earlier);
            let surplus = self.retired.len().saturating_sub(MAX_RETIRED);
            self.retired.drain(..surplus);
        }
    }
}

fn request_key(lease: &Lease) -> (String, Arc<str>) {
    (lease.session.boot.clone(), Arc::clone(&lease.request_id))
}
