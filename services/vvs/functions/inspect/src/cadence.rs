//! Prints of frames as a conversion shows them: at a constant rate, some more than once, some not at all.

use errors::Error;
use video::{Cadence, TimeBase};

use crate::print::Print;

/// Frames at a constant rate, as the frames come that they show.
pub(crate) struct Repeated {
    cadence: Cadence,
    /// Of the times that frames come with.
    ticks: TimeBase,
    /// Time of the very first.
    first: Option<i64>,
    /// The last that came.
    waiting: Option<Print>,
    shown: u64,
}

impl Repeated {
    pub(crate) fn new(cadence: Cadence, ticks: TimeBase) -> Self {
        Self {
            cadence,
            ticks,
            first: None,
            waiting: None,
            shown: 0,
        }
    }

    /// Takes a frame of that time, and shows the one before until then.
    pub(crate) fn take(
        &mut self,
        pts: Option<i64>,
        print: Print,
        show: impl FnMut(&Print) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let untimed = || {
            let message = "the source's frames have no times by which their rate could be changed";
            Error::source("NO_TIMES", message).at("source")
        };
        let pts = pts.ok_or_else(untimed)?;
        let since = pts.checked_sub(*self.first.get_or_insert(pts));
        let place = since.and_then(|since| Cadence::place(self.cadence.rate, self.ticks, since));
        self.show_until(place.ok_or_else(untimed)?, show)?;
        self.waiting = Some(print);
        Ok(())
    }

    /// Shows the last frame up to the end.
    pub(crate) fn finish(
        mut self,
        show: impl FnMut(&Print) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.show_until(self.cadence.frames, show)
    }

    fn show_until(
        &mut self,
        place: u64,
        mut show: impl FnMut(&Print) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(print) = &self.waiting else {
            return Ok(());
        };
        while self.shown < place.min(self.cadence.frames) {
            show(print)?;
            self.shown += 1;
        }
        Ok(())
    }
}
