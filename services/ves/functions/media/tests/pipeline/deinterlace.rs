//! Fields become frames alike in chunks and by one ffmpeg over the whole source.

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
