use std::iter;

use serde::{Deserialize, Serialize};
use video::{DecoderBuffer, Fullness, TimeBase};

use super::{Cost, Scale, budgets, settle, solve};

/// What one chunk may have of a decoder's buffer, and of the bits of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of the quantisers of the first pass; no matter without one.
    pub scale: Scale,
    /// What is in the buffer when the chunk begins, in 255ths; at least 1.
    pub entry: u8,
    /// The bitrate at which it fills, in 200ths of the greatest.
    pub rate: u8,
}

/// The most chunks that can be handed from one to the next: what a plan tells of them is carried by
/// messages.
pub const MAX_SHARED: usize = 1_500;

/// In 255ths of a buffer: with so much a file begins, as x264 has it …
const BEGINS: u8 = 230;
/// … and so much is left at the end of a chunk, or what the flow has made of less.
const LEFT: u64 = 128;
/// All of the bitrate.
const WHOLE: u8 = 200;
/// What is taken off where an encoder spends more than it was given.
const LESS: u8 = 10;

impl Share {
    /// Of a chunk of which nothing is known.
    pub const UNKNOWN: Self = Self {
        scale: Scale(0),
        entry: BEGINS,
        rate: WHOLE,
    };

    /// Bits in a second, and in the buffer when the chunk begins.
    pub fn of(self, buffer: DecoderBuffer) -> (u64, u64) {
        let part = |whole: u64, share: u8, of: u8| {
            let part = u128::from(whole) * u128::from(share) / u128::from(of);
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        (
            part(buffer.max_bitrate, self.rate, WHOLE),
            part(buffer.size, self.entry, u8::MAX),
        )
    }

    fn with_entry(self, bits: u64, buffer: DecoderBuffer) -> Self {
        let entry = u128::from(bits) * 255 / u128::from(buffer.size.max(1));
        Self {
            entry: u8::try_from(entry).unwrap_or(u8::MAX).max(1),
            ..self
        }
    }
}

/// How a decoder's buffer goes through a film.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    pub buffer: DecoderBuffer,
    pub ticks: TimeBase,
    /// When each access unit is taken out, in decoding order.
    pub removals: &'a [i64],
}

/// How it went through a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Passage {
    /// Bits there when the chunk began.
    entry: u64,
    /// Bits that were taken out.
    spent: u64,
    /// Bits that were not there in time, at worst.
    missing: u64,
}

impl Course<'_> {
    fn begin(&self) -> Fullness {
        let (_, entry) = Share::UNKNOWN.of(self.buffer);
        self.buffer.holding(entry, self.ticks)
    }

    /// Ticks from one removal to the next; none behind the last.
    fn waits(&self) -> impl Iterator<Item = i64> {
        let pairs = self.removals.windows(2);
        pairs.map(|pair| pair[1] - pair[0]).chain(iter::repeat(0))
    }

    /// Through chunks whose access units have these bits.
    fn replay(&self, chunks: &[Vec<u64>]) -> Vec<Passage> {
        let (mut now, mut waits) = (self.begin(), self.waits());
        let mut through = |units: &Vec<u64>| {
            let mut passage = Passage {
                entry: now.bits(),
                spent: units.iter().sum(),
                missing: 0,
            };
            for bits in units {
                passage.missing = passage.missing.max(now.remove(*bits));
                now.wait(waits.next().unwrap_or(0));
            }
            passage
        };
        chunks.iter().map(&mut through).collect()
    }

    /// Through chunks of these costs at a scale, of which nothing is spent that the buffer does not
    /// bring, nor what the next chunk begins with.
    fn lead(&self, chunks: &[Vec<Cost>], scale: Scale) -> Vec<Passage> {
        let (mut now, mut waits) = (self.begin(), self.waits());
        let left = self.buffer.size / 255 * LEFT;
        // Behind the last one comes nothing.
        let mut left_over = chunks.len();
        let mut through = |frames: &Vec<Cost>| {
            let mut passage = Passage {
                entry: now.bits(),
                ..Passage::default()
            };
            for cost in frames {
                let bits = cost.bits(scale).min(now.bits());
                now.remove(bits);
                passage.spent += bits;
                now.wait(waits.next().unwrap_or(0));
            }
            left_over -= 1;
            if left_over > 0 && now.bits() < left {
                let kept = (left - now.bits()).min(passage.spent);
                passage.spent -= kept;
                now = self.buffer.holding(now.bits() + kept, self.ticks);
            }
            passage
        };
        chunks.iter().map(&mut through).collect()
    }
}

