use crate::MessageState;

/// Which messages are meant: those for which every clause holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub metadata: Vec<Clause>,
    /// Empty = any.
    pub states: Vec<MessageState>,
}

/// The value of this metadata key is one of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clause {
    pub key: String,
    pub any_of: Vec<String>,
}

impl Clause {
    /// The value of `key` is `value`.
    pub fn equal(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            any_of: vec![value.into()],
        }
    }

    pub(crate) fn holds(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.any_of.iter().any(|wanted| wanted == value))
    }
}
