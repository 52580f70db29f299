//! To and from `video.v1`.

use proto::video::v1;

use crate::{
    Cadence, Chromaticity, ColourDescription, ContentLight, Conversion, Deinterlacing, FrameRate,
    MasteringDisplay, Matrix, PixelFormat, Primaries, Range, Rational, Region, Resolution,
    Rotation, SampleAspectRatio, ScanType, StaticHdr, TimeBase, Transfer, VideoFormat,
};

/// A `video.v1` message that says something impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct InvalidFormat {
    /// The field's name in the message.
    pub field: &'static str,
    pub expected: &'static str,
}

impl From<Rational> for v1::Rational {
    fn from(value: Rational) -> Self {
        v1::Rational {
            numerator: value.numerator(),
            denominator: value.denominator(),
            ..Default::default()
        }
    }
}

impl From<Resolution> for v1::Resolution {
    fn from(value: Resolution) -> Self {
        v1::Resolution {
            width: value.width(),
            height: value.height(),
            ..Default::default()
        }
    }
}

impl From<Region> for v1::Region {
    fn from(value: Region) -> Self {
        v1::Region {
            left: value.left,
            top: value.top,
            width: value.size.width(),
            height: value.size.height(),
            ..Default::default()
        }
    }
}

impl TryFrom<&v1::Region> for Region {
    type Error = InvalidFormat;

    fn try_from(value: &v1::Region) -> Result<Self, InvalidFormat> {
        Ok(Region {
            left: value.left,
            top: value.top,
            size: Resolution::new(value.width, value.height)
                .ok_or(invalid("region", "a width and height of at least 1"))?,
        })
    }
}

impl From<ColourDescription> for v1::ColourDescription {
    /// Limited and unspecified range become the same: the wire says only whether it is full.
    fn from(value: ColourDescription) -> Self {
        v1::ColourDescription {
            primaries: value.primaries.code().into(),
            transfer: value.transfer.code().into(),
            matrix: value.matrix.code().into(),
            full_range: value.range == Range::Full,
            ..Default::default()
        }
    }
}

impl From<ScanType> for v1::ScanType {
    fn from(value: ScanType) -> Self {
        match value {
            ScanType::Unknown => v1::ScanType::Unspecified,
            ScanType::Progressive => v1::ScanType::Progressive,
            ScanType::TopFieldFirst => v1::ScanType::TopFieldFirst,
            ScanType::BottomFieldFirst => v1::ScanType::BottomFieldFirst,
        }
    }
}

impl From<Deinterlacing> for v1::Deinterlacing {
    fn from(value: Deinterlacing) -> Self {
        match value {
            Deinterlacing::Frame => v1::Deinterlacing::Frame,
            Deinterlacing::Field => v1::Deinterlacing::Field,
        }
    }
}

impl From<Conversion> for v1::Conversion {
    fn from(value: Conversion) -> Self {
        let how = value.deinterlacing().map(v1::Deinterlacing::from);
        let scan = value.scan_type().map(v1::ScanType::from);
        v1::Conversion {
            deinterlacing: how.unwrap_or_default().into(),
            scan_type: scan.unwrap_or_default().into(),
            frame_rate: value
                .cadence()
                .map(|cadence| v1::Rational::from(cadence.rate.as_rational()))
                .into(),
            frames: value.cadence().map_or(0, |cadence| cadence.frames),
            ..Default::default()
        }
    }
}

impl TryFrom<&v1::Conversion> for Conversion {
    type Error = InvalidFormat;

    fn try_from(value: &v1::Conversion) -> Result<Self, InvalidFormat> {
        let cadence = value.frame_rate.as_option().map(|rate| {
            let rate = fraction(rate).and_then(FrameRate::new);
            Ok(Cadence {
                rate: rate.ok_or(invalid("frame_rate", ABOVE_ZERO))?,
                frames: value.frames,
            })
        });
        let cadence = cadence.transpose()?;
        let how = match value.deinterlacing.as_known() {
            Some(v1::Deinterlacing::Unspecified) => {
                return Ok(Conversion::default().at_rate(cadence));
            }
            Some(v1::Deinterlacing::Frame) => Deinterlacing::Frame,
            Some(v1::Deinterlacing::Field) => Deinterlacing::Field,
            None => return Err(invalid("deinterlacing", "a known way to deinterlace")),
        };
        let scan = scan_type(value.scan_type.as_known());
        let expected = "which field comes first, where there is something to deinterlace";
        Some(Conversion::new(Some(how), scan))
            .filter(|conversion| !conversion.is_none())
            .map(|conversion| conversion.at_rate(cadence))
            .ok_or(invalid("scan_type", expected))
    }
}

