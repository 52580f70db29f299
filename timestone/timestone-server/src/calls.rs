use timestone::Queues;
use timestone_client::TimestoneError;
use tokio::sync::{mpsc, oneshot};

use crate::owner::Request;

/// Runs `act` on the queues of whoever takes `requests`, and answers when what it
/// changed is stored. `bytes` of payloads come with it.
pub(crate) async fn call<T: Send + 'static>(
    requests: &mpsc::Sender<Request>,
    bytes: usize,
    act: impl FnOnce(&mut Queues) -> T + Send + 'static,
) -> Result<T, TimestoneError> {
    let (done, answer) = oneshot::channel();
    let apply = Box::new(move |queues: &mut Queues| -> Box<dyn FnOnce() + Send> {
        let result = act(queues);
        Box::new(move || drop(done.send(result)))
    });
    let sent = requests.send(Request::Apply { apply, bytes }).await;
    sent.map_err(|_| unavailable())?;
    answer.await.map_err(|_| unavailable())
}

pub(crate) fn unavailable() -> TimestoneError {
    TimestoneError::Unavailable("its shard is not owned, or the outcome is unknown".into())
}
