//! Shares the bits of a video out among its chunks, by what first passes found.

use std::fs;
use std::path::Path;

use errors::Error;
use serde::de::DeserializeOwned;
use stratum_function::{Progress, WorkDir, io};
use ves_api::function::{PlanParams, PlanResult, Survey, Units};
use ves_api::rate::{Corrections, Cost, Scale, budgets, settle, solve};

/// What the first passes found, below `input/`.
const SURVEYS: &str = "surveys";
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
    Ok(PlanResult {
        crf: surveys.first().map_or(0, |survey| crf(survey.crf, scale)),
        corrections: corrections(work, &budgets(&costs, scale), params.target_bits)?,
        scale,
    })
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

fn corrections(work: &WorkDir, budgets: &[u64], target: u64) -> Result<Corrections, Error> {
    if !work.input(UNITS).exists() {
        return Ok(Corrections::new());
    }
    let units: Vec<Units> = listed(work, UNITS)?;
    if units.len() != budgets.len() {
        let message = format!("{} chunks have {} surveys", units.len(), budgets.len());
        return Err(Error::platform("MALFORMED_INPUT", message));
    }
    let actual: Vec<u64> = units.iter().map(|units| units.bytes() * 8).collect();
    Ok(settle(budgets, &actual, target))
}

/// The files of a list, in its order: they are numbered.
fn listed<T: DeserializeOwned>(work: &WorkDir, list: &str) -> Result<Vec<T>, Error> {
    let folder = work.input(list);
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

    /// Chunks of these bits of texture in a first pass at 23, encoded to these bits.
    fn planned(texture: &[u64], bytes: &[u64], target_bits: u64) -> PlanResult {
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
        plan(&work, PlanParams { target_bits }, &mut Progress::silent()).unwrap()
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
    }
}
