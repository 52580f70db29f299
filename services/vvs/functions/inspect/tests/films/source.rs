//! Films to encode, generated, and what is expected of an encode of them.

use std::fs;
use std::path::{Path, PathBuf};

use stratum_frames::{FrameTable, Tools, build_table};
use tempfile::TempDir;
use vvs_api::expect::{Expectations, Format, Picture};

use crate::encode::run;
use crate::stages::Prints;

/// A film, its fingerprints, and its frame table.
pub(crate) struct Film {
    pub(crate) path: PathBuf,
    pub(crate) prints: Prints,
    pub(crate) table: FrameTable,
    folder: TempDir,
}

/// A lossless film of these frames of ffmpeg's generators.
pub(crate) fn film(generator: &str, more: &str) -> Film {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.mp4");
    let lossless = "-c:v libx264 -preset ultrafast -qp 0 -g 1000 -video_track_timescale 30000";
    run(&format!("-f lavfi -i {generator} {more} {lossless}"), &path);
    of(path, folder)
}

/// A film of a file that is there.
pub(crate) fn of(path: PathBuf, folder: TempDir) -> Film {
    let prints = Prints::of(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tools = Tools::of_function().unwrap();
    let table = runtime.block_on(build_table(&tools, &path)).unwrap();
    fs::write(folder.path().join("frames.table"), table.encode()).unwrap();
    assert_eq!(prints.result.frames, table.len());
    Film {
        path,
        prints,
        table,
        folder,
    }
}

/// A moving test picture, 120 frames at 29.97 a second.
pub(crate) fn moving() -> Film {
    film("testsrc2=s=320x180:r=30000/1001", "-frames:v 120")
}

impl Film {
    pub(crate) fn table_file(&self) -> PathBuf {
        self.folder.path().join("frames.table")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that can be expected of an H.264 encode that keeps size and layout, in chunks of 30.
    pub(crate) fn expected(&self) -> Expectations {
        let source = &self.table.source().format;
        let picture = Picture {
            resolution: Some(source.resolution),
            sample_aspect_ratio: Some(source.sample_aspect_ratio),
            pixel_format: Some(source.pixel_format.clone()),
            colour: Some(source.colour),
            scan_type: Some(source.scan_type),
            rotation: source.rotation,
            hdr: source.hdr,
        };
        Expectations {
            frame_count: Some(self.table.len()),
            timestamps: true,
            format: Some(Format {
                codec: Some("h264".into()),
                profile: None,
                max_level: Some(40),
                picture: Some(picture),
            }),
            other_tracks: Some(0),
            clean_decode: true,
            same_frames: true,
            boundaries: Some((0..self.table.len()).step_by(30).collect()),
            access_frames: Some(30),
            access_points: None,
            access_only: false,
            buffer: None,
        }
    }
}