/// Shares of chunks whose frames cost so much: by the finest scale that takes no more than `target`
/// bits together.
pub fn share(course: &Course<'_>, chunks: &[Vec<Cost>], target: u64) -> Vec<Share> {
    let (Scale(mut low), Scale(mut high)) = Scale::ENDS;
    while low < high {
        let middle = low + (high - low) / 2;
        let passages = course.lead(chunks, Scale(middle));
        match passages.iter().map(|one| one.spent).sum::<u64>() <= target {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    let passages = course.lead(chunks, Scale(low));
    let share = |(frames, passage): (&Vec<Cost>, &Passage)| {
        let whole: Cost = frames.iter().copied().sum();
        Share {
            scale: solve(&[whole], passage.spent),
            ..Share::UNKNOWN.with_entry(passage.entry, course.buffer)
        }
    };
    chunks.iter().zip(&passages).map(share).collect()
}

/// Sets right what chunks of these shares have come to. One that has more bits than came in time is
/// told what was really in the buffer when it began; where it was told no more than that, it is to
/// fill more slowly. Where there is a `target`, budgets change as [`settle`] has it; where this is the
/// `last` time, they only shrink, so that nothing new comes late.
pub fn settle_shares(
    course: &Course<'_>,
    shares: &[Share],
    units: &[Vec<u64>],
    target: Option<(&[Cost], u64)>,
    last: bool,
) -> Vec<Share> {
    let passages = course.replay(units);
    let spent: u64 = passages.iter().map(|passage| passage.spent).sum();
    let mut settled = match target {
        Some((costs, target)) if !last || spent > target => {
            rescaled(shares, costs, &passages, target)
        }
        _ => shares.to_vec(),
    };
    let late = settled.iter_mut().zip(&passages);
    for (share, passage) in late.filter(|(_, passage)| passage.missing > 0) {
        let told = share.entry;
        let found = share.with_entry(passage.entry, course.buffer).entry;
        share.entry = told.min(found);
        if share.entry == told {
            share.rate -= LESS.min(share.rate / 2);
        }
    }
    settled
}

/// What the buffer does not bring is not made up for.
fn rescaled(shares: &[Share], costs: &[Cost], passages: &[Passage], target: u64) -> Vec<Share> {
    let planned = shares.iter().zip(costs);
    let planned: Vec<u64> = planned
        .flat_map(|(share, cost)| budgets(&[*cost], share.scale))
        .collect();
    let actual: Vec<u64> = passages.iter().map(|passage| passage.spent).collect();
    let target = target.min(planned.iter().sum());
    let mut rescaled = shares.to_vec();
    for (index, bits) in settle(&planned, &actual, target) {
        let index = index as usize;
        rescaled[index].scale = solve(&costs[index..=index], bits);
    }
    rescaled
}

/// The shares of all chunks, in order: eight hexadecimal digits each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shares(pub Vec<Share>);

impl From<Shares> for String {
    fn from(shares: Shares) -> Self {
        let digits = |share: Share| {
            let scale = (share.scale.0 as i16) as u16;
            format!("{scale:04x}{:02x}{:02x}", share.entry, share.rate)
        };
        shares.0.into_iter().map(digits).collect()
    }
}

impl TryFrom<String> for Shares {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (shares, rest) = text.as_bytes().as_chunks::<8>();
        let shares: Option<Vec<Share>> = shares.iter().map(read).collect();
        match shares {
            Some(shares) if rest.is_empty() => Ok(Self(shares)),
            _ => Err("shares are eight hexadecimal digits each"),
        }
    }
}

fn read(digits: &[u8; 8]) -> Option<Share> {
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let [high, low, entry, rate] = number.to_be_bytes();
    Some(Share {
        scale: Scale(i16::from_be_bytes([high, low]).into()),
        entry,
        rate,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// 1,000 bits come in a tick, and ten ticks' fill the buffer.
    const BUFFER: DecoderBuffer = DecoderBuffer {
        max_bitrate: 24_000,
        size: 10_200,
    };

    fn course(removals: &[i64]) -> Course<'_> {
        Course {
            buffer: BUFFER,
            ticks: TimeBase::per_second(24).unwrap(),
            removals,
        }
    }

    fn frames(texture: u64, count: usize) -> Vec<Cost> {
        let cost = Cost {
            texture,
            motion: 0,
            fixed: 8,
        };
        vec![cost; count]
    }

    fn ticks(frames: usize) -> Vec<i64> {
        (0..frames as i64).collect()
    }

    #[test]
    fn what_does_not_come_is_not_spent_and_a_chunk_leaves_half_a_buffer_to_the_next() {
        let removals = ticks(72);
        let chunks = [frames(10, 24), frames(9_000, 24), frames(9_000, 24)];
        let passages = course(&removals).lead(&chunks, Scale(0));
        let entries: Vec<u64> = passages.iter().map(|one| one.entry).collect();
        assert_eq!(entries, [9_200, 10_200, 5_120]);
        let spent: Vec<u64> = passages.iter().map(|one| one.spent).collect();
        // A second's, and what was in the buffer above its half; then all that is there.
        assert_eq!(spent, [432, 24_000 + 5_080, 23_000 + 5_120]);
    }

    #[test]
    fn chunks_that_never_want_what_comes_are_as_without_a_buffer() {
        let (removals, chunks) = (ticks(48), [frames(600, 24), frames(300, 24)]);
        let whole: Vec<Cost> = chunks.iter().map(|c| c.iter().copied().sum()).collect();
        let target = 9_000;
        for share in share(&course(&removals), &chunks, target) {
            let apart = share.scale.0 - solve(&whole, target).0;
            assert!(apart.abs() <= 8, "{apart}");
        }
    }

    #[test]
    fn what_came_late_is_told_what_there_was_and_then_to_fill_more_slowly() {
        let removals = ticks(4);
        let told = |entry| Share {
            entry,
            ..Share::UNKNOWN
        };
        let shares = [told(230), told(230)];
        // 9,200 less 9,000, and two ticks: 2,200 are there.
        let units = [vec![9_000, 0], vec![2_300, 0]];
        let settled = settle_shares(&course(&removals), &shares, &units, None, false);
        assert_eq!(settled[0], shares[0]);
        assert_eq!((settled[1].entry, settled[1].rate), (55, WHOLE));
        let again = settle_shares(&course(&removals), &settled, &units, None, false);
        assert_eq!((again[1].entry, again[1].rate), (55, WHOLE - LESS));
        let good = [vec![9_000, 0], vec![2_200, 0]];
        assert_eq!(
            settle_shares(&course(&removals), &shares, &good, None, false),
            shares
        );
    }

    #[test]
    fn a_whole_that_misses_is_set_right_but_not_beyond_what_was_planned() {
        let removals = ticks(48);
        let costs: Vec<Cost> = [300, 600].map(|t| frames(t, 24).into_iter().sum()).into();
        let chunks = [frames(300, 24), frames(600, 24)];
        let shares = share(&course(&removals), &chunks, 12_000);
        let settled = |of_second: u64, target, last| {
            let units = [vec![170; 24], vec![of_second; 24]];
            settle_shares(
                &course(&removals),
                &shares,
                &units,
                Some((&costs, target)),
                last,
            )
        };
        assert_eq!(settled(330, 12_000, false), shares);
        assert!(settled(250, 12_000, false)[1].scale < shares[1].scale);
        assert_eq!(settled(250, 12_000, true), shares);
        for last in [false, true] {
            assert!(settled(400, 12_000, last)[1].scale > shares[1].scale);
        }
        assert_eq!(settled(330, u64::MAX, false), shares);
    }

    proptest! {
        #[test]
        fn no_more_is_shared_out_than_there_is(
            chunks in vec(vec(0..20_000_u64, 1..12), 1..12), target in 1_000..900_000_u64,
        ) {
            let cost = |texture: &u64| frames(*texture, 1)[0];
            let costs = |chunk: &Vec<u64>| chunk.iter().map(cost).collect();
            let chunks: Vec<Vec<Cost>> = chunks.iter().map(costs).collect();
            let removals = ticks(chunks.iter().map(Vec::len).sum());
            let wholes = chunks.iter().map(|frames| frames.iter().copied().sum());
            let wholes: Vec<Cost> = wholes.collect();
            let shares = share(&course(&removals), &chunks, target);
            let shared = shares.iter().zip(&wholes).map(|(share, whole)| whole.bits(share.scale));
            let least: u64 = wholes.iter().map(|whole| whole.fixed).sum();
            let comes = BUFFER.size + 1_000 * removals.len() as u64;
            let most = target.min(comes).max(least) + chunks.len() as u64;
            let shared: u64 = shared.sum();
            prop_assert!(shared <= most + least, "{shared} of {most}");
        }

        #[test]
        fn shares_survive_their_journey(shares in vec((-9216..9217_i32, 1..=255_u8, 1..=200_u8), 0..40)) {
            let share = |(scale, entry, rate)| Share { scale: Scale(scale), entry, rate };
            let shares = Shares(shares.into_iter().map(share).collect());
            let json = serde_json::to_string(&shares).unwrap();
            prop_assert_eq!(serde_json::from_str::<Shares>(&json).unwrap(), shares);
        }
    }

    #[test]
    fn other_texts_are_no_shares() {
        for text in ["0", "0000e6c", "0000e6cg", "0000e6c80"] {
            assert!(Shares::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
