//! Writing MP4: exact timing, the index before the media, one pass, bounded memory.

mod boxes;
mod interleave;
mod movie;
mod timing;
mod track;

pub(crate) use boxes::{Boxes, children};
pub(crate) use interleave::{Run, interleave};
pub(crate) use movie::{Movie, Offsets};
#[cfg(test)]
pub(crate) use timing::tests as timing_tests;
pub use timing::{Timeline, decode_times};
pub(crate) use timing::{Timing, decode_order_timing, timescale};
pub(crate) use track::{Edit, Kind, Samples, Track};
