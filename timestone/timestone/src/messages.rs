//! All messages, by sequence: in pages, as most sequences of a page are in use or
//! none is. Those that have ended may be packed.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::message::Message;
use crate::packed::{self, Packed};
use crate::sorted::Sorted;

/// Sequences of a page.
const PAGE: u64 = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    pages: HashMap<u64, Page, BuildHasherDefault<Spread>>,
    len: usize,
    /// How many are packed.
    packed: usize,
    /// Their sequences in the order in which they were packed, with some that are not any more.
    order: VecDeque<u64>,
    /// Of each page with packed messages: which is forgotten first, and when.
    forgets: Sorted<(i64, u64)>,
}

/// The messages that are there of a page, in order, and those that are packed.
#[derive(Clone, Debug, Default)]
struct Page {
    /// A bit for each that is there and not packed.
    there: u64,
    messages: Vec<Message>,
    packed: Packed,
}

impl Page {
    /// Where a message is or would be, and its bit.
    fn place(&self, sequence: u64) -> (usize, u64) {
        let bit = 1 << (sequence % PAGE);
        ((self.there & (bit - 1)).count_ones() as usize, bit)
    }

    fn find(&self, sequence: u64) -> Option<usize> {
        let (at, bit) = self.place(sequence);
        (self.there & bit > 0).then_some(at)
    }

    fn insert(&mut self, sequence: u64, message: Message) {
        let (at, bit) = self.place(sequence);
        self.messages.insert(at, message);
        self.there |= bit;
    }

    /// Takes out a message that is not packed.
    fn take(&mut self, sequence: u64) -> Option<Message> {
        let message = self.messages.remove(self.find(sequence)?);
        self.there &= !self.place(sequence).1;
        match self.messages.len() {
            0 => self.messages = Vec::new(),
            left if self.messages.capacity() > 2 * left + 16 => {
                self.messages.shrink_to(left + left / 2);
            }
            _ => {}
        }
        Some(message)
    }

    /// Which of the packed messages is forgotten first, and when.
    fn first(&self, number: u64) -> Option<(i64, u64)> {
        let first = self.packed.first();
        first.map(|(at, place)| (at, number * PAGE + u64::from(place)))
    }
}

/// The place of a sequence in its page.
fn place(sequence: u64) -> u8 {
    (sequence % PAGE) as u8
}

