//! Messages that have ended and are remembered only to be recognised, in little space.

use crate::details::{Details, put_number, take_number};
use crate::id::Id;
use crate::message::{Act, End, Ending, Message, Settled, State};
use crate::name::Name;

/// Bytes for which room is made at once.
const ROOM: usize = 512;

/// Packed messages of one page, in the order in which they were packed: each behind its
/// length and its place in the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    /// A bit for each place that is taken.
    there: u64,
    bytes: Vec<u8>,
    /// What the queues are called; messages say which by number.
    queues: Vec<Name>,
    /// Which is forgotten first, and when.
    first: Option<(i64, u8)>,
}

/// Where a message lies among the bytes.
#[derive(Clone, Copy)]
struct Spot<'a> {
    start: usize,
    end: usize,
    place: u8,
    entry: &'a [u8],
}

/// Whether nothing of it is lost when it is packed.
pub(crate) fn fits(message: &Message) -> bool {
    let has_ended = matches!(message.state, State::Ended(_));
    has_ended && message.payload_bytes == 0 && message.details.is_empty()
}

impl Packed {
    pub(crate) fn is_empty(&self) -> bool {
        self.there == 0
    }

    pub(crate) fn holds(&self, place: u8) -> bool {
        self.there & (1 << place) > 0
    }

    /// Adds a message that [fits](fits), at a place that is free.
    pub(crate) fn add(&mut self, place: u8, message: &Message) {
        let State::Ended(end) = message.state else {
            return;
        };
        let queue = self.queue(&message.queue);
        let mut entry = Vec::with_capacity(64);
        entry.push(place);
        put_entry(&mut entry, queue, message, end);
        let room = self.bytes.len() + entry.len() + 2;
        if room > self.bytes.capacity() {
            self.bytes.reserve_exact(ROOM.max(entry.len() + 2));
        }
        put_number(&mut self.bytes, entry.len());
        self.bytes.extend_from_slice(&entry);
        self.there |= 1 << place;
        let first = (end.forget_at, place);
        self.first = Some(self.first.map_or(first, |known| known.min(first)));
    }

    fn queue(&mut self, name: &Name) -> usize {
        let known = self.queues.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.queues.reserve_exact(1);
            self.queues.push(name.clone());
            self.queues.len() - 1
        })
    }

    /// The message at a place.
    pub(crate) fn get(&self, place: u8) -> Option<Message> {
        self.unpack(self.find(place)?)
    }

    /// Takes the message at a place out.
    pub(crate) fn take(&mut self, place: u8) -> Option<Message> {
        let spot = self.find(place)?;
        let (start, end) = (spot.start, spot.end);
        let message = self.unpack(spot);
        self.bytes.drain(start..end);
        self.there &= !(1 << place);
        if self.is_empty() {
            *self = Self::default();
        } else if self.bytes.capacity() > 2 * self.bytes.len() + ROOM {
            self.bytes.shrink_to_fit();
        }
        if self.first.is_some_and(|(_, first)| first == place) {
            self.first = self.look_for_first();
        }
        message
    }

    /// Which is forgotten first, and when.
    pub(crate) fn first(&self) -> Option<(i64, u8)> {
        self.first
    }

    fn look_for_first(&self) -> Option<(i64, u8)> {
        let ends = self.spots().map(|spot| {
            let mut entry = spot.entry;
            (take_signed(&mut entry), spot.place)
        });
        ends.min()
    }

    fn find(&self, place: u8) -> Option<Spot<'_>> {
        match self.holds(place) {
            true => self.spots().find(|spot| spot.place == place),
            false => None,
        }
    }

    fn spots(&self) -> impl Iterator<Item = Spot<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let start = self.bytes.len() - rest.len();
            let len = take_number(&mut rest);
            let (entry, behind) = rest.split_at_checked(len)?;
            rest = behind;
            let (place, entry) = entry.split_first()?;
            let (place, end) = (*place, self.bytes.len() - rest.len());
            Some(Spot {
                start,
                end,
                place,
                entry,
            })
        })
    }

    fn unpack(&self, spot: Spot<'_>) -> Option<Message> {
        let mut rest = spot.entry;
        let forget_at = take_signed(&mut rest);
        let queue = self.queues.get(take_number(&mut rest))?.clone();
        let flags = take_number(&mut rest);
        let how = *ENDINGS.get(flags & 7)?;
        let mut message = Message {
            queue,
            id: Id::take(&mut rest),
            priority: take_signed(&mut rest),
            payload_bytes: 0,
            details: Details::default(),
            attempts_left: take_number(&mut rest) as u32,
            deliveries: take_number(&mut rest) as u32,
            version: take_number(&mut rest) as u64,
            settled: None,
            state: State::Ended(End { how, forget_at }),
        };
        let act = (flags >> 3).checked_sub(1);
        if let Some(act) = act.and_then(|act| ACTS.get(act)) {
            let delivery = take_number(&mut rest) as u32;
            let nonce = rest
                .first_chunk()
                .map_or(0, |nonce| u64::from_le_bytes(*nonce));
            message.settled = Some(Settled {
                delivery,
                nonce,
                act: *act,
            });
        }
        Some(message)
    }
}

