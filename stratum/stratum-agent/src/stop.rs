use tokio::sync::watch;

/// Why a delivery must end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Somebody else may be working on the message: its result would be refused.
    LeaseLost,
    /// The message was canceled.
    Canceled,
    /// The agent is stopped; the message goes back.
    Shutdown,
}

/// Tells a delivery to stop. The first reason stays.
#[derive(Clone, Debug)]
pub(crate) struct Stopper(watch::Sender<Option<Reason>>);

/// Hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Option<Reason>>);

pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self, reason: Reason) {
        self.0.send_if_modified(|state| {
            let first = state.is_none();
            state.get_or_insert(reason);
            first
        });
    }
}

impl Stop {
    /// Completes when told to stop; never, when nobody can tell any more.
    pub(crate) async fn stopped(&mut self) -> Reason {
        match self.0.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => std::future::pending().await,
        }
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        *self.0.borrow()
    }
}
