//! What HDR10 says of a film is missed wherever it is missing.

use std::fs;
use std::path::{Path, PathBuf};

use video::StaticHdr;
use vvs_api::expect::{Expectations, Format, Picture};
use vvs_api::report::{Report, WRONG_CONTENT_LIGHT, WRONG_MASTERING_DISPLAY};

use crate::encode::{AVC, encode};
use crate::source::{Film, moving};
use crate::stages::{ready, validate};

const DISPLAY: &str = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";

fn expected() -> Expectations {
    let hdr = StaticHdr {
        mastering_display: Some(DISPLAY.parse().unwrap()),
        content_light: Some("1000,400".parse().unwrap()),
    };
    let picture = Picture {
        hdr,
        ..Picture::default()
    };
    Expectations {
        format: Some(Format {
            picture: Some(picture),
            ..Format::default()
        }),
        ..Expectations::default()
    }
}

/// An encode that says this in its bitstream.
fn saying(film: &Film, name: &str, display: &str, light: &str) -> PathBuf {
    let args = format!("{AVC} -x264-params mastering-display={display}:cll={light}");
    encode(film, name, &args)
}

fn report(video: &Path) -> Report {
    validate(video, None, None, &expected()).unwrap().report
}

/// Codes, and what was found instead.
fn told(video: &Path) -> Vec<(String, String)> {
    let found = report(video).discrepancies.into_iter();
    found.map(|one| (one.code, one.found)).collect()
}

fn nothing() -> [(String, String); 2] {
    [WRONG_MASTERING_DISPLAY, WRONG_CONTENT_LIGHT].map(|code| (code.into(), "nothing".into()))
}

#[test]
fn the_bitstream_says_it_at_each_access_point_or_is_told() {
    if !ready() {
        return;
    }
    let film = moving();
    let good = saying(&film, "good.264", DISPLAY, "1000,400");
    assert_eq!(told(&good), []);
    let silent = encode(&film, "silent.264", AVC);
    assert_eq!(told(&silent), nothing());
    let darker = DISPLAY.replace("(10000000,", "(6000000,");
    let wrong = saying(&film, "wrong.264", &darker, "1000,401");
    let expected = [
        (WRONG_MASTERING_DISPLAY.to_owned(), darker),
        (WRONG_CONTENT_LIGHT.to_owned(), "1000,401".to_owned()),
    ];
    assert_eq!(told(&wrong), expected);
    // A chunk that lost it: four access points say it, the fifth does not.
    let half = film.folder().join("half.264");
    let both = [&good, &silent].map(|file| fs::read(file).unwrap());
    fs::write(&half, both.concat()).unwrap();
    assert_eq!(told(&half), nothing());
    let message = &report(&half).discrepancies[0].message;
    assert!(message.contains("random access point 4"), "{message}");
}

#[test]
fn a_container_that_can_say_it_has_to() {
    if !ready() {
        return;
    }
    let film = moving();
    for name in ["silent.mp4", "silent.mkv"] {
        let video = saying(&film, name, DISPLAY, "1000,400");
        assert_eq!(told(&video), nothing(), "{name}");
        let message = &report(&video).discrepancies[0].message;
        assert!(message.contains("the container"), "{message}");
    }
}