impl From<VideoFormat> for v1::VideoFormat {
    fn from(value: VideoFormat) -> Self {
        let sample_aspect_ratio = value.sample_aspect_ratio.as_rational();
        v1::VideoFormat {
            resolution: v1::Resolution::from(value.resolution).into(),
            sample_aspect_ratio: v1::Rational::from(sample_aspect_ratio).into(),
            pixel_format: value.pixel_format.into(),
            colour: v1::ColourDescription::from(value.colour).into(),
            scan_type: v1::ScanType::from(value.scan_type).into(),
            frame_rate: v1::Rational::from(value.frame_rate.as_rational()).into(),
            time_base: v1::Rational::from(value.time_base.as_rational()).into(),
            rotation: value.rotation.degrees(),
            mastering_display: value.hdr.mastering_display.map(Into::into).into(),
            content_light: value.hdr.content_light.map(Into::into).into(),
            ..Default::default()
        }
    }
}

impl From<Chromaticity> for v1::Chromaticity {
    fn from(value: Chromaticity) -> Self {
        v1::Chromaticity {
            x: value.x.into(),
            y: value.y.into(),
            ..Default::default()
        }
    }
}

impl From<MasteringDisplay> for v1::MasteringDisplay {
    fn from(value: MasteringDisplay) -> Self {
        v1::MasteringDisplay {
            red: v1::Chromaticity::from(value.red).into(),
            green: v1::Chromaticity::from(value.green).into(),
            blue: v1::Chromaticity::from(value.blue).into(),
            white_point: v1::Chromaticity::from(value.white_point).into(),
            max_luminance: value.max_luminance,
            min_luminance: value.min_luminance,
            ..Default::default()
        }
    }
}

impl From<ContentLight> for v1::ContentLight {
    fn from(value: ContentLight) -> Self {
        v1::ContentLight {
            max_content: value.max_content.into(),
            max_frame_average: value.max_frame_average.into(),
            ..Default::default()
        }
    }
}

impl TryFrom<&v1::MasteringDisplay> for MasteringDisplay {
    type Error = InvalidFormat;

    fn try_from(value: &v1::MasteringDisplay) -> Result<Self, InvalidFormat> {
        let colour = |colour: &v1::Chromaticity| {
            Some(Chromaticity {
                x: colour.x.try_into().ok()?,
                y: colour.y.try_into().ok()?,
            })
        };
        let read = || {
            Some(MasteringDisplay {
                red: colour(&value.red)?,
                green: colour(&value.green)?,
                blue: colour(&value.blue)?,
                white_point: colour(&value.white_point)?,
                max_luminance: value.max_luminance,
                min_luminance: value.min_luminance,
            })
        };
        let expected = "coordinates up to 50000, and max_luminance above min_luminance";
        read()
            .filter(MasteringDisplay::is_possible)
            .ok_or(invalid("mastering_display", expected))
    }
}

impl TryFrom<&v1::ContentLight> for ContentLight {
    type Error = InvalidFormat;

    fn try_from(value: &v1::ContentLight) -> Result<Self, InvalidFormat> {
        let light = |light: u32| {
            let invalid = invalid("content_light", "cd/m² up to 65535");
            u16::try_from(light).or(Err(invalid))
        };
        Ok(ContentLight {
            max_content: light(value.max_content)?,
            max_frame_average: light(value.max_frame_average)?,
        })
    }
}

impl TryFrom<&v1::Rational> for Rational {
    type Error = InvalidFormat;

    fn try_from(value: &v1::Rational) -> Result<Self, InvalidFormat> {
        Rational::new(value.numerator, value.denominator)
            .ok_or(invalid("rational", "a denominator other than 0"))
    }
}

impl TryFrom<&v1::VideoFormat> for VideoFormat {
    type Error = InvalidFormat;

    fn try_from(value: &v1::VideoFormat) -> Result<Self, InvalidFormat> {
        Ok(VideoFormat {
            resolution: Resolution::new(value.resolution.width, value.resolution.height)
                .ok_or(invalid("resolution", "a width and height of at least 1"))?,
            sample_aspect_ratio: fraction(&value.sample_aspect_ratio)
                .and_then(SampleAspectRatio::new)
                .ok_or(invalid("sample_aspect_ratio", ABOVE_ZERO))?,
            pixel_format: PixelFormat::new(value.pixel_format.clone())
                .ok_or(invalid("pixel_format", "a name such as yuv420p10le"))?,
            colour: value
                .colour
                .as_option()
                .map(colour)
                .transpose()?
                .unwrap_or_default(),
            scan_type: scan_type(value.scan_type.as_known()),
            frame_rate: fraction(&value.frame_rate)
                .and_then(FrameRate::new)
                .ok_or(invalid("frame_rate", ABOVE_ZERO))?,
            time_base: fraction(&value.time_base)
                .and_then(TimeBase::new)
                .ok_or(invalid("time_base", ABOVE_ZERO))?,
            rotation: Rotation::from_degrees(value.rotation.into())
                .ok_or(invalid("rotation", "0, 90, 180 or 270"))?,
            hdr: static_hdr(value)?,
        })
    }
}

const ABOVE_ZERO: &str = "a fraction above 0";

fn invalid(field: &'static str, expected: &'static str) -> InvalidFormat {
    InvalidFormat { field, expected }
}

