//! Whether what came out is what was asked for.

use crate::{FrameTable, Method, Observed, Packet, Plan, Seen, Timing};

/// A decode that did not give exactly the frames of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("frames [{start}, {end}) gave {found} frames instead of {expected}")]
    Count {
        start: u64,
        end: u64,
        expected: u64,
        found: u64,
    },
    #[error("frame {frame} should be at tick {expected}, but came at {found:?}")]
    Time {
        frame: u64,
        expected: i64,
        found: Option<i64>,
    },
    #[error("the decoder did not start at or before the random access point of frame {first}")]
    LateStart { first: u64 },
    #[error("frame {frame} is {found} instead of {expected}: the picture size changes")]
    Resolution {
        frame: u64,
        expected: String,
        found: String,
    },
}

/// Checks every frame that was delivered against the table; after a seek also that the decoder
/// began at the random access point and lost nothing from there on, because frames decoded from a
/// later start can carry right times on wrong pictures.
///
/// # Errors
/// The first difference.
pub fn verify_range(table: &FrameTable, plan: &Plan, observed: &Observed) -> Result<(), Mismatch> {
    if let Method::Seek { first, .. } = plan.method {
        check_start(table, plan, first, &observed.decoded)?;
    }
    check_count(plan, observed.delivered.len() as u64)?;
    let wanted = table.range(plan.start, plan.end).zip(plan.start..);
    for ((packet, frame), seen) in wanted.zip(&observed.delivered) {
        check_frame(table, frame, packet, seen)?;
    }
    Ok(())
}

fn check_count(plan: &Plan, found: u64) -> Result<(), Mismatch> {
    if found == plan.frames() {
        return Ok(());
    }
    Err(Mismatch::Count {
        start: plan.start,
        end: plan.end,
        expected: plan.frames(),
        found,
    })
}

fn check_start(
    table: &FrameTable,
    plan: &Plan,
    first: u64,
    decoded: &[Seen],
) -> Result<(), Mismatch> {
    let late = Mismatch::LateStart { first };
    let Some(first_frame) = table.frame(first) else {
        return Err(late);
    };
    let from = decoded
        .iter()
        .position(|seen| seen.pts == Some(first_frame.pts));
    let decoded = &decoded[from.ok_or(late.clone())?..];
    let wanted = table.range(first, plan.end.max(first + 1));
    let expected = wanted.len();
    let same = wanted
        .zip(decoded)
        .take_while(|(packet, seen)| seen.pts == Some(packet.pts));
    if same.count() == expected {
        Ok(())
    } else {
        Err(late)
    }
}

fn check_frame(
    table: &FrameTable,
    frame: u64,
    packet: &Packet,
    seen: &Seen,
) -> Result<(), Mismatch> {
    let size = table.source().format.resolution;
    if let Some(found) = seen.resolution.filter(|found| *found != size) {
        return Err(Mismatch::Resolution {
            frame,
            expected: size.to_string(),
            found: found.to_string(),
        });
    }
    if table.timing() == Timing::Source && seen.pts != Some(packet.pts) {
        return Err(Mismatch::Time {
            frame,
            expected: packet.pts,
            found: seen.pts,
        });
    }
    Ok(())
}
