//! Descriptions, digests, damage, and streams through a FIFO.

use std::fs::{self, File};

use corpus::{Clip, clip};
use stratum_frames::{
    DecodeOptions, Error, FrameTable, TrackKind, build_table, decode_range, plan_range,
    range_digest,
};
use video::{PixelFormat, Rational, Rotation, ScanType};

use crate::{Case, tools};

#[tokio::test]
async fn a_table_says_what_the_source_is() {
    let Some(case) = Case::of(Clip::InterlacedMpegPs).await else {
        return;
    };
    let format = &case.table.source().format;
    assert_eq!(format.scan_type, ScanType::TopFieldFirst);
    assert_eq!(format.sample_aspect_ratio.to_string(), "32:27");
    assert_eq!(
        format.time_base.as_rational(),
        Rational::new(1, 90_000).unwrap()
    );
    assert_eq!(
        format.frame_rate.as_rational(),
        Rational::new(30_000, 1001).unwrap()
    );
    assert_eq!(case.table.duration(0), Some(3003));
    assert_eq!(case.table.duration(89), Some(3003));

    let Some(case) = Case::of(Clip::HighBitDepth).await else {
        return;
    };
    let format = &case.table.source().format;
    assert_eq!(format.pixel_format.as_str(), "yuv422p10le");
    assert_eq!(format.colour.nclx(), [0, 9, 0, 16, 0, 9, 0]);

    let Some(case) = Case::of(Clip::Rotated).await else {
        return;
    };
    assert_ne!(case.table.source().format.rotation, Rotation::None);

    let Some(case) = Case::of(Clip::WithAudio).await else {
        return;
    };
    let others = &case.table.source().other_tracks;
    assert_eq!(others.len(), 1);
    assert_eq!(
        (others[0].kind, others[0].codec.as_str()),
        (TrackKind::Audio, "aac")
    );
}

#[tokio::test]
async fn a_table_is_small_and_survives_its_encoding() {
    for which in [
        Clip::OpenGopAvcMp4,
        Clip::EditList,
        Clip::Elementary,
        Clip::Vfr,
    ] {
        let Some(case) = Case::of(which).await else {
            return;
        };
        let bytes = case.table.encode();
        assert_eq!(FrameTable::decode(&bytes), Ok(case.table.clone()));
        let rows = case.table.packets().len();
        assert!(
            bytes.len() < 1500 + 14 * rows,
            "{} bytes for {rows} rows",
            bytes.len()
        );
        let again = build_table(&case.tools, &case.path).await.unwrap();
        assert_eq!(again.digest(), case.table.digest());
    }
}

#[tokio::test]
async fn a_range_streams_through_a_fifo() {
    let Some(case) = Case::of(Clip::OpenGopAvcMp4).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("source.y4m");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let plan = plan_range(&case.table, 95, 110).unwrap();
    let options = DecodeOptions::default();
    let reader = tokio::task::spawn_blocking({
        let fifo = fifo.clone();
        move || fs::read(fifo).unwrap()
    });
    let (tools, table) = (&case.tools, &case.table);
    let decoded = decode_range(tools, &case.path, table, &plan, &fifo, &options)
        .await
        .unwrap();
    decoded.verdict.unwrap();
    assert!(decoded.exit.cpu() > std::time::Duration::ZERO);
    let copy = folder.path().join("copy.y4m");
    fs::write(&copy, reader.await.unwrap()).unwrap();
    assert_eq!(corpus::framemd5(&copy).unwrap(), case.truth(&plan));
}

#[tokio::test]
async fn samples_are_converted_only_when_asked() {
    let Some(case) = Case::of(Clip::HighBitDepth).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_range(&case.table, 10, 11).unwrap();
    let mut sizes = Vec::new();
    for pixel_format in [None, video::PixelFormat::new("yuv420p")] {
        let output = folder.path().join("frame.y4m");
        File::create(&output).unwrap();
        let options = DecodeOptions {
            threads: 2,
            pixel_format,
        };
        let decoded = decode_range(
            &case.tools,
            &case.path,
            &case.table,
            &plan,
            &output,
            &options,
        )
        .await;
        decoded.unwrap().verdict.unwrap();
        sizes.push(fs::metadata(&output).unwrap().len());
    }
    let pixels = 320 * 180;
    assert!(
        (pixels * 4..pixels * 4 + 200).contains(&sizes[0]),
        "{sizes:?}"
    );
    assert!(
        (pixels * 3 / 2..pixels * 3 / 2 + 200).contains(&sizes[1]),
        "{sizes:?}"
    );
}

