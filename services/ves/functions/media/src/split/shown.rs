//! The frames of a source as they are encoded: which of its frames each shows, and when.

use std::borrow::Cow;
use std::ops::Range;

use errors::Error;
use stratum_frames::{Derived, FrameTable};
use video::{Conversion, Deinterlacing, FrameRate, Rational, TimeBase};

/// What a conversion makes of a source.
pub struct Shown<'a> {
    /// Of the source.
    pub source: &'a FrameTable,
    /// Of what is encoded.
    pub table: Cow<'a, FrameTable>,
    conversion: Conversion,
}

impl<'a> Shown<'a> {
    /// Of all frames of a source.
    ///
    /// # Errors
    /// When times would be beyond all bounds.
    pub fn of(source: &'a FrameTable, conversion: Conversion) -> Result<Self, Error> {
        let table = match conversion.deinterlacing() {
            Some(Deinterlacing::Field) => Cow::Owned(fields(source).ok_or_else(beyond)?),
            Some(Deinterlacing::Frame) | None => Cow::Borrowed(source),
        };
        Ok(Self {
            source,
            table,
            conversion,
        })
    }

    /// How many frames of the source a chunk shows.
    pub fn of_source(&self, chunk: &Range<u64>) -> u64 {
        let each = self.conversion.frames_of_each();
        chunk.end.div_ceil(each) - chunk.start / each
    }

    /// Frames of the source that a chunk is decoded from: those it shows, and those around them that
    /// are looked at.
    pub fn decoded(&self, chunk: &Range<u64>) -> Range<u64> {
        let (each, reach) = (self.conversion.frames_of_each(), self.conversion.reach());
        let (first, end) = (chunk.start / each, chunk.end.div_ceil(each));
        first.saturating_sub(reach)..end.saturating_add(reach).min(self.source.len())
    }
}

/// A frame of each field, the second halfway to the next frame. Ticks are half as long as the source's,
/// so that they tell it.
fn fields(source: &FrameTable) -> Option<FrameTable> {
    let format = &source.source().format;
    let twice = format.frame_rate.as_rational();
    let rate = FrameRate::new(twice.checked_mul(Rational::whole(2))?)?;
    let half = format.time_base.as_rational();
    let base = TimeBase::new(half.checked_div(Rational::whole(2))?)?;
    let mut frames = Vec::with_capacity(source.len() as usize * 2);
    let mut stay = 1;
    for (index, frame) in (0..).zip(source.range(0, source.len())) {
        stay = source.duration(index)?;
        let first = frame.pts.checked_mul(2)?;
        for pts in [first, first.checked_add(stay)?] {
            frames.push(Derived { pts, source: index });
        }
    }
    source.derived(rate, base, &frames, stay)
}

fn beyond() -> Error {
    Error::source(
        "TIMESTAMPS",
        "half a tick of the source's timestamps is beyond all bounds",
    )
    .at("recipe.deinterlacing")
    .hint("leave it out")
}
