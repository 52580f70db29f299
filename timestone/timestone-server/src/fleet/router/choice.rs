//! Which shards a worker takes messages from, of those it looked at.
//!
//! What all of them showed is put in one order: by priority; but shards whose tenants take turns
//! take turns as well, so that no tenant waits for those of other shards. Of that order the first
//! are taken. Workers that choose at the same time see the same: each leaves the first ones to
//! those who came before it, but goes no further than [`MAX_OVERTAKEN`] behind its own. What a
//! shard gives is the most urgent that it then has, and none that is less urgent than the last
//! one that might have been chosen.

use timestone::Sight;
use timestone::limits::MAX_OVERTAKEN;

/// What one shard is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) max: u32,
    /// The least urgent priority that is taken.
    pub(super) up_to: Option<i64>,
}

/// What a worker wants.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Messages.
    pub(super) room: usize,
    /// Those that others are about to take.
    pub(super) left: usize,
    /// Which shard's turn it is, where they take turns.
    pub(super) turn: usize,
}

/// What each of the shards is asked for.
pub(super) fn choose(sights: &[Sight], wanted: Wanted) -> Vec<Wish> {
    let mut order = order(sights, wanted.turn);
    order.truncate(wanted.room.saturating_add(MAX_OVERTAKEN));
    let up_to = order.iter().map(|(priority, _)| *priority).max();
    let begin = wanted.left.min(order.len().saturating_sub(wanted.room));
    let mut wishes = vec![Wish::default(); sights.len()];
    for (_, shard) in order.iter().skip(begin).take(wanted.room) {
        let wish = &mut wishes[*shard];
        wish.max += 1;
        wish.up_to = up_to.filter(|_| !sights[*shard].turns);
    }
    wishes
}

/// All that is to be seen, in the order in which it is taken: priorities, and the shards.
fn order(sights: &[Sight], turn: usize) -> Vec<(i64, usize)> {
    let mut by_turn = dealt(sights, turn).into_iter().peekable();
    let mut by_priority = sorted(sights).into_iter().peekable();
    let mut order = Vec::new();
    loop {
        let turns = match (by_turn.peek(), by_priority.peek()) {
            (None, None) => return order,
            (Some(one), Some(other)) => one.0 < other.0,
            (one, _) => one.is_some(),
        };
        let next = if turns {
            by_turn.next()
        } else {
            by_priority.next()
        };
        order.extend(next);
    }
}

fn sorted(sights: &[Sight]) -> Vec<(i64, usize)> {
    let sights = sights.iter().enumerate();
    let others = sights.filter(|(_, sight)| !sight.turns);
    let mut sorted: Vec<_> = others
        .flat_map(|(shard, sight)| sight.next.iter().map(move |priority| (*priority, shard)))
        .collect();
    sorted.sort_by_key(|(priority, _)| *priority);
    sorted
}

