//! Pictures of intra-only sources as they lie in their files, against what ffmpeg copies out.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;

use corpus::Clip;
use stratum_frames::{Error, codestreams, has_codestreams};

use crate::Case;

/// Every packet, copied by ffmpeg into a file of its own.
fn copied(case: &Case) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("%08d.j2k").display().to_string();
    let source = case.path.display().to_string();
    let args = [
        "-v", "error", "-i", &source, "-c", "copy", "-f", "image2", &files,
    ];
    corpus::run("ffmpeg", args).unwrap();
    let file = |number| fs::read(folder.path().join(format!("{number:08}.j2k"))).unwrap();
    (1..=case.table.len()).map(file).collect()
}

async fn untouched(which: Clip) {
    let Some(case) = Case::of(which).await else {
        return;
    };
    assert!(has_codestreams(&case.table));
    let file = File::open(&case.path).unwrap();
    let found = codestreams(&file, &case.table, 3, 20).unwrap();
    let read = |range: &std::ops::Range<u64>| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).unwrap();
        bytes
    };
    let found: Vec<_> = found.iter().map(read).collect();
    assert!(found == copied(&case)[3..20]);
}

#[tokio::test]
async fn codestreams_of_mxf_are_untouched() {
    untouched(Clip::J2kMxf).await;
}

#[tokio::test]
async fn codestreams_of_matroska_are_untouched() {
    untouched(Clip::J2kMkv).await;
}

#[tokio::test]
async fn jp2_files_of_quicktime_are_untouched() {
    untouched(Clip::J2kMov).await;
}

#[tokio::test]
async fn what_is_no_whole_codestream_is_refused_with_what_would_do() {
    let Some(case) = Case::of(Clip::J2kMxf).await else {
        return;
    };
    let whole = codestreams(&File::open(&case.path).unwrap(), &case.table, 0, 24).unwrap();
    let mut bytes = fs::read(&case.path).unwrap();
    bytes[whole[5].end as usize - 1] = 0;
    let mut damaged = tempfile::tempfile().unwrap();
    damaged.write_all(&bytes).unwrap();
    assert_eq!(
        codestreams(&damaged, &case.table, 0, 5).unwrap(),
        whole[..5]
    );
    let refused = codestreams(&damaged, &case.table, 0, 24).unwrap_err();
    let Error::Source(why) = &refused else {
        panic!("{refused}")
    };
    assert!(why.contains("frame 5") && why.contains("COPY.mov"), "{why}");
}
