//! What ffmpeg and ffprobe say about a file, and its frames as they decode it.
//!
//! The tools run as children, within the sandbox of the function. Their text is foreign: it is
//! bounded, and nothing is done because of it but to count and to repeat it.

mod decode;
mod headers;
mod log;
mod packets;
mod probe;
mod spare;
mod y4m;

pub(crate) use decode::{Decode, Decoded, Outcome, Window};
pub(crate) use headers::hdr_of_access_points;
pub(crate) use log::Complaint;
pub(crate) use packets::{Packet, Packets, list};
pub(crate) use probe::{Description, Stream, describe};

use std::ffi::OsString;
use std::path::Path;

use crate::limits::FOREIGN_TEXT;

/// A path as the tools take it: never an option, never another protocol.
fn url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// Foreign text as it may be repeated.
pub(crate) fn quoted(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(FOREIGN_TEXT).collect()
}
