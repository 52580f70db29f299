//! Errors as people read them: what, where, why, and what would do.

use errors::Error;

use crate::colour::Paint;

/// Causes of one error that are told.
const CAUSES: usize = 20;
/// How deep causes are told.
const DEPTH: usize = 4;

/// Every error with its causes, a line each, and what would do below it.
pub(crate) fn explain(errors: &[Error], paint: Paint) -> String {
    let mut text = String::new();
    errors
        .iter()
        .for_each(|error| tell(&mut text, error, 0, paint));
    text
}

fn tell(text: &mut String, error: &Error, depth: usize, paint: Paint) {
    let indent = "  ".repeat(depth);
    let label = match depth {
        0 => paint.bad("error:"),
        _ => paint.faint("because:"),
    };
    let place = error.field.as_deref().map(place).unwrap_or_default();
    let code = paint.faint(&format!("[{}]", printable(&error.code)));
    let message = match error.code.as_str() {
        // Its message is the reason, in somebody's own words.
        "CANCELED" => format!("canceled: {}", printable(&error.message)),
        _ => printable(&error.message),
    };
    text.push_str(&format!("{indent}{label} {place}{message} {code}\n"));
    if let Some(hint) = hint(error) {
        let label = paint.good("help:");
        text.push_str(&format!("{indent}  {label} {}\n", printable(&hint)));
    }
    if depth < DEPTH {
        let causes = error.causes.iter().take(CAUSES);
        causes.for_each(|cause| tell(text, cause, depth + 1, paint));
    }
}

const QUALITY: &str = "--vmaf, --ssim, --xpsnr";

/// Fields of the API and the argument that sets them.
const ARGUMENTS: [(&str, &str); 43] = [
    ("video_source.uri", "IN"),
    ("output.uri", "--output"),
    ("output.overwrite", "--overwrite"),
    ("recipe.codec.format", "--codec"),
    ("recipe.codec.preset", "--preset"),
    ("recipe.codec.profile", "--profile"),
    ("recipe.codec.level", "--level"),
    ("recipe.codec.tune", "--tune"),
    ("recipe.rate_control.crf", "--crf"),
    ("recipe.rate_control.bitrate", "--bitrate"),
    ("recipe.rate_control.quality_target", QUALITY),
    ("recipe.rate_control.quality_target.metric", QUALITY),
    ("recipe.rate_control.quality_target.score", QUALITY),
    ("recipe.rate_control.max_bitrate", "--max-bitrate"),
    ("recipe.rate_control.buffer", "--buffer"),
    ("recipe.chunking_directives.duration_ms", "--chunk"),
    ("recipe.chunking_directives.frames", "--chunk"),
    ("recipe.chunking_directives", "--chunk"),
    ("recipe.other_tracks", "--tracks"),
    ("recipe.resolution", "--size"),
    ("recipe.crop", "--crop"),
    ("recipe.crop.left", "--crop, left"),
    ("recipe.crop.top", "--crop, top"),
    ("recipe.crop.right", "--crop, right"),
    ("recipe.crop.bottom", "--crop, bottom"),
    ("recipe.deinterlacing", "--deinterlace"),
    ("recipe.frame_rate", "--fps"),
    ("recipe.padding", "--pad"),
    ("recipe.padding.left", "--pad, left"),
    ("recipe.padding.top", "--pad, top"),
    ("recipe.padding.right", "--pad, right"),
    ("recipe.padding.bottom", "--pad, bottom"),
    ("recipe.static_hdr", "--mastering-display, --content-light"),
    ("recipe.static_hdr.mastering_display", "--mastering-display"),
    ("recipe.static_hdr.content_light", "--content-light"),
    ("recipe.container", "--container"),
    ("recipe.named_preset", "--named-preset"),
    ("labels", "--label"),
    ("first_frame", "--from"),
    ("video", "VIDEO"),
    ("video.uri", "VIDEO"),
    ("source", "--source"),
    ("source.uri", "--source"),
];

fn place(field: &str) -> String {
    let argument = ARGUMENTS.iter().find(|(name, _)| *name == field);
    let place = argument.map_or(field, |(_, argument)| argument);
    format!("{}: ", printable(place))
}

/// What would do, where the API's own words speak of fields that people here do not write.
fn hint(error: &Error) -> Option<String> {
    match (error.code.as_str(), error.field.as_deref()) {
        ("OUTPUT_EXISTS", Some("output.uri")) => {
            Some("choose another name, or add --overwrite to replace it".into())
        }
        ("DAMAGED_SOURCE", _) => {
            Some("get it whole, or add --conceal to encode what decodes".into())
        }
        _ => error.hint.clone(),
    }
}

/// `text` with control characters made visible: foreign text may hold terminal control
/// sequences, which are shown, not obeyed. So are marks that turn the direction of writing.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec![c],
            c if c.is_control() || turns_direction(c) => c.escape_default().collect(),
            c => vec![c],
        })
        .collect()
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_why_and_what_would_do() {
        let cause = Error::function("EXIT_1", "ffmpeg said:\u{1b}[31m no");
        let error = Error::user("UNKNOWN_VALUE", "this version knows no such value")
            .at("recipe.codec.preset")
            .hint("use one of: slow, fast")
            .caused_by(cause);
        let expected = "\
error: --preset: this version knows no such value [UNKNOWN_VALUE]
  help: use one of: slow, fast
  because: ffmpeg said:\\u{1b}[31m no [EXIT_1]
";
        assert_eq!(explain(&[error], Paint::default()), expected);
    }

    #[test]
    fn what_would_do_is_said_in_this_commands_words() {
        let exists = Error::user("OUTPUT_EXISTS", "/tmp/out.mp4 exists")
            .at("output.uri")
            .hint("choose another name, or set output.overwrite to replace it");
        let expected = "\
error: --output: /tmp/out.mp4 exists [OUTPUT_EXISTS]
  help: choose another name, or add --overwrite to replace it
";
        assert_eq!(explain(&[exists], Paint::default()), expected);
    }

    #[test]
    fn causes_without_end_are_cut() {
        let mut error = Error::platform("A", "a");
        for _ in 0..1_000 {
            error = Error::platform("A", "a").caused_by(error);
        }
        assert_eq!(
            explain(&[error], Paint::default()).lines().count(),
            DEPTH + 1
        );
    }

    #[test]
    fn control_sequences_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("a\u{9b}31mb\rc"), "a\\u{9b}31mb\\rc");
        assert_eq!(printable("gpj.\u{202e}4pm"), "gpj.\\u{202e}4pm");
        assert_eq!(one_line("a\nb"), "a\\nb");
    }
}
