//! What clients asked and were told.

/// Proof of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub message: u16,
    pub delivery: u32,
    pub nonce: u64,
}

impl Token {
    /// The delivery that it proves.
    pub fn spent(&self) -> (u16, u32) {
        (self.message, self.delivery)
    }
}

/// What is asked of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Enqueue {
        message: u16,
        priority: i64,
        /// Its exclusivity value, where the queue is exclusive.
        value: u8,
    },
    /// One message, without waiting.
    Dequeue,
    Complete(Token),
    Release(Token),
    /// Fail, to be tried again at once.
    Retry(Token),
    Extend(Token),
    /// The server, or what it stores in, was killed and has come back.
    Restart,
}

impl Act {
    /// The delivery that is spoken of.
    pub fn token(&self) -> Option<Token> {
        match self {
            Self::Complete(token)
            | Self::Release(token)
            | Self::Retry(token)
            | Self::Extend(token) => Some(*token),
            Self::Enqueue { .. } | Self::Dequeue | Self::Restart => None,
        }
    }
}

/// What was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// It had been done before.
    Duplicate,
    /// The token is no longer good.
    Lost,
    Leased(Token),
    Nothing,
}

impl Call {
    /// The message that it is about, or that was given out.
    pub fn message(&self) -> Option<u16> {
        match (self.act, self.answer) {
            (Act::Enqueue { message, .. }, _) => Some(message),
            (Act::Dequeue, Some(Answer::Leased(token))) => Some(token.message),
            (act, _) => act.token().map(|token| token.message),
        }
    }
}

/// One call, as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub client: u32,
    pub act: Act,
    /// `None`: it was never told; the call may have had its effect or not.
    pub answer: Option<Answer>,
    /// Before and after all others, by number. A call that was never told had its effect, if it
    /// had any, before it returned.
    pub called: u64,
    pub returned: u64,
    /// The queue's time at the beginning and at the end: Unix milliseconds.
    pub from_ms: i64,
    pub to_ms: i64,
}
