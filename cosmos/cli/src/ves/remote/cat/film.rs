//! From units of the index to fragments of a file.

use errors::Error;
use ves_assembly::{AccessUnit, Head};
use ves_media::{FragmentedVideo, Sample};

use super::Failure;
use super::bytes::ChunkBytes;

/// The video that is written.
pub(super) struct Film {
    video: FragmentedVideo,
    chunks: u64,
    has_begun: bool,
}

impl Film {
    pub(super) fn new(head: Head) -> Result<Self, Error> {
        Ok(Self {
            chunks: head.chunks,
            video: FragmentedVideo::new(head.track, head.format, head.lead)?,
            has_begun: false,
        })
    }

    /// What the file begins with.
    pub(super) fn head(&self) -> Result<Vec<u8>, Error> {
        self.video.head()
    }

    /// Whether a unit was played.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether nothing comes after this chunk.
    pub(super) fn is_over(&self, chunk: u64) -> bool {
        chunk + 1 >= self.chunks
    }

    /// Writes units of a chunk; the last ones stay here until the chunk is flushed.
    pub(super) async fn play(
        &mut self,
        units: &[AccessUnit],
        bytes: &mut ChunkBytes<'_>,
    ) -> Result<(), Failure> {
        for unit in units {
            let coded = bytes.read(unit.offset, unit.size).await?;
            let fragment = self.video.push(&sample(unit, &coded))?;
            self.has_begun = true;
            super::out::write(fragment).await?;
        }
        Ok(())
    }

    /// The fragment that is not written yet.
    pub(super) fn flush(&mut self) -> Result<Vec<u8>, Error> {
        self.video.flush()
    }
}

fn sample<'a>(unit: &AccessUnit, coded: &'a [u8]) -> Sample<'a> {
    Sample {
        unit: coded,
        is_first: unit.frame == 0,
        sync: unit.random_access,
        pts: unit.pts,
        dts: unit.dts,
        decode_duration: unit.decode_duration,
    }
}