/// Of the old layouts that say so by their name, too.
#[tokio::test]
async fn converted_samples_of_the_full_range_keep_it() {
    let Some(tools) = tools("full range") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full.avi");
    let clip = "-v error -f lavfi -i testsrc2=s=64x48:r=24:d=0.25 \
                -vf scale=out_range=full,format=yuvj420p -c:v mjpeg -q:v 1";
    let film = path.display().to_string();
    corpus::run("ffmpeg", clip.split_whitespace().chain([film.as_str()])).unwrap();
    let truth = [
        "-v", "error", "-i", &film, "-f", "rawvideo", "-pix_fmt", "yuvj420p", "-",
    ];
    let truth = corpus::run("ffmpeg", truth).unwrap();

    let table = build_table(&tools, &path).await.unwrap();
    let options = DecodeOptions {
        pixel_format: PixelFormat::new("yuv420p"),
        ..DecodeOptions::default()
    };
    let output = folder.path().join("range.y4m");
    File::create(&output).unwrap();
    let plan = plan_range(&table, 0, 1).unwrap();
    let decoded = decode_range(&tools, &path, &table, &plan, &output, &options).await;
    decoded.unwrap().verdict.unwrap();
    let y4m = fs::read(&output).unwrap();
    let size = 64 * 48 * 3 / 2;
    assert!(y4m[y4m.len() - size..] == truth[..size], "other samples");
}

#[tokio::test]
async fn what_is_no_video_or_changes_its_size_is_a_source_error() {
    let Some(tools) = tools("damaged sources") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    fs::write(&text, "not a film").unwrap();
    let error = build_table(&tools, &text).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Tool {
                tool: "ffprobe",
                ..
            }
        ),
        "{error}"
    );

    let error = build_table(&tools, &clip(Clip::ResolutionChangeTs).unwrap())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("changes at frame 60"), "{error}");

    let error = build_table(&tools, &folder.path().join("missing.mp4"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("missing.mp4"), "{error}");
}

#[tokio::test]
async fn a_playlist_cannot_lead_to_other_files() {
    let Some(tools) = tools("references to other files") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let secret = clip(Clip::Plain).unwrap();
    let list = folder.path().join("list.ffconcat");
    fs::write(
        &list,
        format!("ffconcat version 1.0\nfile '{}'\n", secret.display()),
    )
    .unwrap();
    build_table(&tools, &list).await.unwrap_err();
}

/// Digests of chunks of 30 frames.
fn digests(case: &Case) -> Vec<Option<String>> {
    let file = File::open(&case.path).unwrap();
    let plan = |start| plan_range(&case.table, start, (start + 30).min(case.table.len())).unwrap();
    let digest = |start| range_digest(&file, &case.table, &plan(start)).unwrap();
    (0..case.table.len())
        .step_by(30)
        .map(|start| digest(start).map(|digest| digest.as_str().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_digest_changes_with_its_own_packets_alone() {
    for which in [Clip::Plain, Clip::OpenGopAvcTs, Clip::OpenGopAvcMkv] {
        let Some(mut case) = Case::of(which).await else {
            return;
        };
        let before = digests(&case);
        assert!(before.iter().all(Option::is_some));
        assert_eq!(before, digests(&case));
        assert_eq!(
            std::collections::HashSet::<_>::from_iter(&before).len(),
            before.len()
        );

        let rank = case.table.rank(75).unwrap();
        let at = case.table.packets()[rank].position.unwrap() as usize + 40;
        let mut bytes = fs::read(&case.path).unwrap();
        bytes[at] ^= 1;
        let folder = tempfile::tempdir().unwrap();
        case.path = folder.path().join("changed");
        fs::write(&case.path, bytes).unwrap();
        let after = digests(&case);
        assert_eq!(before[0], after[0]);
        assert_ne!(before[2], after[2], "{which:?}: frame 75 is in chunk 2");
        assert_eq!(before.last(), after.last());
    }
}

#[tokio::test]
async fn without_positions_there_is_no_digest() {
    let Some(case) = Case::of(Clip::Elementary).await else {
        return;
    };
    assert!(digests(&case).iter().all(Option::is_none));
}
