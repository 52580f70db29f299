//! The frames that an invocation reads: where they are and what they are made of.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;

use blob::Digest;
use errors::{Error, FrameRange};
use serde_json::{Value, json};
use stratum::{Content, FrameInput, InputKind, Invocation};
use stratum_frames::{FrameTable, Plan, codestreams, has_codestreams, plan_range, range_digest};
use video::PixelFormat;

use crate::context::Context;
use crate::delivery::{Delivery, Target};
use crate::source::{self, Opened};
use crate::work_dir;

/// The largest frame table that is read.
const TABLE_BYTES: u64 = 512 << 20;

/// A range of frames, planned.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) source: Opened,
    pub(crate) table: FrameTable,
    pub(crate) plan: Plan,
    pub(crate) pixel_format: Option<PixelFormat>,
    /// Of the packets that the range is decoded from; `None` when it cannot be
    /// known without the whole source.
    pub(crate) digest: Option<Digest>,
    /// Where the pictures lie in the source, if they are handed on as they are.
    pub(crate) codestreams: Option<Vec<Range<u64>>>,
}

impl Feed {
    /// Reads the table of the invocation's frame input, if it has one.
    pub(crate) async fn load(
        context: &Context,
        delivery: &Delivery,
        target: &Target,
    ) -> Result<Option<Self>, Error> {
        let Some(input) = frame_input(&delivery.invocation)? else {
            return Ok(None);
        };
        let source = source::open(context, &input.source).await?;
        let table = context.blobs.get(&input.frame_table, TABLE_BYTES).await;
        let table = table.map_err(|error| Error::platform("INPUT_LOST", error.to_string()))?;
        let (input, memo) = (input.clone(), delivery.invocation.memo);
        let kind = target.function().input;
        let read = source.clone();
        let planned = tokio::task::spawn_blocking(move || plan(read, &table, &input, kind, memo));
        let planned = planned.await.map_err(|error| work_dir::staging(&error))?;
        match planned {
            Ok(feed) => Ok(Some(feed)),
            // Why it cannot be read, rather than that it cannot.
            Err(error) => source.unchanged().await.and(Err(error)),
        }
    }

    /// Says in `input/source.json` what the source is and which of its frames are here.
    pub(crate) fn describe(&self, input: &Path) -> Result<(), Error> {
        let path = input.join("source.json");
        let written = fs::write(&path, self.description().to_string());
        written.map_err(|error| work_dir::io("write", &path, &error))
    }

    /// `frames` holds, for each frame in order: its index in the source, and its
    /// timestamp and duration in ticks of the source's time base.
    fn description(&self) -> Value {
        let Plan { start, end, .. } = self.plan;
        let frame = |index| {
            let pts = self.table.frame(index).map(|frame| frame.pts);
            json!([index, pts, self.table.duration(index)])
        };
        json!({
            "source": self.table.source(),
            "start": start,
            "end": end,
            "frames": (start..end).map(frame).collect::<Vec<_>>(),
        })
    }
}

fn frame_input(invocation: &Invocation) -> Result<Option<&FrameInput>, Error> {
    let mut inputs = invocation
        .inputs
        .iter()
        .filter_map(|input| match &input.content {
            Content::Frames(frames) => Some(frames),
            _ => None,
        });
    let first = inputs.next();
    match inputs.next() {
        None => Ok(first),
        Some(_) => {
            let message = "an invocation reads frames of one range at most";
            Err(Error::user("TWO_STREAMS", message))
        }
    }
}

fn plan(
    source: Opened,
    table: &[u8],
    input: &FrameInput,
    kind: InputKind,
    memo: bool,
) -> Result<Feed, Error> {
    let table = FrameTable::decode(table)
        .map_err(|error| Error::platform("INVALID_FRAME_TABLE", error.to_string()))?;
    let FrameRange { start, end } = input.range;
    let plan = plan_range(&table, start, end);
    let plan = plan.map_err(|error| Error::user("INVALID_RANGE", error.to_string()))?;
    let digest = match memo {
        true => digest(source.path(), &table, &plan)?,
        false => None,
    };
    // Who asks for a layout wants samples.
    let untouched = kind == InputKind::Frames && input.pixel_format.is_none();
    let untouched = untouched && has_codestreams(&table);
    Ok(Feed {
        pixel_format: pixel_format(input)?,
        codestreams: untouched
            .then(|| codestreams_of(source.path(), &table, start..end))
            .transpose()?,
        source,
        table,
        plan,
        digest,
    })
}

fn pixel_format(input: &FrameInput) -> Result<Option<PixelFormat>, Error> {
    let Some(name) = &input.pixel_format else {
        return Ok(None);
    };
    let format = PixelFormat::new(name.clone()).ok_or_else(|| {
        let name = crate::text::line(name, 64);
        Error::user(
            "INVALID_PIXEL_FORMAT",
            format!("`{name}` names no sample layout"),
        )
    });
    format.map(Some)
}

fn codestreams_of(
    source: &Path,
    table: &FrameTable,
    Range { start, end }: Range<u64>,
) -> Result<Vec<Range<u64>>, Error> {
    let file = File::open(source).map_err(|error| unreadable(&error))?;
    let found = codestreams(&file, table, start, end);
    found.map_err(|error| Error::source("NO_CODESTREAMS", error.to_string()).frames(start, end))
}

fn digest(source: &Path, table: &FrameTable, plan: &Plan) -> Result<Option<Digest>, Error> {
    let read = File::open(source).and_then(|file| range_digest(&file, table, plan));
    let digest = read.map_err(|error| unreadable(&error))?;
    Ok(digest.and_then(|digest| format!("sha256/{}", digest.as_str()).parse().ok()))
}

fn unreadable(error: &std::io::Error) -> Error {
    let message = format!("cannot read the packets of a range: {error}");
    Error::source("SOURCE_UNREADABLE", message)
}
