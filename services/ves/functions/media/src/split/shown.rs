//! The frames of a source as they are encoded: which of its frames each shows, and when.

use std::borrow::Cow;
use std::ops::Range;

use errors::Error;
use stratum_frames::{Derived, FrameTable, Timing};
use ves_api::recipe::{ChunkFrames, Recipe};
use video::{Cadence, Conversion, Deinterlacing, FrameRate, Rational, TimeBase};

/// The most frames of a constant rate: a day at 50 a second.
const MAX_FRAMES: u64 = 5_000_000;

/// What a recipe makes of a source's frames.
pub struct Shown<'a> {
    /// Of the source.
    pub source: &'a FrameTable,
    /// Of what is encoded.
    pub table: Cow<'a, FrameTable>,
    /// How the one becomes the other.
    pub conversion: Conversion,
    /// Where each frame that comes of the source's stands at a constant rate, if there is one.
    places: Option<Vec<u64>>,
}

impl<'a> Shown<'a> {
    /// Of all frames of a source.
    ///
    /// # Errors
    /// When its times are not known, or would be beyond all bounds; when a single frame is to become one
    /// of each field.
    pub fn of(source: &'a FrameTable, recipe: &Recipe) -> Result<Self, Error> {
        let scan = source.source().format.scan_type;
        let conversion = Conversion::new(recipe.deinterlacing, scan);
        let table = match conversion.deinterlacing() {
            Some(Deinterlacing::Field) if source.len() == 1 => return Err(single_frame()),
            Some(Deinterlacing::Field) => Cow::Owned(fields(source).ok_or_else(beyond_fields)?),
            Some(Deinterlacing::Frame) | None => Cow::Borrowed(source),
        };
        let shown = Self {
            source,
            table,
            conversion,
            places: None,
        };
        match recipe.frame_rate {
            Some(rate) => shown.at_rate(rate),
            None => Ok(shown),
        }
    }

    /// The same at a constant rate; as it is, where each frame stands where it should already.
    fn at_rate(self, rate: FrameRate) -> Result<Self, Error> {
        if self.source.timing() == Timing::Repaired {
            let message = "the source's frames have no times of their own to go by";
            return Err(Error::source("TIMESTAMPS", message)
                .at("recipe.frame_rate")
                .hint("leave it out"));
        }
        let (places, frames) = places(&self.table, rate).ok_or_else(beyond_rate)?;
        let each = self.conversion.frames_of_each();
        let shows = showing(&places, frames);
        let table = self.constant(rate, shows.map(|number| number / each));
        Ok(Self {
            table: Cow::Owned(table.ok_or_else(beyond_rate)?),
            conversion: self.conversion.at_rate(Some(Cadence { rate, frames })),
            places: Some(places),
            ..self
        })
    }

    /// Frames at a constant rate from the first one's time on, which ticks of both tell exactly.
    fn constant(&self, rate: FrameRate, sources: impl Iterator<Item = u64>) -> Option<FrameTable> {
        let ticks = self.table.source().format.time_base.as_rational();
        let step = rate.as_rational().inverse()?;
        let parts = least_common(ticks.denominator(), step.denominator())?;
        let base = TimeBase::per_second(u32::try_from(parts).ok()?.into())?;
        let in_base = |seconds: Rational| seconds.checked_mul(Rational::whole(parts));
        let first = self.table.frame(0)?.pts;
        let first = in_base(ticks)?.numerator().checked_mul(first)?;
        let step = in_base(step)?.numerator();
        let frames = (0..).zip(sources).map(|(number, source)| {
            let pts = step.checked_mul(number)?.checked_add(first)?;
            Some(Derived { pts, source })
        });
        let frames = frames.collect::<Option<Vec<_>>>()?;
        self.source.derived(rate, base, &frames, step)
    }

    /// Frames that a chunk is made of, by their numbers among those that come of the source's.
    fn made_of(&self, chunk: &Range<u64>) -> Range<u64> {
        let Some(places) = &self.places else {
            return chunk.clone();
        };
        let shows = |frame: u64| places.partition_point(|place| *place <= frame) as u64 - 1;
        shows(chunk.start)..shows(chunk.end - 1) + 1
    }

    /// Those of the source.
    fn of_source(&self, chunk: &Range<u64>) -> Range<u64> {
        let (made_of, each) = (self.made_of(chunk), self.conversion.frames_of_each());
        made_of.start / each..made_of.end.div_ceil(each)
    }

