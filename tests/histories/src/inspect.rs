//! A client that comes when all is over, asks for everything, and so makes everybody's effects
//! visible.

use std::sync::Arc;

use timestone_client::Timestone;

use crate::call::{Act, Answer, Token};
use crate::notes::Notes;
use crate::record::{Desk, MESSAGES};

const INSPECTOR: u32 = u32::MAX - 1;

/// Looks at every message, enqueues it again, tries the newest tokens that were given out, and
/// leases and completes whatever there is.
///
/// Calls that get no answer are noted as such.
pub async fn inspect(timestone: Arc<dyn Timestone>, queue: &str, notes: &Notes) {
    let desk = Desk {
        timestone,
        queue: queue.to_owned(),
    };
    let inspector = Inspector { desk, notes };
    for message in 0..MESSAGES as u16 {
        inspector.look(message).await;
        inspector.enqueue(message).await;
    }
    for token in newest(notes) {
        inspector.call(Act::Extend(token)).await;
    }
    // What is held by others stays; a queue that makes mistakes may never be empty.
    for _ in 0..MESSAGES + 2 {
        let Some(Answer::Leased(token)) = inspector.call(Act::Dequeue).await else {
            return;
        };
        inspector.call(Act::Complete(token)).await;
    }
}

/// The newest token of each message.
fn newest(notes: &Notes) -> Vec<Token> {
    let mut tokens = std::collections::BTreeMap::new();
    for call in notes.calls() {
        if let Some(Answer::Leased(token)) = call.answer {
            let newest = tokens.entry(token.message).or_insert(token);
            if newest.delivery < token.delivery {
                *newest = token;
            }
        }
    }
    tokens.into_values().collect()
}

struct Inspector<'a> {
    desk: Desk,
    notes: &'a Notes,
}

impl Inspector<'_> {
    async fn look(&self, message: u16) {
        let begun = self.notes.begin();
        if let Some(version) = self.desk.version(message).await {
            self.notes.saw(begun, message, version);
        }
    }

    async fn enqueue(&self, message: u16) {
        let act = Act::Enqueue {
            message,
            priority: 0,
            value: (message % 3) as u8,
        };
        self.call(act).await;
    }

    async fn call(&self, act: Act) -> Option<Answer> {
        let begun = self.notes.begin();
        let answer = self.desk.ask(INSPECTOR, act, 0).await;
        self.notes.end(begun, INSPECTOR, act, answer);
        answer
    }
}
