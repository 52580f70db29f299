//! What a file says of one track.

use mp4_atom::Matrix;

/// A track, but for where its samples lie.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) kind: Kind,
    pub(crate) timescale: u32,
    /// ISO 639-2: "und".
    pub(crate) language: String,
    /// Whether it plays unless another is chosen.
    pub(crate) enabled: bool,
    pub(crate) alternate_group: u16,
    /// The whole `stsd` box.
    pub(crate) description: Vec<u8>,
    pub(crate) samples: Samples,
    pub(crate) edit: Edit,
}

/// What is particular to the sort of media.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Video {
        /// Size on the screen, before it is turned.
        width: u16,
        height: u16,
        matrix: Matrix,
    },
    Audio,
    /// Timed text.
    Text,
}

/// The samples of a track in decoding order, all lists of the same length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) sizes: Vec<u32>,
    pub(crate) deltas: Vec<u32>,
    /// None = all are presented when they are decoded.
    pub(crate) offsets: Option<Vec<u32>>,
    /// Whether decoding can start here; None = everywhere.
    pub(crate) sync: Option<Vec<bool>>,
}

/// Which part of the media is presented, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Before the presentation begins, in units of the movie's timescale.
    pub(crate) delay: u64,
    /// Media time at which it begins, in units of the track's timescale.
    pub(crate) media_time: u64,
    /// How long it lasts, in units of the movie's timescale.
    pub(crate) duration: u64,
}

impl Samples {
    /// Sum of the decoding distances.
    pub(crate) fn duration(&self) -> u64 {
        self.deltas.iter().map(|delta| u64::from(*delta)).sum()
    }
}
