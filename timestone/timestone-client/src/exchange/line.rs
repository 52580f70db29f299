//! One stream, and the calls on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectrpc::ConnectError;
use connectrpc::client::{BidiRecvHalf, BidiSendHalf, CallOptions, ClientTransport};
use errors::Error;
use proto::timestone::v1::__buffa::oneof::exchange_request::Call;
use proto::timestone::v1::__buffa::oneof::exchange_response::Answer;
use proto::timestone::v1::{self as wire, TimestoneServiceClient};
use rpc::Transport;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Exchanged;
use crate::TimestoneError;
use crate::remote::of_errors;

/// How long a server may take to greet. One that does not know such streams may say so only when
/// the stream ends.
const GREETING: Duration = Duration::from_secs(5);

type Sending = tokio::sync::Mutex<BidiSendHalf<wire::ExchangeRequest>>;
type Receiving =
    BidiRecvHalf<<Transport as ClientTransport>::ResponseBody, wire::ExchangeResponseView<'static>>;
type Answered = Result<Answer, TimestoneError>;

/// A stream that is open.
pub(crate) struct Line {
    sending: Arc<Sending>,
    waiting: Arc<Waiting>,
    /// Calls that the server is to be told to forget before it is told anything else.
    forgotten: Mutex<Vec<(u64, Room)>>,
    /// For calls that wait for their answers.
    room: Arc<Semaphore>,
    max_bytes: u32,
    calls: AtomicU64,
    opened: Instant,
    _receiving: AbortOnDropHandle<()>,
}

impl Line {
    /// Opens a stream: the server has greeted.
    pub(crate) async fn open(
        client: &TimestoneServiceClient<Transport>,
    ) -> Result<Self, ConnectError> {
        let options = CallOptions::default().with_timeout(rpc::limits::MAX_CALL_TIMEOUT);
        let stream = client.exchange_with_options(options).await?;
        let (sending, mut receiving) = stream.into_split();
        let greeting = greeting(&mut receiving).await?;
        let (sending, waiting) = (Arc::new(Sending::new(sending)), Arc::default());
        let receive = receive(receiving, Arc::clone(&waiting), Arc::clone(&sending));
        Ok(Self {
            sending,
            waiting,
            forgotten: Mutex::default(),
            room: Arc::new(Semaphore::new(greeting.max_calls as usize)),
            max_bytes: greeting.max_call_bytes,
            calls: AtomicU64::new(0),
            opened: Instant::now(),
            _receiving: AbortOnDropHandle::new(tokio::spawn(receive)),
        })
    }

    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Whether it will bring no more answers.
    pub(crate) fn is_cut(&self) -> bool {
        self.waiting.is_over()
    }

    /// A place for this call, if it is small and not too many others are under way.
    pub(crate) fn room(&self, request: &impl Exchanged) -> Option<Room> {
        let small = request.encoded_len() <= self.max_bytes;
        let room = || Arc::clone(&self.room).try_acquire_owned().ok();
        small.then(room).flatten().map(Room)
    }

    /// Makes a call. Who gives up waiting for the answer need not say so.
    pub(crate) async fn call(self: &Arc<Self>, room: Room, call: Call) -> Answered {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = self.waiting.add(number)?;
        let waiter = Waiter {
            line: Arc::clone(self),
            number,
            room: Some(room),
        };
        self.send(Some((number, call))).await?;
        let answer = answer.await;
        drop(waiter);
        answer.unwrap_or_else(|_| Err(cut("it was given up")))
    }

    /// Tells the server what to forget, and then makes the call, if there is one.
    async fn send(&self, call: Option<(u64, Call)>) -> Result<(), TimestoneError> {
        let mut sending = self.sending.lock().await;
        for (number, room) in self.take_forgotten() {
            sending
                .send(request(number, wire::Forget::default()))
                .await
                .map_err(broken)?;
            drop(room);
        }
        match call {
            Some((number, call)) => sending.send(request(number, call)).await.map_err(broken),
            None => Ok(()),
        }
    }

    fn take_forgotten(&self) -> Vec<(u64, Room)> {
        std::mem::take(&mut *self.forgotten())
    }

