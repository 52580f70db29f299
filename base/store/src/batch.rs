use bytes::Bytes;

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Put { key: Bytes, value: Bytes },
    Delete { key: Bytes },
}

impl Op {
    /// The key that is changed.
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// What the key holds afterwards.
    pub fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }

    fn bytes(&self) -> usize {
        self.key().len() + self.value().map_or(0, Bytes::len)
    }
}

/// Changes that apply together, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Put {
            key: key.into(),
            value: value.into(),
        });
        self
    }

    /// Removes `key`; nothing happens if it is absent.
    pub fn delete(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Delete { key: key.into() });
        self
    }

    /// Appends the changes of `other`.
    pub fn append(&mut self, mut other: Batch) -> &mut Self {
        self.ops.append(&mut other.ops);
        self
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// The sum of the lengths of all keys and values, in bytes.
    pub fn bytes(&self) -> usize {
        self.ops.iter().map(Op::bytes).sum()
    }

    /// The changes in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }
}