const ENDINGS: [Ending; 5] = [
    Ending::Completed,
    Ending::Canceled,
    Ending::NeverSeen,
    Ending::Errored,
    Ending::DeadLettered,
];
const ACTS: [Act; 3] = [Act::Completed, Act::Failed, Act::Released];

/// When it is forgotten comes first, as that is looked for.
fn put_entry(entry: &mut Vec<u8>, queue: usize, message: &Message, end: End) {
    put_signed(entry, end.forget_at);
    put_number(entry, queue);
    let act = message.settled.map(|settled| settled.act);
    let act = act.and_then(|act| ACTS.iter().position(|known| *known == act));
    let how = ENDINGS.iter().position(|known| *known == end.how);
    entry.push(how.unwrap_or(0) as u8 | act.map_or(0, |act| (act as u8 + 1) << 3));
    message.id.put(entry);
    put_signed(entry, message.priority);
    put_number(entry, message.attempts_left as usize);
    put_number(entry, message.deliveries as usize);
    put_number(entry, message.version as usize);
    if let Some(settled) = message.settled {
        put_number(entry, settled.delivery as usize);
        entry.extend_from_slice(&settled.nonce.to_le_bytes());
    }
}

fn put_signed(packed: &mut Vec<u8>, number: i64) {
    put_number(packed, ((number << 1) ^ (number >> 63)) as usize);
}

fn take_signed(rest: &mut &[u8]) -> i64 {
    let number = take_number(rest);
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Messages that fit.
    pub(crate) fn messages() -> impl Strategy<Value = Message> {
        let ids = prop_oneof![
            "[0-9a-f]{32}",
            "[0-9a-f]{32}/result",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            ".{0,60}",
        ];
        let act = select(ACTS.to_vec());
        let settled = option::of((any::<u32>(), any::<u64>(), act));
        let end = (select(ENDINGS.to_vec()), any::<i64>());
        let numbers = any::<(i64, u64, u32, u32)>();
        (
            select(vec!["a", "b", "stratum/c"]),
            ids,
            numbers,
            settled,
            end,
        )
            .prop_map(|(queue, id, numbers, settled, (how, forget_at))| Message {
                queue: queue.into(),
                id: Id::new(&id),
                priority: numbers.0,
                payload_bytes: 0,
                details: Details::default(),
                attempts_left: numbers.2,
                deliveries: numbers.3,
                version: numbers.1,
                settled: settled.map(|(delivery, nonce, act)| Settled {
                    delivery,
                    nonce,
                    act,
                }),
                state: State::Ended(End { how, forget_at }),
            })
    }

    proptest! {
        #[test]
        fn a_message_is_unpacked_as_it_was(message in messages(), place in 0..64_u8) {
            let mut packed = Packed::default();
            packed.add(place, &message);
            prop_assert_eq!(packed.get(place), Some(message.clone()));
            prop_assert_eq!(packed.take(place), Some(message));
            prop_assert!(packed.is_empty() && packed.bytes.capacity() == 0);
        }
    }

    #[test]
    fn a_message_that_went_well_takes_little_room() {
        let mut packed = Packed::default();
        for place in 0..64 {
            let id = format!("{place:032x}/result");
            packed.add(place, &completed(&id));
        }
        let room = packed.bytes.capacity() / 64;
        assert!(room <= 60, "{room}");
    }

    fn completed(id: &str) -> Message {
        Message {
            queue: "plato/t/0".into(),
            id: Id::new(id),
            priority: 0,
            payload_bytes: 0,
            details: Details::default(),
            attempts_left: 15,
            deliveries: 1,
            version: 3,
            settled: Some(Settled {
                delivery: 1,
                nonce: u64::MAX,
                act: Act::Completed,
            }),
            state: State::Ended(End {
                how: Ending::Completed,
                forget_at: 1_800_000_000_000,
            }),
        }
    }
}
