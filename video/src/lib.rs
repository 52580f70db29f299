//! The common video data model: rates, sizes, scan, colour.
//!
//! Everything is exact: fractions are integers over integers, colour is code points of ITU-T H.273.

mod buffer;
mod colour;
mod conversion;
mod format;
mod hdr;
mod pixel;
mod rational;
mod scan;
mod size;
mod time;
mod wire;

pub use buffer::{DecoderBuffer, Fullness};
pub use colour::{ColourDescription, Matrix, Primaries, Range, Transfer};
pub use conversion::{Cadence, Conversion, Deinterlacing};
pub use format::VideoFormat;
pub use hdr::{Chromaticity, ContentLight, InvalidHdr, MasteringDisplay, StaticHdr};
pub use pixel::{Chroma, PixelFormat};
pub use rational::{InvalidRational, Rational};
pub use scan::ScanType;
pub use size::{Region, Resolution, Rotation, SampleAspectRatio};
pub use time::{FrameRate, TimeBase};
pub use wire::InvalidFormat;
