//! What does not reach a decoder in time is found, and what x264 itself has kept to is not.

use std::fs;
use std::path::Path;

use video::DecoderBuffer;
use vvs_api::expect::Expectations;
use vvs_api::report::{BUFFER_UNDERFLOW, Discrepancy};

use crate::encode::run;
use crate::stages::{ready, validate};

/// Bits in a second, and in the buffer.
const CAP: (u64, u64) = (400_000, 300_000);
/// Half of it flat, half of it noise, 24 frames in a second.
const FILM: &str = "-f lavfi -i color=gray:s=160x96:r=24:d=2 \
    -f lavfi -i color=gray:s=160x96:r=24:d=2,noise=alls=40:allf=t:all_seed=7 \
    -filter_complex concat=n=2,format=yuv420p -c:v libx264 -preset veryfast -threads 1 -crf 20";
const CAPPED: &str = "-maxrate 400k -bufsize 300k";

fn found(video: &Path) -> Vec<Discrepancy> {
    let expected = Expectations {
        buffer: DecoderBuffer::new(CAP.0, CAP.1),
        ..Expectations::default()
    };
    let report = validate(video, None, None, &expected).unwrap().report;
    assert_eq!(report.checks, ["buffer-model"]);
    report.discrepancies
}

#[test]
fn a_buffer_that_was_kept_to_in_every_container() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mp4", "film.mkv", "film.ts", "film.264"] {
        let video = folder.path().join(name);
        run(&format!("{FILM} {CAPPED}"), &video);
        assert_eq!(found(&video), [], "{name}");
    }
}

#[test]
fn an_encode_without_the_cap() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mp4", "film.264"] {
        let video = folder.path().join(name);
        run(FILM, &video);
        let told = found(&video);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert_eq!(told[0].code, BUFFER_UNDERFLOW);
        let frames = told[0].frames.unwrap();
        assert!(frames.start >= 48 && frames.end == 96, "{name}: {told:?}");
    }
}

/// Four frames of noise, begun with a full buffer each time: behind a seam there is less in it.
#[test]
fn seams_at_which_the_buffer_was_not_handed_over() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let noise = FILM.replace(
        "concat=n=2",
        "concat=n=2,trim=start_frame=48:end_frame=52,setpts=N/24/TB",
    );
    let chunk = path("chunk.264");
    run(&format!("{noise} {CAPPED} -rc_init_occupancy 300k"), &chunk);
    assert_eq!(found(&chunk), []);
    let chunks = path("chunks.264");
    fs::write(&chunks, fs::read(&chunk).unwrap().repeat(6)).unwrap();
    let told = found(&chunks);
    assert!(!told.is_empty());
    for one in told {
        let frames = one.frames.unwrap();
        assert!(frames.start >= 4 && frames.end <= 6 * 4, "{one:?}");
    }
}