    fn forgotten(&self) -> MutexGuard<'_, Vec<(u64, Room)>> {
        self.forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn request(number: u64, call: impl Into<Call>) -> wire::ExchangeRequest {
    wire::ExchangeRequest {
        number,
        call: Some(call.into()),
        ..Default::default()
    }
}

fn broken(why: ConnectError) -> TimestoneError {
    cut(&why.to_string())
}

/// The place of a call on a stream.
pub(crate) struct Room(
    #[expect(dead_code, reason = "held while the call is under way")] OwnedSemaphorePermit,
);

/// Somebody who waits for the answer of a call; dropped before it is there, the server is told.
struct Waiter {
    line: Arc<Line>,
    number: u64,
    room: Option<Room>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let room = self.room.take();
        let waited = self.line.waiting.remove(self.number);
        let runtime = tokio::runtime::Handle::try_current();
        if let (true, Some(room), Ok(runtime)) = (waited, room, runtime) {
            self.line.forgotten().push((self.number, room));
            let line = Arc::clone(&self.line);
            // Fails where the stream is cut, and with it the call.
            runtime.spawn(async move { line.send(None).await });
        }
    }
}

/// The calls that wait for their answers; `None` when none will come any more.
struct Waiting(Mutex<Option<HashMap<u64, oneshot::Sender<Answered>>>>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl Waiting {
    fn add(&self, number: u64) -> Result<oneshot::Receiver<Answered>, TimestoneError> {
        let (sender, answer) = oneshot::channel();
        let mut calls = self.calls();
        let calls = calls.as_mut().ok_or_else(|| cut("it has ended"))?;
        calls.insert(number, sender);
        Ok(answer)
    }

    /// Whether it waited still.
    fn remove(&self, number: u64) -> bool {
        let mut calls = self.calls();
        calls
            .as_mut()
            .and_then(|calls| calls.remove(&number))
            .is_some()
    }

    fn answer(&self, number: u64, answer: Answered) {
        let call = self
            .calls()
            .as_mut()
            .and_then(|calls| calls.remove(&number));
        if let Some(call) = call {
            let _ = call.send(answer);
        }
    }

    fn end(&self, why: &str) {
        let calls = self.calls().take();
        for call in calls.unwrap_or_default().into_values() {
            let _ = call.send(Err(cut(why)));
        }
    }

    fn is_over(&self) -> bool {
        self.calls().is_none()
    }

    fn calls(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Answered>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn greeting(receiving: &mut Receiving) -> Result<wire::Greeting, ConnectError> {
    let late = |_| ConnectError::unimplemented("the server does not greet");
    let first = tokio::time::timeout(GREETING, receiving.message());
    let first = first.await.map_err(late)??;
    match first.and_then(|first| first.to_owned_message().answer) {
        Some(Answer::Greeting(greeting)) => Ok(*greeting),
        _ => Err(ConnectError::internal(
            "the server begins without a greeting",
        )),
    }
}

/// Hands out answers until the stream ends.
async fn receive(mut receiving: Receiving, waiting: Arc<Waiting>, sending: Arc<Sending>) {
    let why = loop {
        match receiving.message().await {
            Ok(Some(message)) => {
                let wire::ExchangeResponse { number, answer, .. } = message.to_owned_message();
                waiting.answer(number, read(answer));
            }
            Ok(None) => break "the server ended it".to_owned(),
            Err(why) => break why.to_string(),
        }
    };
    waiting.end(&why);
    // Or a server that stops would wait for more.
    sending.lock().await.close_send();
}

fn read(answer: Option<Answer>) -> Answered {
    match answer {
        Some(Answer::Refused(refused)) => {
            let errors: Vec<Error> = refused.errors.into_iter().map(Error::from).collect();
            Err(of_errors(&errors))
        }
        Some(answer) => Ok(answer),
        None => Err(TimestoneError::Refused(
            "the server's answer is empty".into(),
        )),
    }
}

fn cut(why: &str) -> TimestoneError {
    TimestoneError::Unavailable(format!("the stream of calls is cut: {why}"))
}
