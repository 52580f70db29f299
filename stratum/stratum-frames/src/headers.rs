//! What a coded video itself says of HDR10: read off the headers that ffmpeg's `trace_headers`
//! spells out, bit for bit, without decoding a picture.

use std::collections::HashMap;

use video::{Chromaticity, ContentLight, MasteringDisplay, StaticHdr};

/// The bitstream filters that spell out the headers of the packets at which decoding can start.
pub const TRACE_ACCESS_POINTS: &str = "noise=drop=not(key),trace_headers";
/// Coding formats whose bitstreams can say it, by ffmpeg's names.
const CODECS: [&str; 3] = ["h264", "hevc", "av1"];

/// What was said before the first packet, and with each packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HdrHeaders {
    fields: HashMap<&'static str, u32>,
    before: StaticHdr,
    packets: Vec<StaticHdr>,
    begun: bool,
}

impl HdrHeaders {
    /// Whether the bitstream of this coding format, by ffmpeg's name, can say anything.
    pub fn can_be_in(codec: &str) -> bool {
        CODECS.contains(&codec)
    }

    /// Takes one line of ffmpeg's log.
    pub fn line(&mut self, line: &str) {
        if line.contains("] Packet: ") {
            self.end();
            self.begun = true;
        } else if let Some((name, value)) = field(line) {
            self.fields.insert(name, value);
        }
    }

    /// What each packet said, in order.
    pub fn packets(mut self) -> Vec<StaticHdr> {
        self.end();
        self.packets
    }

    /// What the first packet said, or what was said before it.
    pub fn first(mut self) -> StaticHdr {
        self.end();
        let first = self.packets.first().copied().unwrap_or_default();
        first.or(self.before)
    }

    fn end(&mut self) {
        let said = StaticHdr {
            mastering_display: st2086(&self.fields).or_else(|| av1(&self.fields)),
            content_light: light(&self.fields),
        };
        self.fields.clear();
        match self.begun {
            true => self.packets.push(said),
            false => self.before = said,
        }
    }
}

/// Names of H.264 and H.265 (D.1.29, D.2.28), then of AV1 (5.8.3, 5.8.4).
const NAMES: [&str; 24] = [
    "display_primaries_x[0]",
    "display_primaries_y[0]",
    "display_primaries_x[1]",
    "display_primaries_y[1]",
    "display_primaries_x[2]",
    "display_primaries_y[2]",
    "white_point_x",
    "white_point_y",
    "max_display_mastering_luminance",
    "min_display_mastering_luminance",
    "max_content_light_level",
    "max_pic_average_light_level",
    "primary_chromaticity_x[0]",
    "primary_chromaticity_y[0]",
    "primary_chromaticity_x[1]",
    "primary_chromaticity_y[1]",
    "primary_chromaticity_x[2]",
    "primary_chromaticity_y[2]",
    "white_point_chromaticity_x",
    "white_point_chromaticity_y",
    "luminance_max",
    "luminance_min",
    "max_cll",
    "max_fall",
];

/// `[trace_headers @ 0x55] 24          white_point_x          0011110100010011 = 15635`
fn field(line: &str) -> Option<(&'static str, u32)> {
    let (left, value) = line.rsplit_once(" = ")?;
    let name = left.split_whitespace().rev().nth(1)?;
    let name = NAMES.iter().find(|known| **known == name)?;
    Some((name, value.trim().parse().ok()?))
}

type Fields = HashMap<&'static str, u32>;

/// Primaries in the order green, blue, red.
fn st2086(fields: &Fields) -> Option<MasteringDisplay> {
    let colour = |x: &str, y: &str| {
        let of = |name: &str| u16::try_from(*fields.get(name)?).ok();
        Some(Chromaticity {
            x: of(x)?,
            y: of(y)?,
        })
    };
    let display = MasteringDisplay {
        green: colour("display_primaries_x[0]", "display_primaries_y[0]")?,
        blue: colour("display_primaries_x[1]", "display_primaries_y[1]")?,
        red: colour("display_primaries_x[2]", "display_primaries_y[2]")?,
        white_point: colour("white_point_x", "white_point_y")?,
        max_luminance: *fields.get("max_display_mastering_luminance")?,
        min_luminance: *fields.get("min_display_mastering_luminance")?,
    };
    Some(display).filter(MasteringDisplay::is_possible)
}