    /// Frames of the source that a chunk is decoded from: those it shows, and those around them that
    /// are looked at.
    pub fn decoded(&self, chunk: &Range<u64>) -> Range<u64> {
        let (shown, reach) = (self.of_source(chunk), self.conversion.reach());
        shown.start.saturating_sub(reach)..shown.end.saturating_add(reach).min(self.source.len())
    }

    /// How many of these are not shown.
    pub fn looked_at(&self, chunk: &Range<u64>) -> u64 {
        let (shown, decoded) = (self.of_source(chunk), self.decoded(chunk));
        (decoded.end - decoded.start) - (shown.end - shown.start)
    }

    /// How a chunk is made of what comes of the frames that are decoded.
    pub fn chunk_frames(&self, chunk: &Range<u64>) -> ChunkFrames {
        let made_of = self.made_of(chunk);
        let before = self.decoded(chunk).start * self.conversion.frames_of_each();
        let places = self.places.as_ref().map(|places| {
            let places = &places[made_of.start as usize..made_of.end as usize];
            let places = places.iter();
            places
                .map(|place| place.saturating_sub(chunk.start))
                .collect()
        });
        ChunkFrames {
            made_of: made_of.start - before..made_of.end - before,
            places,
            frames: chunk.end - chunk.start,
        }
    }
}

/// A frame of each field, the second halfway to the next frame. Ticks are half as long as the source's,
/// so that they tell it. The last frame is as long as the one before for that, as the deinterlacer has
/// it.
fn fields(source: &FrameTable) -> Option<FrameTable> {
    let format = &source.source().format;
    let twice = format.frame_rate.as_rational();
    let rate = FrameRate::new(twice.checked_mul(Rational::whole(2))?)?;
    let half = format.time_base.as_rational();
    let base = TimeBase::new(half.checked_div(Rational::whole(2))?)?;
    let mut frames = Vec::with_capacity(source.len() as usize * 2);
    let (mut stay, mut last) = (None, 1);
    for (index, frame) in (0..).zip(source.range(0, source.len())) {
        last = source.duration(index)?;
        let stay = match (index + 1 == source.len(), stay) {
            (true, Some(before)) => before,
            _ => *stay.insert(last),
        };
        let first = frame.pts.checked_mul(2)?;
        for pts in [first, first.checked_add(stay)?] {
            frames.push(Derived { pts, source: index });
        }
    }
    let stays = stay.unwrap_or(last);
    let last = last.checked_mul(2)?.checked_sub(stays)?.max(1);
    source.derived(rate, base, &frames, last)
}

/// Where each frame of a table stands at a constant rate, and how many frames of it there are.
fn places(table: &FrameTable, rate: FrameRate) -> Option<(Vec<u64>, u64)> {
    let ticks = table.source().format.time_base;
    let first = table.frame(0)?.pts;
    let place = |pts: i64| Cadence::place(rate, ticks, pts.checked_sub(first)?);
    let frames = table.range(0, table.len()).map(|frame| place(frame.pts));
    let places = frames.collect::<Option<Vec<_>>>()?;
    let last = table.len().checked_sub(1)?;
    let end = table.frame(last)?.pts.checked_add(table.duration(last)?)?;
    let frames = place(end)?.max(places.last()? + 1);
    (frames <= MAX_FRAMES).then_some((places, frames))
}

/// The number of the frame that each of so many shows: the last whose place has come.
fn showing(places: &[u64], frames: u64) -> impl Iterator<Item = u64> {
    let mut shown = 0;
    (0..frames).map(move |frame| {
        while places.get(shown + 1).is_some_and(|next| *next <= frame) {
            shown += 1;
        }
        shown as u64
    })
}

fn least_common(a: i64, b: i64) -> Option<i64> {
    // In lowest terms, what is left of b is b without what it has in common with a.
    Rational::new(a, b)?.denominator().checked_mul(a)
}

/// The deinterlacer shows both at the same time.
fn single_frame() -> Error {
    let message = "the source has a single frame: how long each of its fields is shown is not told";
    Error::source("TIMESTAMPS", message)
        .at("recipe.deinterlacing")
        .hint("ask for DEINTERLACING_FRAME, or leave it out")
}

fn beyond_fields() -> Error {
    let message = "half a tick of the source's timestamps is beyond all bounds";
    Error::source("TIMESTAMPS", message)
        .at("recipe.deinterlacing")
        .hint("leave it out")
}

fn beyond_rate() -> Error {
    let message = format!(
        "the source at this rate would have more than {MAX_FRAMES} frames, or ticks beyond all bounds"
    );
    Error::user("OUT_OF_RANGE", message)
        .at("recipe.frame_rate")
        .hint("ask for fewer frames in a second, or leave it out")
}
