//! Whether a machine has the encoder of a coding format.

use errors::Error;
use stratum_function::Tool;

use crate::recipe::Coding;

/// Refuses a coding format whose encoder the ffmpeg that is to run it does not have on this machine.
pub fn encoder_available(coding: &Coding) -> Result<(), Error> {
    let (tool, encoder) = (coding.ffmpeg.tool, coding.ffmpeg.encoder);
    let mut found = false;
    let list = Tool::chosen(tool).words("-nostdin -hide_banner -loglevel error -encoders");
    list.run(|line| {
        found |= is_of(line, encoder);
        Ok(())
    })?;
    match found {
        true => Ok(()),
        false => Err(unavailable(coding)),
    }
}

/// ` V....D libx264              libx264 H.264 / AVC … (codec h264)`
fn is_of(line: &str, encoder: &str) -> bool {
    line.split_whitespace().nth(1) == Some(encoder)
}

fn unavailable(coding: &Coding) -> Error {
    let (tool, encoder) = (coding.ffmpeg.tool, coding.ffmpeg.encoder);
    let title = coding.title;
    let message =
        format!("the ffmpeg of this machine does not encode {title}: it has no encoder {encoder}");
    let name = tool.split('|').next().unwrap_or(tool);
    Error::user("ENCODER_UNAVAILABLE", message)
        .at("recipe.codec.format")
        .hint(format!(
            "put an ffmpeg with {encoder} on PATH under the name {name} (CODECS.md tells where there is one), or ask for another codec"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_is_known_by_its_whole_name() {
        let line = " V....D libx264              libx264 H.264 / AVC / MPEG-4 (codec h264)";
        assert!(is_of(line, "libx264"));
        assert!(!is_of(line, "H.264"));
        assert!(!is_of(" V....D libx264rgb           libx264", "libx264"));
        assert!(!is_of("", "libx264"));
    }
}
