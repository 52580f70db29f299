use serde::{Deserialize, Serialize};

/// Who is to blame, which decides whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The request is wrong. Never retried.
    User,
    /// The source media is bad. Never retried.
    Source,
    /// The function failed. Retried a few times.
    Function,
    /// A machine or service was lost. Retried elsewhere until the deadline.
    Platform,
    /// Somebody canceled the work.
    Canceled,
    /// The deadline passed.
    Deadline,
}

impl Class {
    /// Whether another try can end differently.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Function | Self::Platform)
    }

    /// The exit status of a command that ends with this error. Functions may use
    /// the same statuses to tell the agent the class of their failure.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Source => 3,
            Self::Function => 4,
            Self::Platform => 5,
            Self::Deadline => 6,
            Self::Canceled => 130,
        }
    }

    /// The class a function's exit status stands for; any other status is [`Class::Function`].
    pub fn of_exit_status(status: i32) -> Self {
        match status {
            2 => Self::User,
            3 => Self::Source,
            5 => Self::Platform,
            6 => Self::Deadline,
            130 => Self::Canceled,
            _ => Self::Function,
        }
    }
}
