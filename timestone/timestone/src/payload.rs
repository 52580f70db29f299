//! Payloads: recent ones are at hand, the others are in the store.
//!
//! A message knows how long its payload is, not what is in it. Who needs that
//! gets a [`Payload`], which may have to be read before the answer is given or
//! the record is written: with the [commit](crate::Commit) that these wait for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::limits::DEFAULT_RECENT_BYTES;
use crate::{MessageKey, MessageState, Notice, Wording};

/// What a payload takes beside its bytes, in bytes.
const AROUND: usize = 128;

/// A payload, or what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Here(Bytes),
    /// What was stored of this message before the changes that are not yet handed out.
    Stored(u64),
    /// Tells the end of a message.
    Told(Arc<Told>),
}

/// The end of a message whose payload is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) key: MessageKey,
    pub(crate) state: MessageState,
    pub(crate) error: Bytes,
    pub(crate) deliveries: u32,
    pub(crate) of: Payload,
}

impl Payload {
    pub(crate) const EMPTY: Self = Self::Here(Bytes::new());

    /// The message of which the payload must be read first.
    fn source(&self) -> Option<u64> {
        match self {
            Self::Here(_) => None,
            Self::Stored(sequence) => Some(*sequence),
            Self::Told(told) => told.of.source(),
        }
    }

    /// The bytes, if they are here.
    pub(crate) fn at_hand(&self) -> Bytes {
        match self {
            Self::Here(bytes) => bytes.clone(),
            Self::Stored(_) | Self::Told(_) => Bytes::new(),
        }
    }

    /// Bytes in memory.
    fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len() + AROUND,
            Self::Stored(_) | Self::Told(_) => 0,
        }
    }

    /// The bytes, with what was read for it.
    pub(crate) fn bytes(&self, read: &Payloads) -> Bytes {
        match self {
            Self::Here(bytes) => bytes.clone(),
            Self::Stored(sequence) => read.stored.get(sequence).cloned().unwrap_or_default(),
            Self::Told(told) => read.wording.terminated(&told.notice(&told.of.bytes(read))),
        }
    }
}

impl Told {
    /// How long the payload that tells it is at most, where that of the message
    /// has so many bytes: it repeats some of that, the names and the error.
    pub(crate) fn bytes(&self, payload_bytes: u32) -> u32 {
        let names = 2 * (self.key.queue.len() + self.key.id.len()) + 256;
        let own = u32::try_from(names + self.error.len()).unwrap_or(u32::MAX);
        payload_bytes.saturating_add(own)
    }

    pub(crate) fn notice<'a>(&'a self, payload: &'a Bytes) -> Notice<'a> {
        Notice {
            key: &self.key,
            state: self.state,
            error: &self.error,
            deliveries: self.deliveries,
            payload,
        }
    }
}

/// Payloads that were read from the store.
pub struct Payloads {
    pub(crate) wording: Arc<dyn Wording>,
    pub(crate) stored: HashMap<u64, Bytes>,
}

impl Payloads {
    pub(crate) fn none(wording: Arc<dyn Wording>) -> Self {
        Self {
            wording,
            stored: HashMap::new(),
        }
    }
}

/// Payloads at hand: those that are not stored yet, and others as long as there
/// is room.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    held: BTreeMap<u64, Held>,
    /// Of those held.
    bytes: usize,
    /// More than this many bytes are held only of what is not stored.
    room: usize,
    /// Commits that were handed out.
    handed_out: u64,
    /// Commits that are stored.
    stored: u64,
    /// Held as what they are made of, until that is handed out.
    made: Vec<u64>,
    /// What answers need from the store.
    pub(crate) wanted: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Held {
    payload: Payload,
    /// The commit that stores it.
    commit: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            bytes: 0,
            room: DEFAULT_RECENT_BYTES,
            handed_out: 0,
            stored: 0,
            made: Vec::new(),
            wanted: BTreeSet::new(),
        }
    }
}

