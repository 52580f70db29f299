//! IVF: frames one after another, each with its time to the tick and nothing else.

use std::io::{BufWriter, Write};

use errors::Error;
use stratum_function::{Progress, io};
use ves_api::function::{Framing, Track};

use crate::assemble::video::AccessUnits;
use crate::assemble::write::Source;
use crate::assemble::{Assembled, Assembly, VIDEO};

/// Bytes of the head of a file, and of a frame.
const FILE_HEAD: u16 = 32;
const FRAME_HEAD: u64 = 12;

/// Writes all frames, on the clock of the frame table, the first at 0.
pub(super) fn write(assembly: &Assembly<'_>, progress: &mut Progress) -> Result<Assembled, Error> {
    let Assembly { work, chunks, .. } = assembly;
    let path = work.output(VIDEO);
    let failed = |e| io("writing", &path, &e);
    let mut file = BufWriter::new(work.create(VIDEO)?);
    file.write_all(&head(assembly)?).map_err(failed)?;
    let as_coded = Track {
        framing: Framing::Whole,
        ..chunks.track.clone()
    };
    let (mut source, mut frame) = (AccessUnits::of(chunks, &as_coded), Vec::new());
    let (mut bytes, total) = (u64::from(FILE_HEAD), assembly.timeline.pts.len() as u64);
    for (done, (chunk, unit)) in (0..).zip(chunks.units()) {
        frame.clear();
        source.next(&mut frame)?;
        let time = time(assembly, chunk.start + unit.rank)?;
        let size = u32::try_from(frame.len()).map_err(|_| beyond("a frame"))?;
        let written = file
            .write_all(&size.to_le_bytes())
            .and_then(|()| file.write_all(&time.to_le_bytes()))
            .and_then(|()| file.write_all(&frame));
        written.map_err(failed)?;
        bytes += FRAME_HEAD + u64::from(size);
        progress.tell(done, total);
    }
    file.flush().map_err(failed)?;
    Ok(Assembled {
        bytes,
        ..Assembled::default()
    })
}

/// Ticks since the first frame.
fn time(assembly: &Assembly<'_>, index: u64) -> Result<u64, Error> {
    let pts = &assembly.timeline.pts;
    let at = |index: usize| pts.get(index).copied();
    let since = usize::try_from(index).ok().and_then(at).zip(at(0));
    let since = since.and_then(|(pts, first)| u64::try_from(pts.checked_sub(first)?).ok());
    since.ok_or_else(|| {
        let message = "the chunks do not hold as many frames as the frame table";
        Error::function("FRAME_COUNT", message)
    })
}

fn head(assembly: &Assembly<'_>) -> Result<Vec<u8>, Error> {
    let size = assembly.recipe.format.resolution;
    let side = |length: u32| u16::try_from(length).map_err(|_| beyond("the picture"));
    let tick = assembly.timeline.time_base.as_rational();
    let part = |part: i64| u32::try_from(part).map_err(|_| beyond("the clock"));
    let frames = u32::try_from(assembly.timeline.pts.len()).map_err(|_| beyond("the video"))?;
    let mut head = b"DKIF\0\0".to_vec();
    head.extend(FILE_HEAD.to_le_bytes());
    head.extend(assembly.chunks.track.ivf_codec.as_bytes());
    head.extend(side(size.width())?.to_le_bytes());
    head.extend(side(size.height())?.to_le_bytes());
    head.extend(part(tick.denominator())?.to_le_bytes());
    head.extend(part(tick.numerator())?.to_le_bytes());
    head.extend(frames.to_le_bytes());
    head.extend([0; 4]);
    Ok(head)
}

fn beyond(what: &str) -> Error {
    let error = Error::source("IVF", format!("{what} is beyond what IVF can hold"));
    error.at("recipe.container").hint("use CONTAINER_MP4")
}
