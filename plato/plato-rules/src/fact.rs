use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// A fact of one working memory, in the order of their assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactId(pub u64);

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0)
    }
}

/// A fact as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) id: FactId,
    /// Its type.
    pub(crate) kind: usize,
    /// The number of the change that asserted it.
    pub(crate) since: u64,
    pub(crate) fields: Vec<Field>,
}

/// A field of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) value: Value,
    pub(crate) hash: u64,
    /// The number of the change that gave it this value.
    pub(crate) version: u64,
}

/// A fact, shared by all that speak of it.
pub(crate) type SharedFact = Arc<Fact>;

impl Fact {
    /// The newest version of the fields in `mask`; that of the fact, if there are none.
    pub(crate) fn version(&self, mask: u32) -> u64 {
        let fields = self.fields.iter().enumerate();
        let read = fields.filter(|(place, _)| mask & (1 << place) != 0);
        read.map(|(_, field)| field.version)
            .fold(self.since, u64::max)
    }
}
