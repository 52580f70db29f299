//! Fields become frames, and rates change, alike in chunks and by one ffmpeg over the whole source.

use std::path::Path;

use corpus::Clip;
use serde_json::{Value, json};
use video::Rational;

use crate::judge;
use crate::stages::{Encoded, encode, lossless, ready};

/// In a second: half of a program stream's, so that they tell when a second field is shown.
const TICKS: u32 = 180_000;

/// Times from the first frame on, in seconds, and digests.
type Shown = Vec<(Rational, String)>;

/// What a filter makes of a whole file at once.
fn whole(path: &Path, filter: &str) -> Shown {
    let path = path.display().to_string();
    let words =
        format!("-vf {filter} -fps_mode passthrough -enc_time_base 1:{TICKS} -f framemd5 -");
    let args = ["-nostdin", "-v", "error", "-i", &path, "-map", "0:v:0"].into_iter();
    let out = corpus::run("ffmpeg", args.chain(words.split_whitespace())).unwrap();
    shown(&String::from_utf8(out).unwrap())
}

/// Reads the output of `framemd5`.
fn shown(text: &str) -> Shown {
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: "));
    let base: Rational = base.unwrap().parse().unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<(i64, String)> = rows
        .map(|row| {
            let columns: Vec<&str> = row.split(',').map(str::trim).collect();
            (columns[2].parse().unwrap(), columns[5].to_owned())
        })
        .collect();
    let first = rows[0].0;
    let since = |pts: i64| base.checked_mul(Rational::whole(pts - first)).unwrap();
    let rows = rows.into_iter();
    rows.map(|(pts, md5)| (since(pts), md5)).collect()
}

fn assert_same(encoded: &Encoded, expected: &Shown) {
    judge::accept(encoded);
    let found = whole(&encoded.video(), "null");
    assert_eq!(found.len(), expected.len());
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "frame {number}");
    }
}

/// In chunks that begin and end with either field, and as a whole.
fn assert_deinterlaced(how: &str, filter: &str, rest: &Value) {
    let source = corpus::clip(Clip::InterlacedMpegPs).unwrap();
    let expected = whole(&source, filter);
    for chunk in [13, 60, 1000] {
        let mut recipe = lossless(chunk);
        recipe["chunkingDirectives"]["alignment"] = json!("CHUNK_ALIGNMENT_FIXED");
        recipe["deinterlacing"] = json!(how);
        for (field, value) in rest.as_object().into_iter().flatten() {
            recipe[field] = value.clone();
        }
        assert_same(&encode(&source, &recipe).unwrap(), &expected);
    }
}

#[test]
fn a_frame_of_each_field() {
    if ready() {
        let bwdif = "bwdif=mode=send_field:parity=tff:deint=all";
        assert_deinterlaced("DEINTERLACING_FIELD", bwdif, &Value::Null);
    }
}

#[test]
fn a_frame_of_each_frame_before_it_is_cropped() {
    if ready() {
        let filters = "bwdif=mode=send_frame:parity=tff:deint=all,crop=714:430:4:10:exact=1";
        let crop = json!({"crop": {"left": 4, "top": 10, "right": 2, "bottom": 40}});
        assert_deinterlaced("DEINTERLACING_FRAME", filters, &crop);
    }
}

#[test]
fn what_is_progressive_stays_and_it_is_said() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::Tiny(7)).unwrap();
    let mut recipe = lossless(3);
    recipe["deinterlacing"] = json!("DEINTERLACING_FIELD");
    let encoded = encode(&source, &recipe).unwrap();
    assert_same(&encoded, &whole(&source, "null"));
    let warnings = encoded.split["warnings"].to_string();
    assert!(warnings.contains("nothing was deinterlaced"), "{warnings}");
}

/// At a rate, in chunks of three lengths, whatever the source's own times.
fn assert_at_rate(clip: Clip, rate: &str, rest: &Value) {
    let source = corpus::clip(clip).unwrap();
    let (count, seconds) = rate.split_once('/').unwrap();
    let expected = whole(&source, &format!("setpts=PTS-STARTPTS,fps={rate}"));
    let last = whole(&source, "null").pop().unwrap().1;
    for chunk in [31, 90, 1000] {
        let mut recipe = lossless(chunk);
        recipe["frameRate"] = json!({"numerator": count, "denominator": seconds});
        for (field, value) in rest.as_object().into_iter().flatten() {
            recipe[field] = value.clone();
        }
        let encoded = encode(&source, &recipe).unwrap();
        judge::accept(&encoded);
        let found = whole(&encoded.video(), "null");
        let digests = |all: &Shown| all.iter().map(|(_, md5)| md5.clone()).collect::<Vec<_>>();
        // ffmpeg does not know how long the last frame is shown.
        let (found_all, expected) = (digests(&found), digests(&expected));
        let (same, behind) = found_all.split_at(expected.len());
        assert!(same == expected, "{clip:?} {rate} {chunk}");
        assert!(
            behind.iter().all(|md5| *md5 == last),
            "{clip:?} {rate} {chunk}"
        );
        assert!(behind.len() < 2, "{clip:?} {rate} {chunk}");
        let apart = found
            .windows(2)
            .map(|pair| pair[1].0.approximate() - pair[0].0.approximate());
        let step = 1.0 / Rational::approximate(rate.parse().unwrap());
        assert!(
            apart.into_iter().all(|apart| (apart - step).abs() < 1e-5),
            "{clip:?} {rate}"
        );
    }
}

#[test]
fn rates_change_without_drift_up_and_down_and_from_times_that_vary() {
    if ready() {
        assert_at_rate(Clip::Plain, "24000/1001", &Value::Null);
        assert_at_rate(Clip::OpenGopAvcMkv, "50/1", &Value::Null);
        assert_at_rate(Clip::Vfr, "25/1", &Value::Null);
    }
}

#[test]
fn a_rate_that_a_source_has_changes_nothing() {
    if ready() {
        assert_at_rate(Clip::OpenGopAvcMkv, "30000/1001", &Value::Null);
    }
}
