//! What a function said.

use std::fs;
use std::io::Read;
use std::path::Path;

use blob::BlobRef;
use stratum::limits;

use crate::context::Context;
use crate::text;
use crate::work_dir::WorkDir;

/// The last line that says something, for a function that left no error of its own.
pub(crate) fn last_line(dir: &WorkDir) -> Option<String> {
    let said = read(&dir.stderr());
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| text::line(line, 1_024))
}

/// Keeps both outputs as one text; nothing when nothing was said.
pub(crate) async fn keep(context: &Context, dir: &WorkDir) -> Option<BlobRef> {
    let (stdout, stderr) = (read(&dir.stdout()), read(&dir.stderr()));
    if stdout.is_empty() && stderr.is_empty() {
        return None;
    }
    let log = [
        b"--- stderr ---\n",
        &*stderr,
        b"\n--- stdout ---\n",
        &*stdout,
    ]
    .concat();
    let kept = context.blobs.home().put(log.into(), "text/plain").await;
    kept.inspect_err(|error| tracing::warn!(%error, "a log was not kept"))
        .ok()
}

/// Init bounds the size of both; in a container the function itself might not.
fn read(path: &Path) -> Vec<u8> {
    let mut said = Vec::new();
    let opened = fs::File::open(path).map(|file| file.take(2 * limits::LOG));
    // What cannot be read was not said.
    let _ = opened.and_then(|mut file| file.read_to_end(&mut said));
    said
}