/// Primaries in the order red, green, blue; binary fractions of 16, 8 and 14 bits.
fn av1(fields: &Fields) -> Option<MasteringDisplay> {
    let fraction = |name: &str, bits: u32, unit: u64| {
        let value = u64::from(*fields.get(name)?) * unit;
        u32::try_from((value + (1 << (bits - 1))) >> bits).ok()
    };
    let colour = |x: &str, y: &str| {
        let of = |name: &str| u16::try_from(fraction(name, 16, Chromaticity::ONE.into())?).ok();
        Some(Chromaticity {
            x: of(x)?,
            y: of(y)?,
        })
    };
    let display = MasteringDisplay {
        red: colour("primary_chromaticity_x[0]", "primary_chromaticity_y[0]")?,
        green: colour("primary_chromaticity_x[1]", "primary_chromaticity_y[1]")?,
        blue: colour("primary_chromaticity_x[2]", "primary_chromaticity_y[2]")?,
        white_point: colour("white_point_chromaticity_x", "white_point_chromaticity_y")?,
        max_luminance: fraction("luminance_max", 8, 10_000)?,
        min_luminance: fraction("luminance_min", 14, 10_000)?,
    };
    Some(display).filter(MasteringDisplay::is_possible)
}

fn light(fields: &Fields) -> Option<ContentLight> {
    let either = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| fields.get(name))?;
        u16::try_from(*value).ok()
    };
    Some(ContentLight {
        max_content: either(["max_content_light_level", "max_cll"])?,
        max_frame_average: either(["max_pic_average_light_level", "max_fall"])?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const P3: &str = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";

    fn read(fields: &[(&str, u32)]) -> HdrHeaders {
        let mut headers = HdrHeaders::default();
        headers.line("[trace_headers @ 0x55] Packet: 7678 bytes, key frame, no pts, dts 0.");
        for (name, value) in fields {
            headers.line(&format!(
                "[trace_headers @ 0x55] 24      {name}      0101 = {value}"
            ));
        }
        headers
    }

    #[test]
    fn messages_of_h264_and_h265_are_read_to_the_digit() {
        let [x, y] = [[13_250, 7_500, 34_000], [34_500, 3_000, 16_000]];
        let mut fields: Vec<(&str, u32)> = Vec::new();
        fields.extend(NAMES[0..6].iter().step_by(2).copied().zip(x));
        fields.extend(NAMES[1..6].iter().step_by(2).copied().zip(y));
        fields.extend(
            NAMES[6..12]
                .iter()
                .copied()
                .zip([15_635, 16_450, 10_000_000, 50, 1_000, 400]),
        );
        let said = read(&fields).packets();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].mastering_display.unwrap().to_string(), P3);
        assert_eq!(said[0].content_light.unwrap().to_string(), "1000,400");
    }

    #[test]
    fn binary_fractions_of_av1_become_the_units_that_they_came_from() {
        let values = [44_564, 20_972, 17_367, 45_220, 9_830, 3_932, 20_493, 21_561];
        let mut fields: Vec<(&str, u32)> = NAMES[12..20].iter().copied().zip(values).collect();
        fields.extend([("luminance_max", 256_000), ("luminance_min", 82)]);
        let said = read(&fields).first();
        assert_eq!(said.mastering_display.unwrap().to_string(), P3);
        assert_eq!(said.content_light, None);
    }

    #[test]
    fn what_is_said_before_the_first_packet_is_no_packets() {
        let mut headers = HdrHeaders::default();
        headers.line("[trace_headers @ 0x55] 0   max_cll    0101 = 5");
        headers.line("[trace_headers @ 0x55] 0   max_fall   0101 = 4");
        headers.line("[trace_headers @ 0x55] Packet: 1 bytes, key frame");
        headers.line("[trace_headers @ 0x55] 0   max_cll    0101 = nonsense");
        assert_eq!(headers.clone().packets(), [StaticHdr::default()]);
        assert_eq!(headers.first().content_light.unwrap().max_content, 5);
    }
}
