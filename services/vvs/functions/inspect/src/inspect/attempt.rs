//! One decode of a segment.

use std::path::Path;

use errors::Error;
use stratum_function::Progress;
use video::Conversion;
use vvs_api::function::InspectParams;

use crate::inspect::measure::Measure;
use crate::inspect::part::{Part, PartHeader, Trouble};
use crate::limits::FRAMES;
use crate::media::{Complaint, Decode, Decoded, Outcome, Window};
use crate::print::{Grid, PrintFile};
use crate::times::Times;

pub(super) struct Attempt<'a> {
    pub(super) video: &'a Path,
    pub(super) params: &'a InspectParams,
    pub(super) times: &'a Times,
    pub(super) source: Option<&'a PrintFile>,
}

pub(super) struct Attempted {
    pub(super) part: Part,
    /// Every frame came, from the first on, and nobody complained.
    pub(super) is_flawless: bool,
}

impl Attempt<'_> {
    /// Decodes the segment: from its random access point, or from the start of the file.
    pub(super) fn run(
        &self,
        seek_us: Option<i64>,
        progress: &mut Progress,
    ) -> Result<Attempted, Error> {
        let segment = self.params.segment;
        let frames = segment.end - segment.start;
        let mut frames_of = FramesOf::new(self);
        let outcome = self.decode(seek_us).run(|frame| {
            frames_of.take(frame)?;
            progress.tell(frames_of.taken, frames);
            Ok(())
        })?;
        lost_tool(&outcome)?;
        let (first_is_key, strays) = (frames_of.first_is_key, frames_of.strays);
        let rows = frames_of.measure.finish()?;
        let is_whole = rows.len() as u64 == frames && strays == 0;
        let header = self.header(&outcome, strays, seek_us.is_none());
        let is_flawless = is_whole && first_is_key && header.troubles.is_empty();
        Ok(Attempted {
            part: Part { header, rows },
            is_flawless,
        })
    }

    fn decode(&self, seek_us: Option<i64>) -> Decode<'_> {
        let segment = self.params.segment;
        let from = self.times.get(segment.start).filter(|_| segment.timed);
        let window = from.map(|from| Window {
            seek_us,
            from,
            to: self.times.get(segment.end),
        });
        Decode {
            file: self.video,
            track: self.params.track,
            spare: self.params.spare,
            pixel_format: &self.params.pixel_format,
            full_range: self.params.full_range,
            strict: true,
            window,
            conversion: Conversion::default(),
            region: self.params.region,
        }
    }

    fn header(&self, outcome: &Outcome, strays: u64, linear: bool) -> PartHeader {
        let segment = self.params.segment;
        let troubles = outcome.log.complaints.iter().map(|complaint| Trouble {
            frame: self.place(complaint),
            text: complaint.text.clone(),
        });
        // What comes before the segment is told by the ones before.
        let mut troubles: Vec<Trouble> = troubles
            .filter(|trouble| trouble.frame >= segment.start)
            .collect();
        if let (Err(failure), true) = (&outcome.ended, troubles.is_empty()) {
            troubles.push(Trouble {
                frame: segment.start,
                text: format!("ffmpeg ended with {}", failure.status),
            });
        }
        let resized = outcome.log.resized.as_ref().map(|resized| Trouble {
            frame: match (segment.timed, resized.time) {
                (true, Some(time)) => self.times.first_from(time),
                (true, None) => segment.start,
                (false, _) => resized.decoded,
            },
            text: resized.size.clone(),
        });
        PartHeader {
            segment,
            linear,
            troubles,
            more_troubles: outcome.log.more,
            strays,
            size: outcome.size,
            resized,
        }
    }

    /// The frame that the decoder was about to give when it complained: the one at fault, or one
    /// shortly before it, as pictures are decoded ahead of their turn.
    fn place(&self, complaint: &Complaint) -> u64 {
        match (self.params.segment.timed, complaint.after) {
            (true, Some(after)) => self.times.first_from(after.saturating_add(1)),
            (true, None) => 0,
            (false, _) => complaint.decoded,
        }
    }
}

/// A tool that was killed or ran out of disk says nothing about the video.
fn lost_tool(outcome: &Outcome) -> Result<(), Error> {
    match &outcome.ended {
        Err(failure) => {
            let error = Error::from(failure.clone());
            if error.code == "TOOL_FAILED" {
                Ok(())
            } else {
                Err(error)
            }
        }
        Ok(()) => Ok(()),
    }
}

/// Frames as they come, by their numbers.
struct FramesOf<'a> {
    attempt: &'a Attempt<'a>,
    grid: Grid,
    measure: Measure<'a>,
    taken: u64,
    first_is_key: bool,
    /// Frames that the container does not know of.
    strays: u64,
    last: Option<u64>,
}

impl<'a> FramesOf<'a> {
    fn new(attempt: &'a Attempt<'a>) -> Self {
        Self {
            attempt,
            grid: Grid::default(),
            measure: Measure::new(attempt.source),
            taken: 0,
            first_is_key: false,
            strays: 0,
            last: None,
        }
    }

    fn take(&mut self, frame: Decoded<'_>) -> Result<(), Error> {
        let Some(number) = self.number(frame.told.pts) else {
            self.strays += 1;
            return Ok(());
        };
        if self.taken as usize == FRAMES {
            let message = format!("more than {FRAMES} frames come out of the decoder");
            return Err(Error::source("TOO_MANY_FRAMES", message));
        }
        if number == self.attempt.params.segment.start {
            self.first_is_key = frame.told.key;
        }
        self.taken += 1;
        self.last = Some(number);
        self.measure.take(number, self.grid.print(&frame.plane))
    }

    /// Its number, if it is one of the segment's that comes in its turn.
    fn number(&self, pts: Option<i64>) -> Option<u64> {
        let segment = self.attempt.params.segment;
        if !segment.timed {
            return Some(self.last.map_or(0, |last| last + 1));
        }
        let number = self.attempt.times.frame(pts?)?;
        let is_ours = (segment.start..segment.end).contains(&number);
        (is_ours && self.last.is_none_or(|last| number > last)).then_some(number)
    }
}
