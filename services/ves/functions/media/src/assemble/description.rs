//! The sample description of the video: what its track says of itself, and shape and colour by the
//! frame table.

use errors::Error;
use mp4_atom::{Colr, Pasp, Visual};
use ves_api::function::Track;
use video::{StaticHdr, VideoFormat};

use crate::mp4::Boxes;

/// A whole `stsd` box with one entry.
pub(crate) fn description(track: &Track, format: &VideoFormat) -> Result<Vec<u8>, Error> {
    let (entry, configuration) = (kind(&track.sample_entry)?, kind(&track.configuration_box)?);
    let mut boxes = Boxes::default();
    boxes.nest(b"stsd", |stsd| {
        // Version and flags, then the number of entries.
        stsd.raw(&[0, 0, 0, 0, 0, 0, 0, 1]);
        stsd.nest(&entry, |entry| {
            entry.atom(&visual(format)?)?;
            entry.nest(&configuration, |configuration| {
                configuration.raw(&track.configuration.0);
                Ok(())
            })?;
            colour(format)
                .iter()
                .try_for_each(|colour| entry.atom(colour))?;
            static_hdr(entry, &format.hdr)?;
            entry.atom(&pixel_shape(format)?)
        })
    })?;
    Ok(boxes.into_bytes())
}

/// A four-character code.
pub(crate) fn kind(name: &str) -> Result<[u8; 4], Error> {
    <[u8; 4]>::try_from(name.as_bytes())
        .map_err(|_| Error::function("MALFORMED_TRACK", format!("`{name}` names no box of MP4")))
}

fn visual(format: &VideoFormat) -> Result<Visual, Error> {
    let side = |length: u32| u16::try_from(length).map_err(|_| beyond("the picture"));
    Ok(Visual {
        data_reference_index: 1,
        width: side(format.resolution.width())?,
        height: side(format.resolution.height())?,
        horizresolution: 72.into(),
        vertresolution: 72.into(),
        frame_count: 1,
        compressor: Default::default(),
        depth: 24,
    })
}

fn pixel_shape(format: &VideoFormat) -> Result<Pasp, Error> {
    let shape = format.sample_aspect_ratio.as_rational();
    let side = |length: i64| u32::try_from(length).map_err(|_| beyond("the shape of a pixel"));
    Ok(Pasp {
        h_spacing: side(shape.numerator())?,
        v_spacing: side(shape.denominator())?,
    })
}

fn colour(format: &VideoFormat) -> Option<Colr> {
    let colour = format.colour;
    (!colour.is_unspecified()).then(|| Colr::Nclx {
        colour_primaries: colour.primaries.code().into(),
        transfer_characteristics: colour.transfer.code().into(),
        matrix_coefficients: colour.matrix.code().into(),
        full_range_flag: colour.range == video::Range::Full,
    })
}

/// Boxes of ISO/IEC 14496-12 (12.1.5) for what HDR10 says.
fn static_hdr(entry: &mut Boxes, hdr: &StaticHdr) -> Result<(), Error> {
    if let Some(display) = &hdr.mastering_display {
        entry.nest(b"mdcv", |mdcv| {
            let colours = [
                display.green,
                display.blue,
                display.red,
                display.white_point,
            ];
            for colour in colours {
                mdcv.raw(&colour.x.to_be_bytes());
                mdcv.raw(&colour.y.to_be_bytes());
            }
            mdcv.raw(&display.max_luminance.to_be_bytes());
            mdcv.raw(&display.min_luminance.to_be_bytes());
            Ok(())
        })?;
    }
    if let Some(light) = &hdr.content_light {
        entry.nest(b"clli", |clli| {
            clli.raw(&light.max_content.to_be_bytes());
            clli.raw(&light.max_frame_average.to_be_bytes());
            Ok(())
        })?;
    }
    Ok(())
}

fn beyond(what: &str) -> Error {
    Error::source("MP4", format!("{what} is beyond what MP4 can hold"))
}