/// One of each shard, and again, beginning where the turn is.
fn dealt(sights: &[Sight], turn: usize) -> Vec<(i64, usize)> {
    let shards: Vec<_> = (0..sights.len())
        .filter(|shard| sights[*shard].turns && !sights[*shard].next.is_empty())
        .collect();
    let begin = turn.checked_rem(shards.len()).unwrap_or_default();
    let longest = shards.iter().map(|shard| sights[*shard].next.len()).max();
    let rounds = 0..longest.unwrap_or_default();
    let dealt = rounds.flat_map(|round| {
        let shards = shards.iter().cycle().skip(begin).take(shards.len());
        shards.filter_map(move |shard| Some((*sights[*shard].next.get(round)?, *shard)))
    });
    dealt.collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn sight(mut next: Vec<i64>) -> Sight {
        next.sort_unstable();
        Sight {
            next,
            ..Sight::default()
        }
    }

    /// Takes what is wished for, as shards do that have changed meanwhile: what is `gone` was
    /// taken by others.
    fn take(shards: &mut [Vec<i64>], wishes: &[Wish]) -> Vec<i64> {
        let mut taken = Vec::new();
        for (shard, wish) in shards.iter_mut().zip(wishes) {
            for _ in 0..wish.max {
                let first = shard.first().copied();
                let Some(first) =
                    first.filter(|first| wish.up_to.is_none_or(|most| *first <= most))
                else {
                    break;
                };
                shard.remove(0);
                taken.push(first);
            }
        }
        taken
    }

    proptest! {
        #[test]
        fn who_is_alone_takes_the_most_urgent(
            shards in vec(vec(0..200_i64, 0..90), 1..6),
            room in 1..40_usize,
        ) {
            let most = room + MAX_OVERTAKEN;
            let sights: Vec<_> = shards.iter().cloned().map(sight).collect();
            let mut shown = sights.clone();
            shown.iter_mut().for_each(|sight| sight.next.truncate(most));
            let wishes = choose(&shown, Wanted { room, ..Wanted::default() });
            let mut all: Vec<_> = shards.concat();
            all.sort_unstable();
            all.truncate(room);
            let mut left: Vec<_> = sights.into_iter().map(|sight| sight.next).collect();
            let mut taken = take(&mut left, &wishes);
            taken.sort_unstable();
            prop_assert_eq!(taken, all);
        }

        /// Whatever others take after the look, and whatever they leave.
        #[test]
        fn no_message_overtakes_more_than_the_bound(
            shards in vec(vec(0..500_i64, 0..120), 1..6),
            room in 1..20_usize,
            left in 0..200_usize,
            gone in vec(0..120_usize, 6),
        ) {
            let sights: Vec<_> = shards.into_iter().map(sight).collect();
            let mut shown = sights.clone();
            let most = room + MAX_OVERTAKEN;
            shown.iter_mut().for_each(|sight| sight.next.truncate(most));
            let wishes = choose(&shown, Wanted { room, left, turn: 0 });
            let mut all: Vec<_> = sights.iter().flat_map(|sight| sight.next.clone()).collect();
            all.sort_unstable();
            let mut now: Vec<_> = sights.into_iter().map(|sight| sight.next).collect();
            for (shard, gone) in now.iter_mut().zip(gone) {
                shard.drain(..gone.min(shard.len()));
            }
            for taken in take(&mut now, &wishes) {
                let overtaken = all.iter().filter(|other| **other < taken).count();
                prop_assert!(overtaken < most, "{taken} overtakes {overtaken}");
            }
        }

        #[test]
        fn as_much_is_wished_for_as_there_is(
            shards in vec(vec(0..9_i64, 0..30), 1..6),
            turns in vec(any::<bool>(), 6),
            (room, left, turn) in (1..50_usize, 0..100_usize, 0..9_usize),
        ) {
            let there: usize = shards.iter().map(Vec::len).sum();
            let sights = shards.into_iter().zip(turns);
            let sights: Vec<_> = sights
                .map(|(next, turns)| Sight { turns, ..sight(next) })
                .collect();
            let wishes = choose(&sights, Wanted { room, left, turn });
            let wished: usize = wishes.iter().map(|wish| wish.max as usize).sum();
            prop_assert_eq!(wished, room.min(there));
            for (sight, wish) in sights.iter().zip(wishes) {
                prop_assert!(wish.max as usize <= sight.next.len());
            }
        }
    }

    #[test]
    fn shards_whose_tenants_take_turns_take_turns() {
        let turns = |next| Sight {
            turns: true,
            ..sight(next)
        };
        let sights = [turns(vec![9; 50]), turns(vec![0; 50]), sight(vec![5])];
        let mut counts = [0; 3];
        for turn in 0..100 {
            let wanted = Wanted {
                room: 1,
                turn,
                ..Wanted::default()
            };
            let wishes = choose(&sights[..2], wanted);
            wishes
                .iter()
                .zip(&mut counts)
                .for_each(|(wish, n)| *n += wish.max);
        }
        assert_eq!(counts, [50, 50, 0]);
        let wanted = Wanted {
            room: 3,
            ..Wanted::default()
        };
        let all: Vec<_> = choose(&sights, wanted)
            .iter()
            .map(|wish| wish.max)
            .collect();
        assert_eq!(all, [1, 1, 1]);
    }

    #[test]
    fn who_comes_together_takes_different_ones() {
        let sights = [sight(vec![1, 3]), sight(vec![2, 4])];
        let whose = |left| {
            let wishes = choose(
                &sights,
                Wanted {
                    room: 1,
                    left,
                    turn: 0,
                },
            );
            wishes.iter().position(|wish| wish.max == 1)
        };
        let whose: Vec<_> = (0..6).map(whose).collect();
        let (one, other) = (Some(0), Some(1));
        assert_eq!(whose, [one, other, one, other, other, other]);
    }
}
