//! A part of the source, shown in a part of the video, is compared as if it were all there is.

use video::{Region, Resolution};
use vvs_api::expect::Expectations;
use vvs_api::report::FOREIGN_FRAMES;

use crate::encode::{AVC, encode};
use crate::source::moving;
use crate::stages::{Prints, ready, validate_region};

fn region(left: u32, top: u32, width: u32, height: u32) -> Region {
    Region {
        left,
        top,
        size: Resolution::new(width, height).unwrap(),
    }
}

#[test]
fn a_cropped_and_padded_picture_is_the_part_that_it_shows() {
    if !ready() {
        return;
    }
    let film = moving();
    let prints = Prints::of_region(&film.path, Some(region(160, 40, 160, 120))).unwrap();
    let expected = Expectations {
        same_frames: true,
        clean_decode: true,
        boundaries: Some(vec![0, 30, 60, 90]),
        ..Expectations::default()
    };
    let codes = |x: u32, padding: u32| {
        let filters = format!("crop=160:120:{x}:40,scale=240:180,pad=320:180:{padding}:0");
        let video = encode(
            &film,
            &format!("{x} {padding}.mp4"),
            &format!("-vf {filters} {AVC}"),
        );
        let found = validate_region(&video, region(40, 0, 240, 180), &prints, &expected).unwrap();
        let codes = found.report.discrepancies.into_iter().map(|one| one.code);
        codes.collect::<Vec<_>>()
    };
    assert_eq!(codes(160, 40), [""; 0]);
    // Another part of the source.
    assert_eq!(codes(0, 40), [FOREIGN_FRAMES]);
    // Another part of the video.
    assert_eq!(codes(160, 80), [FOREIGN_FRAMES]);
}

#[test]
fn a_part_outside_of_the_source_is_refused() {
    if ready() {
        let outside = Prints::of_region(&moving().path, Some(region(200, 0, 160, 120)));
        let error = outside.err().unwrap();
        assert_eq!(
            (error.code.as_str(), error.field.as_deref()),
            ("OUT_OF_RANGE", Some("source_region"))
        );
        assert!(error.hint.is_some());
    }
}
