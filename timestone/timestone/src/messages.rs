//! All messages, by sequence: in pages, as most sequences of a page are in use or
//! none is.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::message::Message;

/// Sequences of a page.
const PAGE: u64 = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    pages: HashMap<u64, Page, BuildHasherDefault<Spread>>,
    len: usize,
}

/// The messages that are there of a page, in order.
#[derive(Clone, Debug, Default)]
struct Page {
    /// A bit for each that is there.
    there: u64,
    messages: Vec<Message>,
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
}

impl Messages {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Message> {
        let page = self.pages.get(&(sequence / PAGE))?;
        page.messages.get(page.find(sequence)?)
    }

    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut Message> {
        let page = self.pages.get_mut(&(sequence / PAGE))?;
        let at = page.find(sequence)?;
        page.messages.get_mut(at)
    }

    /// Adds a message whose sequence is not in use.
    pub(crate) fn insert(&mut self, sequence: u64, message: Message) {
        let page = self.pages.entry(sequence / PAGE).or_default();
        let (at, bit) = page.place(sequence);
        page.messages.insert(at, message);
        page.there |= bit;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Message> {
        let number = sequence / PAGE;
        let page = self.pages.get_mut(&number)?;
        let at = page.find(sequence)?;
        let message = page.messages.remove(at);
        page.there &= !page.place(sequence).1;
        self.len -= 1;
        let left = page.messages.len();
        if left == 0 {
            self.pages.remove(&number);
        } else if page.messages.capacity() > 2 * left + 16 {
            page.messages.shrink_to(left + left / 2);
        }
        Some(message)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.pages.iter().flat_map(|(number, page)| {
            let there = (0..PAGE).filter(|n| page.there & (1 << n) > 0);
            let sequences = there.map(move |n| number * PAGE + n);
            sequences.zip(&page.messages)
        })
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
