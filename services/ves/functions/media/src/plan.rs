//! Shares the bits of a video out among its chunks, by what first passes found; a decoder's buffer, by
//! what chunks have come to; and sets right what a whole misses of a quality.

use std::fs;
use std::path::Path;

use errors::Error;
use serde::de::DeserializeOwned;
use stratum_function::{Progress, WorkDir, io};
use ves_api::function::{PlanParams, PlanResult, QualityPlan, Survey, Units};
use ves_api::quality::{Measured, is_exhausted, settle as settle_quality, whole};
use ves_api::rate::{
    Corrections, Cost, Course, Scale, Share, Shares, budgets, settle, settle_shares, share, solve,
};
use video::{DecoderBuffer, TimeBase};

use crate::inputs;
use crate::mp4::decode_times;

/// What the first passes found, below `input/`.
const SURVEYS: &str = "surveys";
/// What they found of each frame, below `input/`.
const COSTS: &str = "costs";
/// How near chunks came to a quality, below `input/`.
const QUALITY: &str = "quality";
/// Access units of the chunks, below `input/`, when they have been encoded.
const UNITS: &str = "units";

/// Rate factors of first passes, in thousandths.
const RATE_FACTORS: (i64, i64) = (4_000, 51_000);
/// A rate factor that is so near tells as much.
const NEAR: u64 = 2_000;

/// Plans by `input/surveys/`, and sets right by `input/units/` what has missed the plan.
pub fn plan(work: &WorkDir, params: PlanParams, _: &mut Progress) -> Result<PlanResult, Error> {
    let surveys: Vec<Survey> = listed(work, SURVEYS)?;
    let costs: Vec<Cost> = surveys.iter().map(|survey| survey.cost).collect();
    let scale = solve(&costs, params.target_bits);
    let shares = params
        .buffer
        .map(|buffer| shares(work, &params, buffer, &costs));
    Ok(PlanResult {
        crf: surveys.first().map_or(0, |survey| crf(survey.crf, scale)),
        corrections: match params.buffer {
            Some(_) => Corrections::new(),
            None => corrections(work, budgets(&costs, scale), &params)?,
        },
        scale,
        shares: shares.transpose()?,
        quality: quality(work, &params)?,
    })
}

/// How near the whole has come to a quality, and what would bring it nearer.
fn quality(work: &WorkDir, params: &PlanParams) -> Result<Option<QualityPlan>, Error> {
    let Some((goal, range)) = &params.quality else {
        return Ok(None);
    };
    let chunks: Vec<Measured> = listed(work, QUALITY)?;
    let lowest = chunks.iter().map(|chunk| chunk.kept.score).min();
    Ok(Some(QualityPlan {
        score: whole(*goal, &chunks),
        lowest_chunk: lowest.unwrap_or_default(),
        exhausted: is_exhausted(range, *goal, &chunks),
        level: settle_quality(range, *goal, &chunks),
    }))
}

/// Of a decoder's buffer, for each chunk: by what frames cost, or by what chunks have come to.
fn shares(
    work: &WorkDir,
    params: &PlanParams,
    buffer: DecoderBuffer,
    costs: &[Cost],
) -> Result<Shares, Error> {
    let units: Vec<Units> = listed(work, UNITS)?;
    let depth = units.iter().map(Units::reorder_depth).max().unwrap_or(0);
    let (ticks, removals) = removals(work, params.timed, depth)?;
    let course = Course {
        buffer,
        ticks,
        removals: &removals,
    };
    if units.is_empty() {
        let frames: Vec<Vec<Cost>> = listed(work, COSTS)?;
        return Ok(Shares(share(&course, &frames, params.target_bits)));
    }
    let unknown = || Shares(vec![Share::UNKNOWN; units.len()]);
    let Shares(told) = params.shares.clone().unwrap_or_else(unknown);
    same_count(told.len(), units.len())?;
    let target = (params.target_bits > 0).then_some((costs, params.target_bits));
    let sizes: Vec<Vec<u64>> = units.iter().map(bits).collect();
    Ok(Shares(settle_shares(
        &course,
        &told,
        &sizes,
        target,
        params.last,
    )))
}

/// When access units are taken out of the buffer, in decoding order.
fn removals(work: &WorkDir, timed: bool, depth: u64) -> Result<(TimeBase, Vec<i64>), Error> {
    let table = inputs::frame_table(work)?;
    let rate = table.source().format.frame_rate.as_rational();
    match rate.inverse().and_then(TimeBase::new) {
        Some(frame) if !timed => Ok((frame, (0..table.len() as i64).collect())),
        _ => {
            let timeline = inputs::timeline(work)?;
            Ok((timeline.time_base, decode_times(&timeline, depth)?))
        }
    }
}

