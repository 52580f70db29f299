//! Small calls over one stream that lasts, in place of a stream for each.
//!
//! The first calls of a client are made alone, while the stream is opened beside them; so are
//! those for which it has no place, and all of them where a server knows no such stream. When it
//! is cut, calls that wait for their answers are tried again like any that found no server.

mod call;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectrpc::{ConnectError, ErrorCode};
use proto::timestone::v1::TimestoneServiceClient;
use rpc::Transport;
use tokio::time::Instant;

pub(crate) use call::Exchanged;
pub(crate) use line::Line;

/// After this time a new stream takes over; calls of the old one end there.
const LASTS: Duration = Duration::from_secs(rpc::limits::MAX_CALL_TIMEOUT.as_secs() / 2);
/// When a stream that could not be opened is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where the server does not know such streams; it may be replaced by a newer one.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// The stream to a server, opened again whenever that is due.
pub(crate) struct Exchange {
    client: TimestoneServiceClient<Transport>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    line: Option<Arc<Line>>,
    opening: bool,
    /// Not opened before.
    pause_until: Option<Instant>,
}

impl State {
    /// Whether the caller is to open a new one.
    fn open(&mut self, now: Instant) -> bool {
        let lasts = |line: &Arc<Line>| line.age() < LASTS;
        let paused = self.pause_until.is_some_and(|until| now < until);
        let opens = !self.opening && !paused && !self.line.as_ref().is_some_and(lasts);
        self.opening |= opens;
        opens
    }
}

impl Exchange {
    pub(crate) fn new(client: TimestoneServiceClient<Transport>) -> Arc<Self> {
        Arc::new(Self {
            client,
            state: Mutex::default(),
        })
    }

    /// The stream, if there is one now; else, or when it gets old, one is being opened.
    pub(crate) fn line(self: &Arc<Self>) -> Option<Arc<Line>> {
        let mut state = self.state();
        state.line.take_if(|line| line.is_cut());
        if state.open(Instant::now()) {
            tokio::spawn(Arc::clone(self).open());
        }
        state.line.clone()
    }

    async fn open(self: Arc<Self>) {
        let opened = Line::open(&self.client).await;
        let mut state = self.state();
        state.opening = false;
        match opened {
            Ok(line) => state.line = Some(Arc::new(line)),
            Err(why) => {
                tracing::debug!(%why, "calls of the queue are made one by one");
                state.pause_until = Some(Instant::now() + pause(&why));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(why: &ConnectError) -> Duration {
    match why.code {
        ErrorCode::Unimplemented => LONG_PAUSE,
        _ => PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_is_opened_and_none_in_a_pause() {
        let mut state = State::default();
        let now = Instant::now();
        assert!(state.open(now));
        assert!(!state.open(now), "it is being opened");
        let unknown = ConnectError::unimplemented("what is that?");
        state.opening = false;
        state.pause_until = Some(now + pause(&unknown));
        assert!(!state.open(now + LONG_PAUSE - PAUSE));
        assert!(state.open(now + LONG_PAUSE));
        let away = ConnectError::unavailable("nobody is there");
        assert_eq!(pause(&away), PAUSE);
    }
}