impl Messages {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<Cow<'_, Message>> {
        let page = self.pages.get(&(sequence / PAGE))?;
        match page.find(sequence) {
            Some(at) => page.messages.get(at).map(Cow::Borrowed),
            None => page.packed.get(place(sequence)).map(Cow::Owned),
        }
    }

    /// A message that is not packed, as those that have not ended are.
    pub(crate) fn find(&self, sequence: u64) -> Option<&Message> {
        let page = self.pages.get(&(sequence / PAGE))?;
        page.messages.get(page.find(sequence)?)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut Message> {
        let page = self.pages.get_mut(&(sequence / PAGE))?;
        let at = page.find(sequence)?;
        page.messages.get_mut(at)
    }

    /// Adds a message whose sequence is not in use.
    pub(crate) fn insert(&mut self, sequence: u64, message: Message) {
        let page = self.pages.entry(sequence / PAGE).or_default();
        page.insert(sequence, message);
        self.len += 1;
    }

    /// Packs a message, if that loses nothing: when it is to be forgotten, which from now on
    /// [`next_forget`](Self::next_forget) tells.
    pub(crate) fn pack(&mut self, sequence: u64) -> Option<i64> {
        let page = self.pages.get_mut(&(sequence / PAGE))?;
        let at = page.find(sequence)?;
        let forget_at = page
            .messages
            .get(at)
            .filter(|message| packed::fits(message))?;
        let forget_at = forget_at.state.due()?;
        let message = page.take(sequence)?;
        let before = page.first(sequence / PAGE);
        page.packed.add(place(sequence), &message);
        self.packed += 1;
        self.order.push_back(sequence);
        self.bound_order();
        self.forget_first(sequence / PAGE, before);
        Some(forget_at)
    }

    /// Undoes [`pack`](Self::pack): when the message is to be forgotten.
    pub(crate) fn unpack(&mut self, sequence: u64) -> Option<i64> {
        let message = self.take_packed(sequence)?;
        let forget_at = message.state.due();
        let page = self.pages.entry(sequence / PAGE).or_default();
        page.insert(sequence, message);
        forget_at
    }

    fn take_packed(&mut self, sequence: u64) -> Option<Message> {
        let page = self.pages.get_mut(&(sequence / PAGE))?;
        if !page.packed.holds(place(sequence)) {
            return None;
        }
        let before = page.first(sequence / PAGE);
        let message = page.packed.take(place(sequence))?;
        self.packed -= 1;
        self.forget_first(sequence / PAGE, before);
        Some(message)
    }

    /// Which of a page is forgotten first may have changed.
    fn forget_first(&mut self, number: u64, before: Option<(i64, u64)>) {
        let first = self.pages.get(&number).and_then(|page| page.first(number));
        if first != before {
            if let Some(before) = before {
                self.forgets.remove(before);
            }
            if let Some(first) = first {
                self.forgets.insert(first);
            }
        }
    }

    /// How many messages are packed.
    pub(crate) fn packed(&self) -> usize {
        self.packed
    }

    /// The message that has been packed for longest.
    pub(crate) fn longest_packed(&mut self) -> Option<u64> {
        while let Some(sequence) = self.order.front().copied() {
            if self.is_packed(sequence) {
                return Some(sequence);
            }
            self.order.pop_front();
        }
        None
    }

    /// Has them packed in the order of what `when` says of each.
    pub(crate) fn order_packed(&mut self, when: impl Fn(&Message) -> i64) {
        let mut order: Vec<_> = std::mem::take(&mut self.order).into();
        order.sort_by_cached_key(|sequence| self.get(*sequence).map(|message| when(&message)));
        self.order = order.into();
    }

    fn is_packed(&self, sequence: u64) -> bool {
        let page = self.pages.get(&(sequence / PAGE));
        page.is_some_and(|page| page.packed.holds(place(sequence)))
    }

    /// Drops those that are not packed any more once they are most.
    fn bound_order(&mut self) {
        if self.order.len() > 2 * self.packed + PAGE as usize {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|sequence| self.is_packed(*sequence));
            self.order = order;
        }
    }

    /// The packed message that is forgotten first, and when.
    pub(crate) fn next_forget(&self) -> Option<(i64, u64)> {
        self.forgets.first()
    }

    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Message> {
        let taken = self.take_packed(sequence);
        let number = sequence / PAGE;
        let page = self.pages.get_mut(&number)?;
        let message = taken.or_else(|| page.take(sequence))?;
        if page.there == 0 && page.packed.is_empty() {
            self.pages.remove(&number);
        }
        self.len -= 1;
        Some(message)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Cow<'_, Message>)> {
        let sequences = self.pages.keys().flat_map(|number| {
            let begin = number * PAGE;
            begin..begin + PAGE
        });
        sequences.filter_map(|sequence| Some((sequence, self.get(sequence)?)))
    }
}

/// Spreads numbers that follow one another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::packed::tests::messages;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Box<Message>),
        Pack,
        Unpack,
        Remove,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![
            3 => messages().prop_map(|message| Step::Insert(message.into())),
            3 => Just(Step::Pack),
            1 => Just(Step::Unpack),
            1 => Just(Step::Remove),
        ];
        vec((50..150_u64, step), 0..300)
    }

    proptest! {
        #[test]
        fn packed_or_not_messages_are_what_they_were(steps in steps()) {
            let (mut messages, mut model) = (Messages::default(), BTreeMap::new());
            let mut packed = BTreeMap::new();
            for (sequence, step) in steps {
                match step {
                    Step::Insert(message) if !model.contains_key(&sequence) => {
                        messages.insert(sequence, Message::clone(&message));
                        model.insert(sequence, *message);
                    }
                    Step::Insert(_) => {}
                    Step::Pack => packed.extend(messages.pack(sequence).map(|at| (sequence, at))),
                    Step::Unpack => {
                        prop_assert_eq!(messages.unpack(sequence), packed.remove(&sequence));
                    }
                    Step::Remove => {
                        packed.remove(&sequence);
                        prop_assert_eq!(messages.remove(sequence), model.remove(&sequence));
                    }
                }
                let found = messages.get(sequence).map(Cow::into_owned);
                prop_assert_eq!(found.as_ref(), model.get(&sequence));
                let first = packed.iter().map(|(sequence, at)| (*at, *sequence)).min();
                prop_assert_eq!(messages.next_forget(), first);
            }
            let all: BTreeMap<_, _> = messages
                .iter()
                .map(|(sequence, message)| (sequence, message.into_owned()))
                .collect();
            prop_assert_eq!(messages.len(), model.len());
            prop_assert_eq!(all, model);
        }
    }
}
