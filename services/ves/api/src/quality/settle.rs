use serde::{Deserialize, Serialize};

use super::search::{on_line, sorted};
use super::{Goal, RateFactorRange, Score, Try};
use crate::function::ChunkElement;

/// A chunk as it came out, and what else was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Handed on to whoever encodes it once more.
    pub chunk: ChunkElement,
    /// What was sought.
    pub goal: Goal,
    /// What was kept.
    pub kept: Try,
    /// With what was kept, in the order of the search.
    pub tried: Vec<Try>,
    /// How many of these were tried before this search.
    pub known: usize,
}

impl Measured {
    /// What was tried before.
    pub fn known(&self) -> &[Try] {
        self.tried.get(..self.known).unwrap_or_default()
    }

    fn frames(&self) -> u64 {
        self.chunk.end - self.chunk.start
    }

    /// Whether even the best rate factor makes it no better than it is.
    fn is_best(&self, range: &RateFactorRange) -> bool {
        let no_better = |one: &Try| one.crf == range.least && one.score <= self.kept.score;
        self.tried.iter().any(no_better)
    }

    /// Whether even the worst rate factor makes it no worse than it is.
    fn is_worst(&self, range: &RateFactorRange) -> bool {
        let no_worse = |one: &Try| one.crf == range.most && one.score >= self.kept.score;
        self.tried.iter().any(no_worse)
    }
}

/// The score of the whole.
pub fn whole(goal: Goal, chunks: &[Measured]) -> Score {
    let parts = chunks
        .iter()
        .map(|chunk| (chunk.kept.score, chunk.frames()));
    goal.metric.pool(parts)
}

/// Sets right what a whole of chunks misses: the level that all chunks have to come to that can, so that
/// those that cannot are made up for. `None` where the whole is near as it is, or met since it was set
/// right: it could become worse.
pub fn settle(range: &RateFactorRange, goal: Goal, chunks: &[Measured]) -> Option<Score> {
    let curves = || chunks.iter().map(|chunk| Curve::of(range, goal, chunk));
    let whole = whole(goal, chunks);
    let enough = match chunks.iter().any(|chunk| chunk.known > 0) {
        true => goal.is_met(whole),
        false => goal.is_near(whole),
    };
    (!enough).then(|| level(goal, &curves().collect::<Vec<_>>()))
}

/// Whether no rate factor of any chunk brings the whole nearer, as far as was tried.
pub fn is_exhausted(range: &RateFactorRange, goal: Goal, chunks: &[Measured]) -> bool {
    match whole(goal, chunks) < goal.score {
        true => chunks.iter().all(|chunk| chunk.is_best(range)),
        false => chunks.iter().all(|chunk| chunk.is_worst(range)),
    }
}

/// Whether a chunk has another rate factor at that level.
pub fn changes(range: &RateFactorRange, goal: Goal, chunk: &Measured, level: Score) -> bool {
    Curve::of(range, goal, chunk).at(level).crf != chunk.kept.crf
}

/// Halvings, down to a millionth: chunks that are much alike are told apart.
const HALVINGS: usize = 27;

/// The level by which the whole comes nearest.
fn level(goal: Goal, curves: &[Curve]) -> Score {
    let pooled = |level: Score| {
        let parts = at_level(curves, level).into_iter().zip(curves);
        let parts = parts.map(|(told, curve)| (told.score, curve.frames));
        goal.metric.pool(parts)
    };
    let (mut low, mut high) = (0, Score::new(f64::INFINITY).0);
    for _ in 0..HALVINGS {
        let middle = low + (high - low) / 2;
        match pooled(Score(middle)) < goal.score {
            true => low = middle,
            false => high = middle,
        }
    }
    let off = |level: &i64| goal.score.distance(pooled(Score(*level)));
    Score(if off(&low) < off(&high) { low } else { high })
}

fn at_level(curves: &[Curve], level: Score) -> Vec<Try> {
    curves.iter().map(|curve| curve.at(level)).collect()
}

/// What a chunk is likely to come to at other rate factors.
struct Curve<'a> {
    range: &'a RateFactorRange,
    frames: u64,
    kept: Try,
    /// By rate factor, from one end to the other.
    points: Vec<Try>,
}

