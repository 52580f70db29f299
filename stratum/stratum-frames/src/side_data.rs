//! What a container says of HDR10, as ffprobe tells it beside a track.

use serde::Deserialize;
use video::{Chromaticity, ContentLight, MasteringDisplay, Rational, StaticHdr};

/// The fields of one entry of ffprobe's `side_data_list`; empty where it is about something else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct HdrSideData {
    red_x: String,
    red_y: String,
    green_x: String,
    green_y: String,
    blue_x: String,
    blue_y: String,
    white_point_x: String,
    white_point_y: String,
    max_luminance: String,
    min_luminance: String,
    max_content: Option<u16>,
    max_average: Option<u16>,
}

impl HdrSideData {
    /// What it says, in the units of the standards.
    pub fn static_hdr(&self) -> StaticHdr {
        StaticHdr {
            mastering_display: self.display().filter(MasteringDisplay::is_possible),
            content_light: self.max_content.zip(self.max_average).map(
                |(max_content, max_frame_average)| ContentLight {
                    max_content,
                    max_frame_average,
                },
            ),
        }
    }

    fn display(&self) -> Option<MasteringDisplay> {
        Some(MasteringDisplay {
            red: chromaticity(&self.red_x, &self.red_y)?,
            green: chromaticity(&self.green_x, &self.green_y)?,
            blue: chromaticity(&self.blue_x, &self.blue_y)?,
            white_point: chromaticity(&self.white_point_x, &self.white_point_y)?,
            max_luminance: units(&self.max_luminance, 10_000)?,
            min_luminance: units(&self.min_luminance, 10_000)?,
        })
    }
}

fn chromaticity(x: &str, y: &str) -> Option<Chromaticity> {
    let coordinate = |text: &str| u16::try_from(units(text, Chromaticity::ONE.into())?).ok();
    Some(Chromaticity {
        x: coordinate(x)?,
        y: coordinate(y)?,
    })
}

/// Of a fraction, so many units in one.
fn units(fraction: &str, one: i64) -> Option<u32> {
    let fraction: Rational = fraction.parse().ok()?;
    u32::try_from(fraction.round_mul(one)?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn fractions_of_any_denominator_are_units() {
        let json = r#"{"side_data_type": "Mastering display metadata",
            "red_x": "34000/50000", "red_y": "16000/50000", "green_x": "17367/65536",
            "green_y": "45220/65536", "blue_x": "3/20", "blue_y": "3/50",
            "white_point_x": "15635/50000", "white_point_y": "16450/50000",
            "min_luminance": "1/200", "max_luminance": "1000/1"}"#;
        let said = serde_json::from_str::<HdrSideData>(json)
            .unwrap()
            .static_hdr();
        let expected = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";
        assert_eq!(said.mastering_display.unwrap().to_string(), expected);
        assert_eq!(said.content_light, None);
    }

    #[test]
    fn what_is_about_something_else_says_nothing() {
        for json in [
            r#"{"side_data_type": "Display Matrix", "rotation": -90}"#,
            r#"{"side_data_type": "Mastering display metadata", "red_x": "0/0"}"#,
        ] {
            let said = serde_json::from_str::<HdrSideData>(json).unwrap();
            assert!(said.static_hdr().is_empty(), "{json}");
        }
        let light = r#"{"max_content": 1000, "max_average": 400}"#;
        let said = serde_json::from_str::<HdrSideData>(light).unwrap();
        assert_eq!(
            said.static_hdr().content_light.unwrap().to_string(),
            "1000,400"
        );
    }
}
