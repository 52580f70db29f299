//! How to get exactly `[start, end)`.

use crate::{FrameTable, Timing};

/// A range of frames and how to decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Index of the first frame in presentation order.
    pub start: u64,
    /// One past the last frame.
    pub end: u64,
    pub method: Method,
}

/// How to reach the first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Start at a random access point, drop what comes before the range by its timestamp.
    Seek {
        /// The random access point's place in decode order.
        rank: usize,
        /// Where to seek, in microseconds of the source's own time: just before anything of the
        /// random access point, so that no demuxer lands behind it.
        seek_us: i64,
        /// The first frame that must come out of the decoder, whatever comes before: the shown
        /// frame at or after the random access point.
        first: u64,
    },
    /// Start at the beginning of the file and count.
    Linear,
}

/// A range that is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frames [{start}, {end}) are not a range of the source's {frames} frames")]
pub struct InvalidRange {
    pub start: u64,
    pub end: u64,
    pub frames: u64,
}

/// Plans `[start, end)`: from the last random access point at or before `start` in presentation,
/// or by counting where there is none but the first, or where timestamps name no frame.
///
/// # Errors
/// When the range is empty or goes beyond the table.
pub fn plan_range(table: &FrameTable, start: u64, end: u64) -> Result<Plan, InvalidRange> {
    let frames = table.len();
    if start >= end || end > frames {
        return Err(InvalidRange { start, end, frames });
    }
    let method = seek(table, start).unwrap_or(Method::Linear);
    Ok(Plan { start, end, method })
}

impl Plan {
    /// The same range by counting from the first frame.
    #[must_use]
    pub fn linear(self) -> Self {
        Plan {
            method: Method::Linear,
            ..self
        }
    }

    /// How many frames it gives.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.end - self.start
    }

    /// How many shown frames are decoded only to be dropped.
    #[must_use]
    pub fn preroll(&self) -> u64 {
        match self.method {
            Method::Seek { first, .. } => self.start - first.min(self.start),
            Method::Linear => self.start,
        }
    }
}

fn seek(table: &FrameTable, start: u64) -> Option<Method> {
    if table.timing() == Timing::Repaired {
        return None;
    }
    let start_pts = table.frame(start)?.pts;
    let rank = access_point(table, start_pts)?;
    if rank == 0 {
        return None;
    }
    let packet = table.packets().get(rank)?;
    let earliest = packet.pts.min(packet.dts);
    let time_base = table.source().format.time_base;
    Some(Method::Seek {
        rank,
        seek_us: time_base.floor_micros(earliest)?.checked_sub(1)?,
        first: table.first_not_before(packet.pts),
    })
}

/// The random access point with the largest presentation time not above `pts`.
fn access_point(table: &FrameTable, pts: i64) -> Option<usize> {
    let packets = table.packets().iter().enumerate();
    let reachable = packets.filter(|(_, packet)| packet.key && packet.pts <= pts);
    reachable
        .max_by_key(|(rank, packet)| (packet.pts, *rank))
        .map(|(rank, _)| rank)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::table::tests::table;

    /// Two open GOPs: the second access point (at 200) is decoded before the frames at 120 and
    /// 160, which lead it.
    fn open_gop() -> FrameTable {
        table(&[
            (0, -80, true, true),
            (80, -40, false, true),
            (40, 0, false, true),
            (200, 40, true, true),
            (120, 80, false, true),
            (160, 120, false, true),
            (240, 160, false, true),
        ])
    }

    #[test]
    fn leading_pictures_belong_to_the_access_point_before() {
        let table = open_gop();
        for start in 0..5 {
            assert_eq!(
                plan_range(&table, start, 6).unwrap().method,
                Method::Linear,
                "{start}"
            );
        }
        let plan = plan_range(&table, 5, 7).unwrap();
        assert_eq!(
            plan.method,
            Method::Seek {
                rank: 3,
                seek_us: 39_999,
                first: 5
            }
        );
        assert_eq!((plan.preroll(), plan.frames()), (0, 2));
        assert_eq!(plan_range(&table, 6, 7).unwrap().preroll(), 1);
        assert_eq!(plan.linear().preroll(), 5);
    }

    #[test]
    fn a_hidden_access_point_is_one_too() {
        let table = table(&[
            (-200, -200, true, false),
            (-40, -160, true, false),
            (0, -120, false, true),
            (40, -80, false, true),
        ]);
        let plan = plan_range(&table, 0, 2).unwrap();
        assert_eq!(
            plan.method,
            Method::Seek {
                rank: 1,
                seek_us: -160_001,
                first: 0
            }
        );
    }

    #[test]
    fn ranges_outside_the_table_are_refused() {
        let table = open_gop();
        for (start, end) in [(0, 0), (3, 2), (0, 8), (7, 8), (u64::MAX, 0)] {
            let frames = 7;
            assert_eq!(
                plan_range(&table, start, end),
                Err(InvalidRange { start, end, frames })
            );
        }
    }
}
