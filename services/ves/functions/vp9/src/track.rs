//! What a container has to know of the stream (VP Codec ISO Media File Format Binding).

use errors::Error;
use ves_api::function::{Bytes, EncodeParams, Framing, Track};
use ves_api::recipe::Coding;
use video::{FrameRate, Resolution};

use crate::frame::{Frame, KeyFacts};
use crate::superframe::frames;

/// What the key frames of a stream say.
#[derive(Debug, Default)]
pub(crate) struct Header(Option<KeyFacts>);

impl Header {
    /// Takes a unit, which shows exactly one frame; whether decoding can start there. Key frames
    /// must say what those before said.
    pub(crate) fn take(&mut self, unit: &[u8]) -> Result<bool, Error> {
        let parts = frames(unit).ok_or_else(|| malformed("its index does not fit"))?;
        let parts = parts.into_iter().map(Frame::of).collect::<Option<Vec<_>>>();
        let parts = parts.ok_or_else(|| malformed("a frame has no header"))?;
        let shown = parts.iter().filter(|frame| frame.shown).count();
        if shown != 1 {
            return Err(malformed(&format!("it shows {shown} frames")));
        }
        let Some(facts) = parts.first().and_then(|frame| frame.key) else {
            return Ok(false);
        };
        match *self.0.get_or_insert(facts) == facts {
            true => Ok(true),
            false => Err(wrong("they change within the chunk")),
        }
    }

    /// The track of the stream whose units were taken.
    pub(crate) fn track(self, params: &EncodeParams) -> Result<Track, Error> {
        let facts = self.0.ok_or_else(|| wrong("there is no key frame"))?;
        Ok(Track {
            sample_entry: "vp09".into(),
            configuration_box: "vpcC".into(),
            configuration: Bytes(configuration(&facts, params)),
            matroska_codec: "V_VP9".into(),
            ivf_codec: "VP90".into(),
            framing: Framing::Whole,
            out_of_band: vec![],
            once: vec![],
        })
    }
}

/// Body of `vpcC`, a full box of version 1.
fn configuration(facts: &KeyFacts, params: &EncodeParams) -> Vec<u8> {
    const UNSPECIFIED: u8 = 2;
    let code = |option| {
        let told = params.encoder_option(option);
        told.and_then(|code| code.parse().ok())
            .unwrap_or(UNSPECIFIED)
    };
    vec![
        1,
        0,
        0,
        0,
        facts.profile,
        level(facts, params),
        facts.bit_depth << 4 | chroma(facts) << 1 | u8::from(facts.full_range),
        code("-color_primaries"),
        code("-color_trc"),
        code("-colorspace"),
        0, // codecInitializationDataSize, of two bytes
        0,
    ]
}

/// 4:2:0 with luma and chroma at the same place, as libvpx has it, is 1.
fn chroma(facts: &KeyFacts) -> u8 {
    match (facts.subsampling_x, facts.subsampling_y) {
        (true, true) => 1,
        (true, false) => 2,
        (false, false) => 3,
        (false, true) => 4,
    }
}

/// The least that holds the pictures; 0 = unknown.
fn level(facts: &KeyFacts, params: &EncodeParams) -> u8 {
    let size = Resolution::new(facts.width, facts.height);
    let rate = params.frame_rate.parse().ok().and_then(FrameRate::new);
    let coding = Coding::named("vp9");
    let least = size
        .zip(rate)
        .zip(coding)
        .and_then(|((size, rate), coding)| coding.least_level(size, rate));
    least.map_or(0, |level| level.code as u8)
}

fn malformed(why: &str) -> Error {
    let message = format!("a unit of the stream is malformed: {why}");
    Error::function("SUPERFRAME", message)
}

fn wrong(why: &str) -> Error {
    let message = format!("the headers of key frames cannot be carried by a container: {why}");
    Error::function("KEY_FRAMES", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 320x180 of 8 bits, full range.
    const KEY: [u8; 9] = [0x82, 0x49, 0x83, 0x42, 0xb0, 0x13, 0xf0, 0x0b, 0x30];
    const SHOWN: [u8; 2] = [0x86, 1];
    const HIDDEN: [u8; 2] = [0x84, 1];

    fn params() -> EncodeParams {
        EncodeParams {
            frames: 1,
            frame_rate: "25".into(),
            input_frame_rate: None,
            second_pass: None,
            encoder_args: [
                "-c:v",
                "libvpx-vp9",
                "-color_primaries",
                "9",
                "-color_trc",
                "16",
            ]
            .map(str::to_owned)
            .into(),
            filter_graph: String::new(),
            buffer: None,
            packets_digest: String::new(),
            crf: None,
        }
    }

    fn superframe(frames: [&[u8]; 2]) -> Vec<u8> {
        let index = [0xc1, frames[0].len() as u8, frames[1].len() as u8, 0xc1];
        [frames[0], frames[1], &index].concat()
    }

    #[test]
    fn key_frames_become_the_configuration() {
        let mut header = Header::default();
        assert!(header.take(&KEY).unwrap());
        assert!(!header.take(&superframe([&HIDDEN, &SHOWN])).unwrap());
        assert!(header.take(&KEY).unwrap());
        let track = header.track(&params()).unwrap();
        let expected = [1, 0, 0, 0, 0, 11, 0x83, 9, 16, 2, 0, 0];
        assert_eq!(track.configuration.0, expected);
    }

    #[test]
    fn a_unit_shows_one_frame() {
        for unit in [
            superframe([&SHOWN, &SHOWN]),
            superframe([&HIDDEN, &HIDDEN]),
            HIDDEN.to_vec(),
            vec![0],
            vec![],
        ] {
            let refused = Header::default().take(&unit).unwrap_err();
            assert_eq!(refused.code, "SUPERFRAME", "{unit:?}");
        }
    }

    #[test]
    fn key_frames_that_change_or_are_missing_are_refused() {
        let mut header = Header::default();
        header.take(&KEY).unwrap();
        let mut other = KEY;
        other[6] = 0;
        assert_eq!(header.take(&other).unwrap_err().code, "KEY_FRAMES");
        let none = Header::default().track(&params()).unwrap_err();
        assert_eq!(none.code, "KEY_FRAMES");
    }
}
