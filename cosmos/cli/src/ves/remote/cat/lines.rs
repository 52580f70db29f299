//! The index as lines of JSON, told apart by `part`. Fields are only ever added.

use blob::BlobRef;
use serde::Serialize;
use ves_api::function::{Bytes, Framing};
use ves_assembly::{AccessUnit, Head};

/// One line.
#[derive(Serialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Head {
        frames: u64,
        chunks: u64,
        width: u32,
        height: u32,
        pixel_format: &'a str,
        /// Seconds a tick.
        time_base: String,
        lead: u64,
        sample_entry: &'a str,
        configuration: &'a Bytes,
        framing: Framing,
    },
    Chunk {
        chunk: u64,
        store: &'a str,
        sha256: String,
        size: u64,
    },
    Unit {
        chunk: u64,
        frame: u64,
        offset: u64,
        size: u64,
        random_access: bool,
        pts: i64,
        dts: i64,
        duration: u64,
    },
    End,
}

impl Line<'_> {
    pub(super) fn head(head: &Head) -> String {
        let size = head.format.resolution;
        let line = Line::Head {
            frames: head.frames,
            chunks: head.chunks,
            width: size.width(),
            height: size.height(),
            pixel_format: head.format.pixel_format.as_str(),
            time_base: head.format.time_base.as_rational().to_string(),
            lead: head.lead,
            sample_entry: &head.track.sample_entry,
            configuration: &head.track.configuration,
            framing: head.track.framing,
        };
        line.json()
    }

    pub(super) fn chunk(chunk: u64, blob: &BlobRef) -> String {
        let line = Line::Chunk {
            chunk,
            store: &blob.store,
            sha256: blob.digest.to_string(),
            size: blob.size,
        };
        line.json()
    }

    pub(super) fn unit(chunk: u64, unit: &AccessUnit) -> String {
        let AccessUnit {
            frame,
            offset,
            size,
            random_access,
            pts,
            dts,
            duration,
            decode_duration: _,
        } = *unit;
        let line = Line::Unit {
            chunk,
            frame,
            offset,
            size,
            random_access,
            pts,
            dts,
            duration,
        };
        line.json()
    }

    pub(super) fn end() -> String {
        Line::End.json()
    }

    /// Numbers and texts: nothing that JSON cannot say.
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
