use timestone::{Payloads, Queues};
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};

use crate::owner::{Reply, Request};

/// Runs `act` on the queues of whoever takes `requests`, and answers when what it
/// changed is stored. `bytes` of payloads come with it.
pub(crate) async fn call<T: Send + 'static>(
    requests: &mpsc::Sender<Request>,
    bytes: usize,
    act: impl FnOnce(&mut Queues) -> T + Send + 'static,
) -> Result<T, TimestoneError> {
    let act = |queues: &mut Queues| {
        let result = act(queues);
        |_: &Payloads| result
    };
    ask(requests, bytes, act).await
}

/// The same, but what `act` gives is run on the payloads that were read for it, and
/// that is the answer.
pub(crate) async fn ask<T: Send + 'static, F: FnOnce(&Payloads) -> T + Send + 'static>(
    requests: &mpsc::Sender<Request>,
    bytes: usize,
    act: impl FnOnce(&mut Queues) -> F + Send + 'static,
) -> Result<T, TimestoneError> {
    let (done, answer) = oneshot::channel();
    let apply = Box::new(move |queues: &mut Queues| -> Reply {
        let finish = act(queues);
        Box::new(move |read| drop(done.send(finish(read))))
    });
    let sent = requests.send(Request::Apply { apply, bytes }).await;
    sent.map_err(|_| unavailable())?;
    answer.await.map_err(|_| unavailable())
}

pub(crate) fn unavailable() -> TimestoneError {
    TimestoneError::Unavailable("its shard is not owned, or the outcome is unknown".into())
}
