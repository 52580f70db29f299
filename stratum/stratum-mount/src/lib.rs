//! Frames as files: a read-only FUSE mount.
//!
//! ```no_run
//! # fn example(film: std::fs::File) -> Result<(), stratum_mount::MountError> {
//! use stratum_mount::{Mount, Span, numbered};
//!
//! // Where the packets of an intra-only source lie in its file.
//! let spans = [Span { offset: 36, length: 18_791 }, Span { offset: 18_827, length: 18_873 }];
//! let mount = Mount::new("/staging/input".as_ref(), film, numbered("source", "j2k", spans))?;
//! // …/source00000001.j2k and …/source00000002.j2k are there until `mount` is dropped.
//! # drop(mount); Ok(()) }
//! ```

mod dead;
mod entries;
mod files;
mod mount;
mod shown;

pub use dead::remove_dead;
pub use entries::{Entry, Span, numbered};
pub use mount::{Mount, MountError};
pub use shown::{Answer, Shown};
