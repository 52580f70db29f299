//! Outbox rows that were handed on. They are deleted by the next commit that is made for
//! another reason: what a crash leaves of them is handed on again, and recognised.

/// Rows that may wait to be deleted.
const MAX_ROWS: usize = 1_024;
/// How long they wait for another reason, in milliseconds.
const WAIT_MS: i64 = 100;

/// The numbers of the rows.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    numbers: Vec<u64>,
    since_ms: i64,
}

impl Sent {
    pub(crate) fn add(&mut self, number: u64, now_ms: i64) {
        if self.numbers.is_empty() {
            self.since_ms = now_ms;
        }
        self.numbers.push(number);
    }

    /// When they are deleted at the latest, in Unix milliseconds.
    pub(crate) fn due(&self) -> Option<i64> {
        match self.numbers.len() {
            0 => None,
            1..MAX_ROWS => Some(self.since_ms.saturating_add(WAIT_MS)),
            _ => Some(self.since_ms),
        }
    }

    pub(crate) fn take(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_wait_for_a_while_or_until_they_are_many() {
        let mut sent = Sent::default();
        assert_eq!(sent.due(), None);
        sent.add(0, 7);
        sent.add(1, 9);
        assert_eq!(sent.due(), Some(7 + WAIT_MS));
        (2..MAX_ROWS as u64).for_each(|number| sent.add(number, 9));
        assert_eq!(sent.due(), Some(7));
        assert_eq!(sent.take().len(), MAX_ROWS);
        assert_eq!(sent.due(), None);
    }
}