fn bits(units: &Units) -> Vec<u64> {
    units.units.iter().map(|unit| unit.size * 8).collect()
}

fn same_count(planned: usize, encoded: usize) -> Result<(), Error> {
    if planned == encoded {
        return Ok(());
    }
    let message = format!("{encoded} chunks have {planned} plans");
    Err(Error::platform("MALFORMED_INPUT", message))
}

/// The rate factor by which a first pass comes near the target; the present one, if it is near.
fn crf(surveyed: u32, scale: Scale) -> u32 {
    let (least, most) = RATE_FACTORS;
    let solved = i64::from(surveyed) + i64::from(scale.rate_factor());
    let solved = solved.clamp(least, most).unsigned_abs() as u32;
    match u64::from(solved.abs_diff(surveyed)) <= NEAR {
        true => surveyed,
        false => solved,
    }
}

/// Those that were made before stay, but for chunks that miss again.
fn corrections(
    work: &WorkDir,
    mut budgets: Vec<u64>,
    params: &PlanParams,
) -> Result<Corrections, Error> {
    let units: Vec<Units> = listed(work, UNITS)?;
    let mut corrections = params.corrected.clone();
    if units.is_empty() {
        return Ok(corrections);
    }
    same_count(budgets.len(), units.len())?;
    for (budget, index) in budgets.iter_mut().zip(0..) {
        *budget = corrections.get(&index).copied().unwrap_or(*budget);
    }
    let actual: Vec<u64> = units.iter().map(|units| units.bytes() * 8).collect();
    corrections.extend(settle(&budgets, &actual, params.target_bits));
    Ok(corrections)
}

/// The files of a list, in its order: they are numbered. A list that is not there has none.
fn listed<T: DeserializeOwned>(work: &WorkDir, list: &str) -> Result<Vec<T>, Error> {
    let folder = work.input(list);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |e| io("listing", &folder, &e);
    let entries = fs::read_dir(&folder).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort_unstable();
    paths
        .iter()
        .map(|path| work.read_json(Path::new(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn planned(texture: &[u64], bytes: &[u64], target_bits: u64) -> PlanResult {
        settled(texture, bytes, target_bits, Corrections::new())
    }

    /// Chunks of these bits of texture in a first pass at 23, encoded to these bits.
    fn settled(
        texture: &[u64],
        bytes: &[u64],
        target_bits: u64,
        corrected: Corrections,
    ) -> PlanResult {
        let folder = tempfile::tempdir().unwrap();
        let put = |list: &str, index: usize, json: serde_json::Value| {
            let list = folder.path().join("input").join(list);
            fs::create_dir_all(&list).unwrap();
            fs::write(list.join(format!("{index:08}.json")), json.to_string()).unwrap();
        };
        for (index, texture) in texture.iter().enumerate() {
            let chunk = json!({"index": index, "start": index, "end": index + 1,
                "packets_digest": "", "expected_ms": 1});
            let cost = json!({"texture": texture, "motion": 0, "fixed": 0});
            put(
                SURVEYS,
                index,
                json!({"chunk": chunk, "crf": 23_000, "cost": cost}),
            );
        }
        for (index, size) in bytes.iter().enumerate() {
            let unit = json!({"size": size, "rank": 0, "key": true});
            put(UNITS, index, json!({"units": [unit]}));
        }
        let work = WorkDir::new(folder.path());
        let params = PlanParams {
            target_bits,
            corrected,
            ..PlanParams::default()
        };
        plan(&work, params, &mut Progress::silent()).unwrap()
    }

    #[test]
    fn a_survey_far_off_is_made_again() {
        let plan = planned(&[800_000, 8_000_000], &[], 4_400_000);
        // Half of the bits is 1/1.1 of a doubling of the quantiser.
        assert_eq!(plan.crf, 23_000 + 5_455);
        assert!(plan.corrections.is_empty());
        assert_eq!(planned(&[800_000, 8_000_000], &[], 8_000_000).crf, 23_000);
        assert_eq!(planned(&[1 << 40], &[], 1).crf, 51_000);
    }

    #[test]
    fn what_missed_its_budget_gets_another() {
        let plan = planned(&[800_000, 8_000_000], &[50_000, 550_000], 4_400_000);
        let chunks: Vec<_> = plan.corrections.keys().collect();
        assert_eq!(chunks, [&1]);
        let good = planned(&[800_000, 8_000_000], &[50_000, 500_000], 4_400_000);
        assert!(good.corrections.is_empty());
        let told = plan.corrections;
        let bytes = |second| [50_000, second];
        let settled =
            |second, told| settled(&[800_000, 8_000_000], &bytes(second), 4_400_000, told);
        assert_eq!(settled(500_000, told.clone()).corrections, told);
        assert!(settled(520_000, told.clone()).corrections[&1] < told[&1]);
    }
}
