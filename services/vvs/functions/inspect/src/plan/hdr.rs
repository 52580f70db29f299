//! Does the file say of HDR10 what it should, wherever it can say it?

use std::fmt::Display;
use std::path::Path;

use errors::Error;
use stratum_frames::HdrHeaders;
use video::{MasteringDisplay, StaticHdr};
use vvs_api::report::{Discrepancy, WRONG_CONTENT_LIGHT, WRONG_MASTERING_DISPLAY};

use crate::media::{Description, Stream, hdr_of_access_points};

/// A place that can say it.
struct Place {
    name: String,
    says: StaticHdr,
    /// Whether it can only say it roughly.
    rough: bool,
}

/// Differences of the container, and of the bitstream where decoding can start.
pub(super) fn compare(
    file: &Path,
    described: &Description,
    track: &Stream,
    expected: &StaticHdr,
) -> Result<Vec<Discrepancy>, Error> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let container = described.container_tells_hdr().then(|| Place {
        name: "the container".to_owned(),
        says: track.static_hdr(),
        rough: false,
    });
    let coded = match HdrHeaders::can_be_in(&track.codec_name) {
        true => first_different(&hdr_of_access_points(file, track)?, track, expected),
        false => None,
    };
    let places = [container, coded].into_iter().flatten();
    Ok(places
        .flat_map(|place| differences(&place, expected))
        .collect())
}

/// The first access point that does not say what it should.
fn first_different(said: &[StaticHdr], track: &Stream, expected: &StaticHdr) -> Option<Place> {
    let places = said.iter().enumerate().map(|(index, says)| Place {
        name: format!("the bitstream, at random access point {index}"),
        says: *says,
        rough: track.codec_name == "av1",
    });
    let mut different = places.filter(|place| !differences(place, expected).is_empty());
    different.next()
}

fn differences(place: &Place, expected: &StaticHdr) -> Vec<Discrepancy> {
    let (display, light) = (expected.mastering_display, expected.content_light);
    let near = |expected| {
        let found = place.says.mastering_display;
        found.is_some_and(|found| same_display(&expected, &found, place.rough))
    };
    let display = display.filter(|display| !near(*display)).map(|display| {
        let found = place.says.mastering_display;
        told(
            WRONG_MASTERING_DISPLAY,
            "mastering display",
            place,
            display,
            found,
        )
    });
    let light = light.filter(|light| place.says.content_light != Some(*light));
    let light = light.map(|light| {
        let found = place.says.content_light;
        told(WRONG_CONTENT_LIGHT, "content light", place, light, found)
    });
    display.into_iter().chain(light).collect()
}

/// AV1 writes binary fractions: luminance to 1/256 and 1/16384 cd/m².
fn same_display(expected: &MasteringDisplay, found: &MasteringDisplay, rough: bool) -> bool {
    let (max, min) = if rough { (20, 1) } else { (0, 0) };
    let brightness = MasteringDisplay {
        max_luminance: expected.max_luminance,
        min_luminance: expected.min_luminance,
        ..*found
    };
    brightness == *expected
        && found.max_luminance.abs_diff(expected.max_luminance) <= max
        && found.min_luminance.abs_diff(expected.min_luminance) <= min
}

fn told<T: Display>(
    code: &str,
    what: &str,
    place: &Place,
    expected: T,
    found: Option<T>,
) -> Discrepancy {
    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
    let message = format!("{what}: {} says {found} instead of {expected}", place.name);
    Discrepancy::new(code, message).differs(expected, found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hdr(max_luminance: u32) -> StaticHdr {
        let text = format!("G(1,2)B(3,4)R(5,6)WP(7,8)L({max_luminance},50)");
        StaticHdr {
            mastering_display: Some(text.parse().unwrap()),
            content_light: Some("1000,400".parse().unwrap()),
        }
    }

    fn found(codec: &str, said: &[StaticHdr]) -> Vec<String> {
        let track = Stream {
            codec_name: codec.into(),
            ..Stream::default()
        };
        let place = first_different(said, &track, &hdr(10_000));
        let found = place.map(|place| differences(&place, &hdr(10_000)));
        let found = found.unwrap_or_default().into_iter();
        found
            .map(|one| format!("{} {}", one.code, one.found))
            .collect()
    }

    #[test]
    fn every_access_point_has_to_say_it() {
        assert_eq!(found("hevc", &[hdr(10_000), hdr(10_000)]), [""; 0]);
        let one_silent = [hdr(10_000), StaticHdr::default()];
        let nothing = [
            "WRONG_MASTERING_DISPLAY nothing",
            "WRONG_CONTENT_LIGHT nothing",
        ];
        assert_eq!(found("hevc", &one_silent), nothing);
    }

    #[test]
    fn av1_may_round_and_nobody_else() {
        assert_eq!(found("av1", &[hdr(10_015)]), [""; 0]);
        assert_eq!(found("av1", &[hdr(10_040)]).len(), 1);
        assert_eq!(found("hevc", &[hdr(10_001)]).len(), 1);
    }
}
