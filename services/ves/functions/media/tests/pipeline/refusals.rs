//! What cannot be done is refused before anything is encoded, with what would do.

use corpus::Clip;

use crate::judge;
use crate::stages::{encode, lossless, ready};

#[test]
fn an_odd_size_with_subsampled_chroma_is_refused() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.mkv");
    let path = odd.display().to_string();
    let args = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=353x287:r=25:d=0.4,format=yuv444p",
        "-pix_fmt",
    ];
    let args = args.into_iter().chain(["yuv420p", "-c:v", "ffv1", &path]);
    corpus::run("ffmpeg", args).unwrap();
    let error = encode(&odd, &lossless(30)).err().unwrap();
    assert_eq!(error["class"], "user");
    assert_eq!(error["code"], "UNSUPPORTED_SIZE");
    assert_eq!(error["hint"], "ask for 352x286");
}

#[test]
fn the_fields_of_a_single_frame_have_no_times() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one.mkv");
    let path = one.display().to_string();
    let words = "-v error -f lavfi -i testsrc2=s=160x96:r=25,trim=end_frame=1,setfield=tff \
                 -pix_fmt yuv420p -c:v ffv1 -field_order tt";
    corpus::run("ffmpeg", words.split_whitespace().chain([path.as_str()])).unwrap();
    let mut recipe = lossless(30);
    recipe["deinterlacing"] = "DEINTERLACING_FIELD".into();
    let error = encode(&one, &recipe).err().unwrap();
    assert_eq!(error["code"], "TIMESTAMPS");
    assert_eq!(error["field"], "recipe.deinterlacing");
    recipe["deinterlacing"] = "DEINTERLACING_FRAME".into();
    judge::accept(&encode(&one, &recipe).unwrap());
}

#[test]
fn what_is_no_video_is_refused() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let zeros = folder.path().join("zeros");
    std::fs::write(&zeros, vec![0; 100_000]).unwrap();
    let error = encode(&zeros, &lossless(30)).err().unwrap();
    assert_eq!(error["class"], "source");
}

#[test]
fn a_size_asked_for_is_scaled_to_and_keeps_the_shape() {
    if !ready() {
        return;
    }
    let source = corpus::clip(Clip::InterlacedMpegPs).unwrap();
    let mut recipe = lossless(30);
    recipe["resolution"] = serde_json::json!({"width": 360, "height": 240});
    let encoded = encode(&source, &recipe).unwrap();
    judge::accept(&encoded);
}
