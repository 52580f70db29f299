//! Hands on what the outbox holds, in order, until Timestone has acknowledged it.
//! The loop deletes the rows; what is handed on twice after a crash has the same id.

use std::sync::Arc;
use std::time::Duration;

use timestone::{MessageKey, NewMessage, Refusal};
use timestone_client::{Outcomes, TimestoneError};
use tokio::sync::mpsc;

use crate::records::outbox::Row;
use crate::shared::{Shared, backoff};

/// Rows handed on by one call.
const CALL: usize = 256;
/// How long messages wait for a queue that is full.
const FULL_WAIT: Duration = Duration::from_secs(1);

/// A row that Timestone has answered.
#[derive(Debug)]
pub(crate) struct Ack {
    pub(crate) number: u64,
    pub(crate) row: Row,
    /// Why it was refused for good.
    pub(crate) refusal: Option<Refusal>,
}

type Numbered = (u64, Row);

pub(crate) struct Relay {
    pub(crate) shared: Arc<Shared>,
    /// As many rows may wait as the windows of the live workflows allow.
    pub(crate) rows: mpsc::UnboundedReceiver<Numbered>,
    pub(crate) acks: mpsc::Sender<Vec<Ack>>,
}

impl Relay {
    /// Ends when nobody sends rows or hears of them any more.
    pub(crate) async fn run(mut self) {
        let mut full: Vec<Numbered> = Vec::new();
        loop {
            let mut rows = Vec::new();
            tokio::select! {
                biased;
                received = self.rows.recv_many(&mut rows, CALL) => {
                    if received == 0 {
                        return;
                    }
                }
                () = self.shared.sleep(FULL_WAIT), if !full.is_empty() => rows.append(&mut full),
            }
            for run in runs(rows) {
                if !self.relay(run, &mut full).await {
                    return;
                }
            }
        }
    }

    /// Whether somebody heard of it.
    async fn relay(&self, run: Vec<Numbered>, full: &mut Vec<Numbered>) -> bool {
        let outcomes = self.call(&run).await;
        let mut acks = Vec::new();
        for ((number, row), outcome) in run.into_iter().zip(outcomes) {
            match outcome {
                Err(refusal) if refusal.is_temporary() => full.push((number, row)),
                outcome => acks.push(Ack {
                    number,
                    row,
                    refusal: outcome.err(),
                }),
            }
        }
        self.acks.send(acks).await.is_ok()
    }

    async fn call(&self, run: &[Numbered]) -> Outcomes {
        let mut failures = 0;
        loop {
            match self.call_once(run).await {
                Ok(outcomes) if outcomes.len() == run.len() => return outcomes,
                Err(TimestoneError::Refused(refusal)) => return refused(run, &refusal.problem),
                Ok(_) => tracing::error!("timestone answered with fewer outcomes than items"),
                Err(error) => tracing::warn!(%error, "the outbox waits"),
            }
            self.shared.sleep(backoff(failures)).await;
            failures += 1;
        }
    }

    async fn call_once(&self, run: &[Numbered]) -> Result<Outcomes, TimestoneError> {
        match run.first() {
            Some((_, Row::Cancel { reason, .. })) => {
                self.shared.timestone.cancel(canceled(run), reason).await
            }
            _ => self.shared.timestone.enqueue(enqueued(run)).await,
        }
    }
}

fn refused(run: &[Numbered], problem: &str) -> Outcomes {
    let refusal = Refusal::Invalid {
        field: "call",
        problem: problem.to_owned(),
    };
    run.iter().map(|_| Err(refusal.clone())).collect()
}

/// Rows in order, divided into those that one call can hand on.
fn runs(rows: Vec<Numbered>) -> Vec<Vec<Numbered>> {
    let mut runs: Vec<Vec<Numbered>> = Vec::new();
    for row in rows {
        match runs
            .last_mut()
            .filter(|run| run.last().is_some_and(|last| alike(&last.1, &row.1)))
        {
            Some(run) => run.push(row),
            None => runs.push(vec![row]),
        }
    }
    runs
}

fn alike(a: &Row, b: &Row) -> bool {
    match (a, b) {
        (Row::Enqueue(_) | Row::CancelCall { .. }, Row::Enqueue(_) | Row::CancelCall { .. }) => {
            true
        }
        (Row::Cancel { reason: a, .. }, Row::Cancel { reason: b, .. }) => a == b,
        _ => false,
    }
}

fn enqueued(run: &[Numbered]) -> Vec<NewMessage> {
    let messages = run.iter().filter_map(|(_, row)| match row {
        Row::Enqueue(message) | Row::CancelCall { message, .. } => Some(message.clone()),
        Row::Cancel { .. } => None,
    });
    messages.collect()
}

fn canceled(run: &[Numbered]) -> Vec<MessageKey> {
    let keys = run.iter().filter_map(|(_, row)| match row {
        Row::Cancel { key, .. } => Some(key.clone()),
        Row::Enqueue(_) | Row::CancelCall { .. } => None,
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enqueue(id: &str) -> Row {
        Row::Enqueue(NewMessage {
            id: id.into(),
            ..NewMessage::default()
        })
    }

    fn cancel(reason: &str) -> Row {
        let key = MessageKey {
            queue: "q".into(),
            id: "i".into(),
        };
        Row::Cancel {
            key,
            reason: reason.into(),
        }
    }

    fn cancel_call(id: &str) -> Row {
        let message = NewMessage {
            id: id.into(),
            ..NewMessage::default()
        };
        Row::CancelCall {
            call: "c".into(),
            message,
        }
    }

    #[test]
    fn one_call_takes_neighbours_of_one_kind() {
        let rows = [
            enqueue("1"),
            cancel_call("2"),
            cancel("a"),
            cancel("a"),
            cancel("b"),
            enqueue("3"),
        ];
        let runs = runs((0..).zip(rows).collect());
        let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 2, 1, 1]);
    }
}