impl<'a> Curve<'a> {
    fn of(range: &'a RateFactorRange, goal: Goal, chunk: &Measured) -> Self {
        let mut points = sorted(&chunk.tried);
        let guess = |from: Try, crf: u32| Try {
            crf,
            score: Score(
                from.score.0
                    + (i64::from(from.crf) - i64::from(crf)) * goal.metric.slope().0 / 1_000,
            ),
        };
        if let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) {
            let ends = [(first, range.least), (last, range.most)];
            let beyond = ends.into_iter().filter(|(end, crf)| end.crf != *crf);
            points.extend(beyond.map(|(end, crf)| guess(end, crf)));
            points.sort_by_key(|one| one.crf);
        }
        Self {
            range,
            frames: chunk.frames(),
            kept: chunk.kept,
            points,
        }
    }

    /// The rate factor that comes nearest to that score, with what is expected of it.
    fn at(&self, level: Score) -> Try {
        let crosses = |pair: &&[Try]| pair[0].score >= level && pair[1].score <= level;
        let crf = match self.points.windows(2).find(crosses) {
            Some(pair) => on_line(pair[0], pair[1], level),
            None => self.nearest(level).crf.into(),
        };
        let crf = self.range.snap(crf);
        Try {
            crf,
            score: self.expected(crf),
        }
    }

    fn nearest(&self, level: Score) -> Try {
        let nearest = self.points.iter();
        let nearest = nearest.min_by_key(|one| one.score.distance(level));
        nearest.copied().unwrap_or(self.kept)
    }

    fn expected(&self, crf: u32) -> Score {
        let around = |pair: &&[Try]| (pair[0].crf..=pair[1].crf).contains(&crf);
        let Some(pair) = self.points.windows(2).find(around) else {
            return self.kept.score;
        };
        let (a, b) = (pair[0], pair[1]);
        let (length, part) = (i64::from(b.crf - a.crf), i64::from(crf - a.crf));
        Score(a.score.0 - (a.score.0 - b.score.0) * part / length.max(1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::quality::{Metric, best, next};
    use crate::recipe::codings;

    type Picture = fn(f64) -> f64;

    /// A search that goes on from what was tried before.
    fn search(
        range: &RateFactorRange,
        goal: Goal,
        frames: u64,
        before: &[Try],
        curve: Picture,
    ) -> Measured {
        let mut tried = before.to_vec();
        while let Some(crf) = next(range, goal, &tried, tried.len() - before.len()) {
            let score = Score::new(curve(f64::from(crf) / 1_000.0));
            tried.push(Try { crf, score });
        }
        Measured {
            chunk: ChunkElement {
                index: 0,
                start: 0,
                end: frames,
                decoded: None,
                filter_graph: None,
                packets_digest: String::new(),
                expected_ms: 0,
            },
            goal,
            kept: best(goal, &tried).unwrap(),
            tried,
            known: before.len(),
        }
    }

    fn vmaf(score: f64) -> Goal {
        Goal::new(Metric::Vmaf, score).unwrap()
    }

    #[test]
    fn a_whole_that_is_near_stays() {
        for coding in codings() {
            let range = RateFactorRange::of(coding);
            let pictures: [Picture; 2] = [|crf| 99.0 - 0.3 * crf, |crf| 99.0 - 0.3 * (crf - 5.0)];
            let chunks = pictures.map(|picture| search(&range, vmaf(93.0), 48, &[], picture));
            assert_eq!(settle(&range, vmaf(93.0), &chunks), None, "{coding:?}");
        }
    }

    #[test]
    fn a_whole_that_was_set_right_stays_when_it_is_met() {
        let range = RateFactorRange::of(codings()[0]);
        let chunk = |score, known| {
            let mut chunk = search(&range, vmaf(score), 48, &[], |crf| 100.0 - crf / 2.0);
            chunk.known = known;
            [chunk]
        };
        let goal = vmaf(93.0);
        assert!(settle(&range, goal, &chunk(93.4, 0)).is_some());
        assert_eq!(settle(&range, goal, &chunk(93.4, 1)), None);
        assert!(settle(&range, goal, &chunk(93.8, 1)).is_some());
    }

    #[test]
    fn what_has_come_to_an_end_everywhere_is_exhausted() {
        let goal = vmaf(93.0);
        let flat: Picture = |_| 97.0;
        let noise: Picture = |_| 40.0;
        let bent: Picture = |crf| 99.0 - 0.3 * crf;
        let step: Picture = |crf| if crf < 24.0 { 99.0 } else { 80.0 };
        for coding in codings() {
            let range = RateFactorRange::of(coding);
            let exhausted = |pictures: &[Picture]| {
                let search = |picture: &Picture| search(&range, goal, 48, &[], *picture);
                let chunks: Vec<_> = pictures.iter().map(search).collect();
                assert!(!goal.is_met(whole(goal, &chunks)), "{coding:?}");
                is_exhausted(&range, goal, &chunks)
            };
            assert!(
                exhausted(&[flat]) && exhausted(&[noise, noise]),
                "{coding:?}"
            );
            assert!(
                !exhausted(&[flat, bent]) && !exhausted(&[noise, bent]),
                "{coding:?}"
            );
            assert!(!exhausted(&[step]), "{coding:?}");
        }
    }

    /// A third is better than asked for at any rate factor: the others make up for it, though their
    /// quality falls faster than anybody knows.
    #[test]
    fn what_some_cannot_is_made_up_for_by_the_others() {
        let goal = vmaf(90.0);
        let pictures: [(u64, Picture); 2] = [(48, |_| 96.0), (96, |crf| 105.0 - 0.01 * crf * crf)];
        for coding in codings() {
            let range = RateFactorRange::of(coding);
            let chunks =
                pictures.map(|(frames, picture)| search(&range, goal, frames, &[], picture));
            assert!(!goal.is_met(whole(goal, &chunks)));
            let level = settle(&range, goal, &chunks).unwrap();
            assert!(!changes(&range, goal, &chunks[0], level), "{coding:?}");
            assert!(changes(&range, goal, &chunks[1], level), "{coding:?}");
            let new = Goal {
                score: level,
                ..goal
            };
            let again = search(&range, new, 96, &chunks[1].tried, pictures[1].1);
            let settled = whole(goal, &[chunks[0].clone(), again]);
            assert!(goal.is_met(settled), "{coding:?}: {level:?}, {settled:?}");
        }
    }
}
