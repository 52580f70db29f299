//! What the decoder made of the video.

use vvs_api::report::{Discrepancy, SIZE_CHANGES, UNCLEAN_DECODE, WRONG_FRAME_COUNT};

use crate::inspect::PartHeader;
use crate::plan::Plan;

/// Frames between which damage counts as one.
const APART: u64 = 16;

/// What is told of one range of damage.
struct Damage {
    start: u64,
    end: u64,
    complaints: u64,
    first: String,
}

/// Complaints, and frames that do not come out of the decoder. `frames` are all that the video
/// has; `decoded` are those that came out, ascending.
pub(super) fn unclean(
    plan: &Plan,
    headers: &[PartHeader],
    decoded: &[u64],
    frames: u64,
) -> Vec<Discrepancy> {
    let mut damage = demuxed(plan, frames);
    for header in headers {
        damage.extend(header.troubles.iter().map(|trouble| Damage {
            start: trouble.frame.min(frames.saturating_sub(1)),
            end: trouble.frame.min(frames.saturating_sub(1)) + 1,
            complaints: 1,
            first: trouble.text.clone(),
        }));
    }
    damage.extend(absent(decoded, frames));
    let more: u64 = headers
        .iter()
        .map(|header| header.more_troubles + header.strays)
        .sum();
    merge(damage)
        .into_iter()
        .map(|damage| told(damage, more))
        .collect()
}

/// What the demuxer complained of: the frames that it did not find.
fn demuxed(plan: &Plan, frames: u64) -> Vec<Damage> {
    let end = plan.announced.unwrap_or(frames).max(frames);
    let first = plan.complaints.first().cloned();
    let damage = first.map(|first| Damage {
        start: frames.min(end.saturating_sub(1)),
        end,
        complaints: plan.complaints.len() as u64,
        first,
    });
    damage.into_iter().collect()
}

fn absent(decoded: &[u64], frames: u64) -> Vec<Damage> {
    let mut expected = 0;
    let mut gaps = Vec::new();
    for frame in decoded.iter().copied().chain([frames]) {
        if frame > expected {
            gaps.push(Damage {
                start: expected,
                end: frame,
                complaints: 0,
                first: String::new(),
            });
        }
        expected = frame + 1;
    }
    gaps
}

fn merge(mut all: Vec<Damage>) -> Vec<Damage> {
    all.sort_by_key(|damage| damage.start);
    let mut merged: Vec<Damage> = Vec::new();
    for damage in all {
        match merged.last_mut() {
            Some(last) if damage.start <= last.end + APART => {
                last.end = last.end.max(damage.end);
                last.complaints += damage.complaints;
                if last.first.is_empty() {
                    last.first = damage.first;
                }
            }
            _ => merged.push(damage),
        }
    }
    merged
}

fn told(damage: Damage, more: u64) -> Discrepancy {
    let message = match (damage.complaints, more) {
        (0, _) => "these frames do not come out of the decoder".to_owned(),
        (_, 0) => format!(
            "around these frames the decoder complains: {}",
            damage.first
        ),
        _ => format!(
            "around these frames the decoder complains, and {more} times more: {}",
            damage.first
        ),
    };
    Discrepancy::new(UNCLEAN_DECODE, message).frames(damage.start, damage.end)
}

/// Whether there are as many frames as there should be.
pub(super) fn count(found: u64, expected: u64) -> Option<Discrepancy> {
    (found != expected).then(|| {
        let message = format!("{found} frames are shown, but there should be {expected}");
        Discrepancy::new(WRONG_FRAME_COUNT, message)
            .frames(found.min(expected), found.max(expected))
            .differs(expected, found)
    })
}

/// Whether the size of the picture changes on the way.
pub(super) fn resized(headers: &[PartHeader]) -> Option<Discrepancy> {
    let size = |header: &PartHeader| {
        header
            .size
            .map(|(width, height)| format!("{width}x{height}"))
    };
    let first = headers.iter().find_map(size)?;
    let within = headers.iter().find_map(|header| {
        let resized = header.resized.as_ref()?;
        Some((resized.frame, resized.text.clone()))
    });
    let between = headers.iter().find_map(|header| {
        let size = size(header).filter(|size| *size != first)?;
        Some((header.segment.start, size))
    });
    let (frame, found) = within.into_iter().chain(between).min()?;
    let message = format!("from this frame on, the picture is {found} instead of {first}");
    let end = headers
        .last()
        .map_or(frame + 1, |header| header.segment.end.max(frame + 1));
    Some(
        Discrepancy::new(SIZE_CHANGES, message)
            .frames(frame, end)
            .differs(first, found),
    )
}

#[cfg(test)]
mod tests {
    use vvs_api::function::Segment;

    use super::*;
    use crate::inspect::Trouble;

    fn plan(complaints: &[&str], announced: u64) -> Plan {
        Plan {
            found: vec![],
            complaints: complaints.iter().map(|text| (*text).to_owned()).collect(),
            frames: 0,
            announced: Some(announced),
        }
    }

    fn header(troubles: &[u64], size: (u32, u32)) -> PartHeader {
        let trouble = |frame: &u64| Trouble {
            frame: *frame,
            text: "bad".into(),
        };
        PartHeader {
            segment: Segment {
                index: 0,
                start: 0,
                end: 100,
                seek_us: None,
                timed: true,
            },
            linear: true,
            troubles: troubles.iter().map(trouble).collect(),
            more_troubles: 0,
            strays: 0,
            size: Some(size),
            resized: None,
        }
    }

    fn ranges(found: &[Discrepancy]) -> Vec<(u64, u64)> {
        let range = |one: &Discrepancy| one.frames.map_or((0, 0), |f| (f.start, f.end));
        found.iter().map(range).collect()
    }

    #[test]
    fn damage_that_lies_together_is_one() {
        let decoded: Vec<u64> = (0..100).filter(|frame| ![30, 38].contains(frame)).collect();
        let headers = [header(&[29, 30, 80], (2, 2))];
        let found = unclean(&plan(&[], 100), &headers, &decoded, 100);
        assert_eq!(ranges(&found), [(29, 39), (80, 81)]);
        assert!(found[0].message.ends_with("bad"));
    }

    #[test]
    fn a_cut_off_file_lacks_its_end() {
        let decoded: Vec<u64> = (0..70).collect();
        let found = unclean(&plan(&["partial file"], 100), &[], &decoded, 70);
        assert_eq!(ranges(&found), [(70, 100)]);
        assert_eq!(ranges(&unclean(&plan(&[], 70), &[], &decoded, 70)), []);
    }

    #[test]
    fn sizes_are_compared_across_segments() {
        assert_eq!(resized(&[header(&[], (2, 2)), header(&[], (2, 2))]), None);
        let mut other = header(&[], (4, 2));
        other.segment.start = 50;
        let found = resized(&[header(&[], (2, 2)), other]);
        assert_eq!(ranges(found.as_slice()), [(50, 100)]);
    }
}
