//! Frames at a constant rate, by filters of ffmpeg that are told where each frame of a chunk stands.

use std::ops::Range;

use video::FrameRate;

/// Which frames a chunk is made of, among those that its source's frames become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkFrames {
    /// Their numbers, from the first that comes of what is decoded.
    pub made_of: Range<u64>,
    /// Where in the chunk each is shown first, ascending; what has the place of the next is dropped.
    /// `None` = each is a frame of the chunk.
    pub places: Option<Vec<u64>>,
    /// How many frames the chunk has.
    pub frames: u64,
}

/// The filters that make these frames the chunk's; empty when they are.
pub(super) fn chosen(chunk: &ChunkFrames, rate: FrameRate) -> String {
    let Range { start, end } = chunk.made_of;
    let trim = format!("trim=start_frame={start}:end_frame={end}");
    let Some(places) = &chunk.places else {
        return format!("{trim},setpts=PTS-STARTPTS");
    };
    // One more frame stands behind the chunk, so that the last one is shown up to its end.
    let places: Vec<u64> = places.iter().copied().chain([chunk.frames]).collect();
    let (place, frames) = (place(&runs(&places)), chunk.frames);
    let rate = rate.as_rational();
    let (count, seconds) = (rate.numerator(), rate.denominator());
    format!(
        "{trim},tpad=stop=1:stop_mode=clone,settb={seconds}/{count},setpts='{place}',\
         fps={count}/{seconds},trim=end_frame={frames}"
    )
}

/// Frames that stand at even distances.
#[derive(Clone, Copy)]
struct Run {
    first: u64,
    place: u64,
    step: u64,
}

fn runs(places: &[u64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, place) in (0..).zip(places.iter().copied()) {
        let next = places.get(number as usize + 1).copied();
        let goes_on = runs
            .last()
            .is_some_and(|run| run.place + (number - run.first) * run.step == place);
        if !goes_on {
            runs.push(Run {
                first: number,
                place,
                step: next.map_or(0, |next| next - place),
            });
        }
    }
    runs
}

/// Where frame `N` stands: a balanced tree, as ffmpeg's expressions nest no deeper than 100.
fn place(runs: &[Run]) -> String {
    match runs {
        [] => "0".to_owned(),
        [run] => run.place(),
        _ => {
            let (before, after) = runs.split_at(runs.len() / 2);
            let first = after[0].first;
            format!("if(lt(N,{first}),{},{})", place(before), place(after))
        }
    }
}

impl Run {
    fn place(self) -> String {
        let Self { first, place, step } = self;
        let from = match first {
            0 => "N".to_owned(),
            first => format!("(N-{first})"),
        };
        match (step, place) {
            (0, place) => place.to_string(),
            (1, 0) => from,
            (1, place) => format!("{place}+{from}"),
            (step, place) => format!("{place}+{step}*{from}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use video::Rational;

    use super::*;

    #[test]
    fn the_filters_are_told_where_frames_stand() {
        let rate = FrameRate::new(Rational::new(24_000, 1001).unwrap()).unwrap();
        let chunk = |places: Option<&[u64]>| ChunkFrames {
            made_of: 1..6,
            places: places.map(<[u64]>::to_vec),
            frames: 5,
        };
        let plain = chosen(&chunk(None), rate);
        assert_eq!(plain, "trim=start_frame=1:end_frame=6,setpts=PTS-STARTPTS");
        let dropped = chosen(&chunk(Some(&[0, 1, 2, 2, 3])), rate);
        let expected = "trim=start_frame=1:end_frame=6,tpad=stop=1:stop_mode=clone,\
                        settb=1001/24000,setpts='if(lt(N,3),N,2+(N-3))',fps=24000/1001,\
                        trim=end_frame=5";
        // The frame behind the chunk stands at 5, not at 4.
        assert_eq!(
            dropped,
            expected.replace("2+(N-3)", "if(lt(N,5),2+(N-3),5)")
        );
    }

    fn evaluate(runs: &[Run], number: u64) -> u64 {
        let run = runs.iter().rev().find(|run| run.first <= number).unwrap();
        run.place + (number - run.first) * run.step
    }

    proptest! {
        #[test]
        fn runs_are_all_places(steps in proptest::collection::vec(0u64..4, 1..300)) {
            let places: Vec<u64> = steps.iter().scan(0, |at, step| {
                let place = *at;
                *at += step;
                Some(place)
            }).collect();
            let runs = runs(&places);
            for (number, place) in (0..).zip(&places) {
                prop_assert_eq!(evaluate(&runs, number), *place);
            }
            let depth = place(&runs).split("if(").count();
            prop_assert_eq!(depth, runs.len());
        }
    }
}
