//! Every `[start, end)` is exactly those frames.

use corpus::{Clip, skip};
use stratum_frames::{Method, Mismatch, Origin, Plan, Timing, plan_range};

use crate::{Case, tools};

/// What a clip's table and plans are expected to be.
struct Expect {
    origin: Origin,
    timing: Timing,
    /// Whether some ranges may have to be decoded from the start after their seek was refused.
    refused_seeks: bool,
    /// Whether something is missing.
    damaged: bool,
}

const TRUSTED: Expect = Expect {
    origin: Origin::Demuxed,
    timing: Timing::Source,
    refused_seeks: false,
    damaged: false,
};

async fn check(case: &Case, expect: &Expect) {
    let table = &case.table;
    assert_eq!(
        (table.origin(), table.timing()),
        (expect.origin, expect.timing)
    );
    assert_eq!(table.len(), case.truth.len() as u64);
    let damage = &table.source().damage;
    assert_eq!(damage.is_some(), expect.damaged, "{damage:?}");
    if table.timing() == Timing::Source {
        let times: Vec<i64> = table.range(0, table.len()).map(|frame| frame.pts).collect();
        let truth: Vec<i64> = case.truth.iter().map(|frame| frame.pts).collect();
        assert_eq!(times, truth);
    }
    let mut seeks = 0;
    for (start, end) in chunks(table.len()).chain(odd_ranges(table.len())) {
        let plan = plan_range(table, start, end).unwrap();
        seeks += u32::from(exact(case, plan, expect).await);
    }
    let access_points = table.packets().iter().filter(|packet| packet.key).count();
    assert!(
        expect.refused_seeks || seeks > 0 || access_points < 2,
        "nothing was sought"
    );
}

/// Chunks of 30 frames, one after another.
fn chunks(frames: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..frames)
        .step_by(30)
        .map(move |start| (start, (start + 30).min(frames)))
}

/// Single frames and crooked ranges all over, the same on every run.
fn odd_ranges(frames: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ frames;
    let mut next = move |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    (0..3).map(move |n| {
        let start = next(frames);
        let length = if n == 0 { 1 } else { 1 + next(50) };
        (start, (start + length).min(frames))
    })
}

/// Decodes a range, from the start if the seek is refused; says whether the seek was good.
async fn exact(case: &Case, plan: Plan, expect: &Expect) -> bool {
    let (decoded, hashes) = case.decode(&plan).await;
    match decoded.verdict {
        Ok(()) => {
            assert_eq!(hashes, case.truth(&plan), "{plan:?}");
            plan.method != Method::Linear
        }
        Err(mismatch) => {
            assert!(
                expect.refused_seeks,
                "{plan:?}: {mismatch}: {}",
                decoded.observed.said()
            );
            let plan = plan.linear();
            let (decoded, hashes) = case.decode(&plan).await;
            assert_eq!(
                (decoded.verdict, hashes.len() as u64),
                (Ok(()), plan.frames())
            );
            assert_eq!(hashes, case.truth(&plan), "{plan:?}");
            false
        }
    }
}

macro_rules! clips {
    ($($name:ident: $clip:expr, $expect:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some(case) = Case::of($clip).await {
                    check(&case, &$expect).await;
                }
            }
        )*
    };
}

clips! {
    closed_gop: Clip::Plain, TRUSTED;
    open_gop_avc_mp4: Clip::OpenGopAvcMp4, TRUSTED;
    open_gop_avc_ts: Clip::OpenGopAvcTs, TRUSTED;
    open_gop_avc_mkv: Clip::OpenGopAvcMkv, TRUSTED;
    open_gop_hevc_mp4: Clip::OpenGopHevcMp4, TRUSTED;
    open_gop_hevc_ts: Clip::OpenGopHevcTs, TRUSTED;
    open_gop_hevc_mkv: Clip::OpenGopHevcMkv, TRUSTED;
    variable_frame_rate: Clip::Vfr, TRUSTED;
    edit_list: Clip::EditList, TRUSTED;
    delayed_start: Clip::DelayedStart, TRUSTED;
    hidden_reference_frames: Clip::Vp9Webm, TRUSTED;
    negative_composition_offsets: Clip::NegativeCtts, TRUSTED;
    odd_size: Clip::OddSize, TRUSTED;
    ten_bit: Clip::HighBitDepth, TRUSTED;
    interlaced: Clip::InterlacedMpegPs, TRUSTED;
    rotated: Clip::Rotated, TRUSTED;
    one_frame: Clip::Tiny(1), TRUSTED;
    two_frames: Clip::Tiny(2), TRUSTED;
    audio_too: Clip::WithAudio, TRUSTED;
    wrapped_timestamps: Clip::PtsWrapTs, TRUSTED;
    codestreams: Clip::J2kMov, TRUSTED;
    intra_refresh: Clip::IntraRefreshTs, Expect { refused_seeks: true, ..TRUSTED };
    truncated: Clip::Truncated, Expect { origin: Origin::Decoded, damaged: true, ..TRUSTED };
    no_timestamps: Clip::Elementary,
        Expect { origin: Origin::Decoded, timing: Timing::Repaired, ..TRUSTED };
}

#[tokio::test]
async fn a_real_film() {
    let Some(path) = corpus::media("sintel_trailer-720p.mp4") else {
        return skip(
            "ranges of a real film",
            "COSMOS_MEDIA names no folder with it",
        );
    };
    let Some(tools) = tools("ranges of a real film") else {
        return;
    };
    let case = Case::at(tools, &path).await;
    assert_eq!(case.table.len(), 1253);
    for start in (0..1253).step_by(173) {
        let plan = plan_range(&case.table, start, (start + 30).min(1253)).unwrap();
        exact(&case, plan, &TRUSTED).await;
    }
}

#[tokio::test]
async fn a_seek_that_lands_late_is_noticed() {
    let Some(case) = Case::of(Clip::OpenGopHevcTs).await else {
        return;
    };
    let good = plan_range(&case.table, 130, 150).unwrap();
    let Method::Seek {
        rank,
        seek_us,
        first,
    } = good.method
    else {
        panic!("{good:?}")
    };
    let late = Method::Seek {
        rank,
        seek_us: seek_us + 200_000,
        first,
    };
    let (decoded, _) = case
        .decode(&Plan {
            method: late,
            ..good
        })
        .await;
    assert_eq!(decoded.verdict, Err(Mismatch::LateStart { first }));
}

#[tokio::test]
async fn a_source_that_lost_frames_is_noticed() {
    let Some(case) = Case::of(Clip::WithAudio).await else {
        return;
    };
    let Some(shorter) = Case::of(Clip::Truncated).await else {
        return;
    };
    let plan = plan_range(&case.table, 90, 120).unwrap();
    let case = Case {
        path: shorter.path,
        ..case
    };
    for plan in [plan, plan.linear()] {
        let (decoded, _) = case.decode(&plan).await;
        assert!(decoded.verdict.is_err(), "{plan:?}");
    }
}
