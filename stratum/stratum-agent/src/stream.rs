//! Decoded frames as a stream: a FIFO that the function reads.

use std::path::{Path, PathBuf};

use errors::Error;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use stratum::FrameInput;

use crate::execute::{Attempt, Halt};
use crate::inputs::Staged;
use crate::work_dir;

/// Makes the FIFO that the function will read.
pub(crate) fn make_fifo(path: &Path) -> Result<(), Error> {
    let made = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
    made.map_err(|error| work_dir::io("create", path, &error.into()))
}

pub(crate) async fn run(
    _attempt: &mut Attempt<'_>,
    _staged: &Staged,
    _frames: &(PathBuf, FrameInput),
) -> Result<(), Halt> {
    Err(Error::platform("UNSUPPORTED", "streams").into())
}
