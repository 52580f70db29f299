//! The coded video alone: chunks one after another, as they are.

use std::fs::File;
use std::io::{Write, copy};

use errors::Error;
use ves_api::function::{Progress, io};

use crate::assemble::{Assembled, Assembly, VIDEO};

/// Concatenates the streams of all chunks.
pub(super) fn concatenate(
    assembly: &Assembly<'_>,
    progress: &mut Progress,
) -> Result<Assembled, Error> {
    let Assembly { work, chunks, .. } = assembly;
    let (path, total) = (work.output(VIDEO), chunks.bytes());
    let mut file = work.create(VIDEO)?;
    let mut bytes = 0;
    for chunk in &chunks.chunks {
        let mut stream = File::open(&chunk.path).map_err(|e| io("reading", &chunk.path, &e))?;
        bytes += copy(&mut stream, &mut file).map_err(|e| io("writing", &path, &e))?;
        progress.tell(bytes, total);
    }
    file.flush().map_err(|e| io("writing", &path, &e))?;
    Ok(Assembled {
        bytes,
        ..Assembled::default()
    })
}
