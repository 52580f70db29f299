//! How far each frame is from the source's frames.

use std::collections::BTreeMap;

use errors::Error;

use crate::limits::{BLOCK, WIDE};
use crate::print::{LEVEL, Print, PrintFile};

/// How far around its place a frame is always looked for.
pub(crate) const NEAR: i64 = 8;
const NEAR_FRAMES: usize = 2 * NEAR as usize + 1;
/// There is no such distance.
pub(crate) const NONE: u16 = u16::MAX;
/// Frames further away that resemble it most.
const FAR: usize = 4;
/// A frame that is this near to one around its place is not looked for elsewhere.
const AT_HOME: u16 = LEVEL;

/// What was measured of one frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) frame: u64,
    /// Distances to the source's frames from `frame - NEAR` to `frame + NEAR`.
    pub(crate) near: [u16; NEAR_FRAMES],
    /// Those further away that are nearest: offset and distance.
    pub(crate) far: [(i32, u16); FAR],
    /// Detail compared with the nearest, in octaves: below 0 is less.
    pub(crate) detail: f32,
    /// How far the nearest is from the source's frame before it.
    pub(crate) moved: u16,
    /// How far it is from the video's frame before it.
    pub(crate) still: u16,
    /// Its brightest cell, and that of the source's frame in its place.
    pub(crate) brightest: (u16, u16),
    /// How much its cells differ, or those of the source's frame in its place, if more.
    pub(crate) contrast: u16,
}

impl Row {
    /// The distance to the frame at this offset, if it was measured.
    pub(crate) fn distance(&self, offset: i64) -> u16 {
        match offset.abs() <= NEAR {
            true => self.near[(offset + NEAR) as usize],
            false => {
                let far = self.far.iter().find(|(far, _)| i64::from(*far) == offset);
                far.map_or(NONE, |(_, distance)| *distance)
            }
        }
    }

    /// The least distance to a frame around its place.
    pub(crate) fn nearest(&self) -> u16 {
        self.near.iter().copied().min().unwrap_or(NONE)
    }

    /// The least distance to any frame that was looked at.
    pub(crate) fn least(&self) -> u16 {
        let far = self.far.iter().map(|(_, distance)| *distance).min();
        self.nearest().min(far.unwrap_or(NONE))
    }
}

/// Frames of a segment, measured a block at a time.
pub(super) struct Measure<'a> {
    source: Option<&'a PrintFile>,
    waiting: Vec<(u64, Print)>,
    last: Option<Print>,
    rows: Vec<Row>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(source: Option<&'a PrintFile>) -> Self {
        Self {
            source,
            waiting: Vec::with_capacity(BLOCK),
            last: None,
            rows: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, frame: u64, print: Print) -> Result<(), Error> {
        self.waiting.push((frame, print));
        if self.waiting.len() == BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<Row>, Error> {
        self.flush()?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut around = Around::new(self.source, &waiting)?;
        let first = self.rows.len();
        for (frame, print) in &waiting {
            let mut row = around.row(*frame, print);
            if let Some(last) = &self.last {
                row.still = print.distance(last);
            }
            if self.source.is_some() && row.nearest() > AT_HOME {
                row.far = around.far(*frame, print)?;
            }
            self.rows.push(row);
            self.last = Some(print.clone());
        }
        around.follow(&mut self.rows[first..], &waiting);
        Ok(())
    }
}

/// The offset that fits most of the frames that fit nowhere near.
fn common_offset(rows: &[Row]) -> Option<i32> {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for row in rows {
        let (offset, distance) = row.far[0];
        if distance < row.nearest() / 2 {
            *counts.entry(offset).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(offset, _)| offset)
}

/// The source's prints around a block of frames.
struct Around<'a> {
    source: Option<&'a PrintFile>,
    frames: (u64, u64),
    near: Stretch,
    /// Read when it is needed.
    far: Option<Stretch>,
}

/// Prints from a frame on.
struct Stretch {
    start: u64,
    prints: Vec<Print>,
}

impl Stretch {
    fn read(source: Option<&PrintFile>, start: u64, end: u64) -> Result<Self, Error> {
        let prints = source.map_or(Ok(Vec::new()), |source| source.range(start, end))?;
        Ok(Self { start, prints })
    }

    fn get(&self, frame: i64) -> Option<&Print> {
        let index = u64::try_from(frame).ok()?.checked_sub(self.start)?;
        self.prints.get(index as usize)
    }
}

impl<'a> Around<'a> {
    fn new(source: Option<&'a PrintFile>, block: &[(u64, Print)]) -> Result<Self, Error> {
        let ends = block.first().zip(block.last());
        let frames = ends.map_or((0, 0), |(first, last)| (first.0, last.0 + 1));
        // One more, to tell how far the first has moved.
        let reach = NEAR.unsigned_abs() + 1;
        let start = frames.0.saturating_sub(reach);
        Ok(Self {
            source,
            frames,
            near: Stretch::read(source, start, frames.1 + reach)?,
            far: None,
        })
    }

    fn row(&self, frame: u64, print: &Print) -> Row {
        let place = frame as i64;
        let mut near = [NONE; NEAR_FRAMES];
        for (distance, at) in near.iter_mut().zip(place - NEAR..) {
            *distance = self
                .near
                .get(at)
                .map_or(NONE, |other| print.distance(other));
        }
        let own = self.near.get(place);
        let nearest = (place - NEAR..)
            .zip(near)
            // Of equals, the one in its place.
            .min_by_key(|(at, distance)| (*distance, (at - place).abs()))
            .map_or(place, |(at, _)| at);
        let matched = self.near.get(nearest);
        let before = self.near.get(nearest - 1);
        Row {
            frame,
            near,
            far: [(0, NONE); FAR],
            detail: matched.map_or(0.0, |matched| print.detail_against(matched)),
            moved: matched.zip(before).map_or(0, |(a, b)| a.distance(b)),
            still: NONE,
            brightest: (print.brightest(), own.map_or(NONE, Print::brightest)),
            contrast: print.contrast().max(own.map_or(0, Print::contrast)),
        }
    }

    /// Where some frames are from far away, their neighbours are measured there, too: they may fit
    /// by chance where they are.
    fn follow(&self, rows: &mut [Row], prints: &[(u64, Print)]) {
        let (Some(offset), Some(far)) = (common_offset(rows), &self.far) else {
            return;
        };
        for (row, (frame, print)) in rows.iter_mut().zip(prints) {
            let is_known = row.far.iter().any(|(known, _)| *known == offset);
            if let (false, Some(other)) = (is_known, far.get(*frame as i64 + i64::from(offset))) {
                row.far[FAR - 1] = (offset, print.distance(other));
            }
        }
    }

    /// The frames that resemble it most, further away.
    fn far(&mut self, frame: u64, print: &Print) -> Result<[(i32, u16); FAR], Error> {
        if self.far.is_none() {
            let (start, end) = (self.frames.0.saturating_sub(WIDE), self.frames.1 + WIDE);
            self.far = Some(Stretch::read(self.source, start, end)?);
        }
        let mut best = [(0, NONE); FAR];
        let stretch = self.far.as_ref();
        let others = stretch
            .iter()
            .flat_map(|far| (far.start..).zip(&far.prints));
        for (at, other) in others {
            let offset = at as i64 - frame as i64;
            let distance = print.distance(other);
            if offset.abs() > NEAR && distance < best[FAR - 1].1 {
                best[FAR - 1] = (offset as i32, distance);
                best.sort_by_key(|(offset, distance)| (*distance, offset.abs()));
            }
        }
        Ok(best)
    }
}