impl Recent {
    /// Holds at most this many bytes of what is stored.
    pub(crate) fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
        self.make_room();
    }

    /// Holds the payload of a message, to be stored with the next commit.
    pub(crate) fn hold(&mut self, sequence: u64, payload: Payload) {
        self.bytes += payload.len();
        if payload.source().is_some() {
            self.made.push(sequence);
        }
        let commit = self.handed_out + 1;
        if let Some(older) = self.held.insert(sequence, Held { payload, commit }) {
            self.bytes -= older.payload.len();
        }
        self.make_room();
    }

    /// The payload of a message that has one.
    pub(crate) fn of(&self, sequence: u64) -> Payload {
        let held = self.held.get(&sequence);
        held.map_or(Payload::Stored(sequence), |held| held.payload.clone())
    }

    pub(crate) fn drop(&mut self, sequence: u64) {
        if let Some(held) = self.held.remove(&sequence) {
            self.bytes -= held.payload.len();
        }
    }

    /// Notes that an answer needs this payload; whether it must be read.
    pub(crate) fn want(&mut self, payload: &Payload) -> bool {
        let source = payload.source();
        self.wanted.extend(source);
        source.is_some()
    }

    /// All that changed is handed out; what that needs from the store.
    pub(crate) fn hand_out(&mut self) -> BTreeSet<u64> {
        self.handed_out += 1;
        for sequence in std::mem::take(&mut self.made) {
            let held = self.held.get(&sequence);
            if held.is_some_and(|held| held.payload.source().is_some()) {
                self.drop(sequence);
            }
        }
        std::mem::take(&mut self.wanted)
    }

    /// How many commits were handed out.
    pub(crate) fn commits(&self) -> u64 {
        self.handed_out
    }

    /// So many of the commits that were handed out are stored.
    pub(crate) fn stored(&mut self, commits: u64) {
        self.stored = self.stored.max(commits);
        self.make_room();
    }

    /// Those that came first go first; the others are more likely to be asked for
    /// before they, too, must go.
    fn make_room(&mut self) {
        while self.bytes > self.room {
            match self.held.first_key_value() {
                Some((sequence, held)) if held.commit <= self.stored => self.drop(*sequence),
                _ => return,
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize) -> Payload {
        Payload::Here(vec![7; len].into())
    }

    #[test]
    fn what_is_not_stored_is_held_and_of_the_rest_the_newest() {
        let mut recent = Recent::default();
        let each = 10 + AROUND;
        recent.set_room(2 * each + 5);
        (0..5).for_each(|sequence| recent.hold(sequence, payload(10)));
        recent.hand_out();
        recent.hold(5, payload(10));
        assert_eq!((recent.bytes(), recent.of(0)), (6 * each, payload(10)));
        recent.stored(recent.commits());
        assert_eq!(
            (recent.bytes(), recent.of(3)),
            (2 * each, Payload::Stored(3))
        );
        assert_eq!(recent.of(4), payload(10));
        recent.set_room(0);
        assert_eq!((recent.bytes(), recent.of(5)), (each, payload(10)));
        recent.hand_out();
        recent.stored(recent.commits());
        assert_eq!((recent.bytes(), recent.of(5)), (0, Payload::Stored(5)));
    }

    #[test]
    fn what_is_stored_of_several_commits_is_known_by_their_order() {
        let mut recent = Recent::default();
        recent.set_room(0);
        for sequence in 0..3 {
            recent.hold(sequence, payload(10));
            recent.hand_out();
        }
        recent.stored(2);
        // What was heard late changes nothing.
        recent.stored(1);
        let held: Vec<_> = (0..3).map(|sequence| recent.of(sequence)).collect();
        assert_eq!(held, [Payload::Stored(0), Payload::Stored(1), payload(10)]);
        recent.stored(recent.commits());
        assert_eq!(recent.of(2), Payload::Stored(2));
    }

    #[test]
    fn what_is_made_of_another_is_held_until_it_is_handed_out() {
        let mut recent = Recent::default();
        recent.hold(9, Payload::Stored(4));
        assert_eq!(recent.of(9), Payload::Stored(4));
        assert!(recent.want(&recent.of(9)));
        assert_eq!(recent.hand_out(), [4].into());
        assert_eq!(recent.of(9), Payload::Stored(9));
        assert_eq!(recent.hand_out(), [].into());
    }
}