fn fraction(value: &v1::Rational) -> Option<Rational> {
    Rational::try_from(value).ok()
}

fn colour(value: &v1::ColourDescription) -> Result<ColourDescription, InvalidFormat> {
    let code = |code: u32| u8::try_from(code).or(Err(invalid("colour", "code points up to 255")));
    Ok(ColourDescription {
        primaries: Primaries::from_code(code(value.primaries)?),
        transfer: Transfer::from_code(code(value.transfer)?),
        matrix: Matrix::from_code(code(value.matrix)?),
        range: if value.full_range {
            Range::Full
        } else {
            Range::Unspecified
        },
    })
}

fn static_hdr(value: &v1::VideoFormat) -> Result<StaticHdr, InvalidFormat> {
    let (display, light) = (&value.mastering_display, &value.content_light);
    Ok(StaticHdr {
        mastering_display: display.as_option().map(TryInto::try_into).transpose()?,
        content_light: light.as_option().map(TryInto::try_into).transpose()?,
    })
}

fn scan_type(value: Option<v1::ScanType>) -> ScanType {
    match value {
        Some(v1::ScanType::Progressive) => ScanType::Progressive,
        Some(v1::ScanType::TopFieldFirst) => ScanType::TopFieldFirst,
        Some(v1::ScanType::BottomFieldFirst) => ScanType::BottomFieldFirst,
        Some(v1::ScanType::Unspecified) | None => ScanType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn format() -> VideoFormat {
        VideoFormat {
            resolution: Resolution::new(720, 576).unwrap(),
            sample_aspect_ratio: SampleAspectRatio::new(Rational::new(64, 45).unwrap()).unwrap(),
            pixel_format: PixelFormat::new("yuv422p10le").unwrap(),
            colour: ColourDescription {
                primaries: Primaries::from_code(5),
                transfer: Transfer::from_code(6),
                matrix: Matrix::from_code(5),
                range: Range::Full,
            },
            scan_type: ScanType::TopFieldFirst,
            frame_rate: FrameRate::new(Rational::whole(25)).unwrap(),
            time_base: TimeBase::per_second(90_000).unwrap(),
            rotation: Rotation::Half,
            hdr: StaticHdr {
                mastering_display: Some(
                    "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
                        .parse()
                        .unwrap(),
                ),
                content_light: Some("1000,400".parse().unwrap()),
            },
        }
    }

    #[test]
    fn a_format_round_trips() {
        let mut wire = v1::VideoFormat::from(format());
        assert_eq!(VideoFormat::try_from(&wire), Ok(format()));
        wire.colour = Default::default();
        assert!(
            VideoFormat::try_from(&wire)
                .unwrap()
                .colour
                .is_unspecified()
        );
    }

    #[test]
    fn a_conversion_round_trips_and_tells_what_comes_first() {
        for how in [Deinterlacing::Frame, Deinterlacing::Field] {
            let all = Conversion::new(Some(how), ScanType::BottomFieldFirst);
            assert_eq!(Conversion::try_from(&v1::Conversion::from(all)), Ok(all));
            let rate = FrameRate::new(Rational::new(24_000, 1001).unwrap()).unwrap();
            let all = all.at_rate(Some(Cadence { rate, frames: 7 }));
            assert_eq!(Conversion::try_from(&v1::Conversion::from(all)), Ok(all));
        }
        let nothing = v1::Conversion::from(Conversion::default());
        assert_eq!(Conversion::try_from(&nothing), Ok(Conversion::default()));
        let untold = v1::Conversion {
            deinterlacing: v1::Deinterlacing::Field.into(),
            ..Default::default()
        };
        assert_eq!(
            Conversion::try_from(&untold).unwrap_err().field,
            "scan_type"
        );
    }

    #[test]
    fn what_is_missing_or_impossible_is_named() {
        let field = |change: fn(&mut v1::VideoFormat)| {
            let mut wire = v1::VideoFormat::from(format());
            change(&mut wire);
            VideoFormat::try_from(&wire).unwrap_err().field
        };
        assert_eq!(field(|w| w.resolution = Default::default()), "resolution");
        assert_eq!(field(|w| w.frame_rate = Default::default()), "frame_rate");
        assert_eq!(field(|w| w.pixel_format = "a;b".into()), "pixel_format");
        assert_eq!(field(|w| w.rotation = 45), "rotation");
        let dark = field(|w| w.mastering_display.get_or_insert_default().max_luminance = 50);
        assert_eq!(dark, "mastering_display");
        let bright = field(|w| w.content_light.get_or_insert_default().max_content = 1 << 16);
        assert_eq!(bright, "content_light");
        let colour = v1::ColourDescription {
            primaries: 256,
            ..Default::default()
        };
        let wire = v1::VideoFormat {
            colour: colour.into(),
            ..v1::VideoFormat::from(format())
        };
        assert_eq!(VideoFormat::try_from(&wire).unwrap_err().field, "colour");
    }
}
