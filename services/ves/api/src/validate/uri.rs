use blob::{FileUri, NotAFileUri};
use errors::Error;

/// Reads a URI; the error does not name the field.
pub(super) fn parse(text: &str) -> Result<FileUri, Error> {
    text.parse().map_err(|problem| match problem {
        NotAFileUri::OtherScheme => Error::user(
            "SCHEME_NOT_OFFERED",
            "this version reads and writes files only",
        )
        .hint("write file:///absolute/path"),
        NotAFileUri::Malformed { problem, hint } => {
            Error::user("URI_MALFORMED", problem).hint(hint)
        }
    })
}
