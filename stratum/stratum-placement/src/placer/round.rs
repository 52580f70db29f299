use crate::Decision;

/// One round of decisions, while it is made.
#[derive(Debug)]
pub(super) struct Round {
    /// Unix milliseconds.
    pub(super) now: u64,
    pub(super) decisions: Vec<Decision>,
}

impl Round {
    pub(super) fn new(now: u64) -> Self {
        Self {
            now,
            decisions: Vec::new(),
        }
    }
}
