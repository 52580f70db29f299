//! Containers by the extensions of their files.

use std::path::Path;

use clap::ValueEnum;
use errors::Error;
use ves_api::wire;

use super::place::{output_problem, shown};

/// File formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ContainerName {
    Mp4,
    Mkv,
    Webm,
    /// The coded video alone
    Elementary,
}

impl ContainerName {
    fn shown(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Mkv => "Matroska",
            Self::Webm => "WebM",
            Self::Elementary => "an elementary stream",
        }
    }

    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Mp4 => &["mp4", "m4v"],
            Self::Mkv => &["mkv"],
            Self::Webm => &["webm"],
            Self::Elementary => &["264", "h264", "avc", "obu"],
        }
    }

    /// The one of a file of this name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = extension(path);
        let all = Self::value_variants().iter().copied();
        all.into_iter()
            .find(|container| container.extensions().contains(&extension.as_str()))
    }

    pub(super) fn wire(self) -> wire::Container {
        match self {
            Self::Mp4 => wire::Container::Mp4,
            Self::Mkv => wire::Container::Mkv,
            Self::Webm => wire::Container::Webm,
            Self::Elementary => wire::Container::Elementary,
        }
    }
}

fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

/// Whether only AV1 is usual in a file of this name.
pub(super) fn is_of_av1(path: &Path) -> bool {
    matches!(extension(path).as_str(), "webm" | "obu")
}

/// Extensions that promise something that is not written.
const OTHERS: [(&str, &str); 11] = [
    ("ts", "MPEG-TS"),
    ("m2ts", "MPEG-TS"),
    ("mpg", "MPEG-PS"),
    ("mpeg", "MPEG-PS"),
    ("avi", "AVI"),
    ("mov", "QuickTime"),
    ("mxf", "MXF"),
    ("flv", "FLV"),
    ("ivf", "IVF"),
    ("ogv", "Ogg"),
    ("wmv", "Windows Media"),
];

/// A name that promises another container than is written would mislead every program after this
/// one.
pub(super) fn check(output: &Path, asked: Option<ContainerName>) -> Result<(), Error> {
    let told = ContainerName::of(output);
    let written = asked.or(told).unwrap_or(ContainerName::Mp4);
    let extension = extension(output);
    let other = OTHERS.iter().find(|(name, _)| *name == extension);
    let promised = match (told, other) {
        (Some(told), _) if told != written => told.shown(),
        (None, Some((_, other))) => other,
        _ => return Ok(()),
    };
    Err(output_problem(
        "OUTPUT_EXTENSION",
        output,
        &format!(
            "promises {promised}, and {} is what is written",
            written.shown()
        ),
        format!(
            "name it {}",
            shown(&output.with_extension(written.extensions()[0]))
        ),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_tell_containers() {
        let of = |name: &str| ContainerName::of(Path::new(name));
        assert_eq!(of("a.MP4"), Some(ContainerName::Mp4));
        assert_eq!(of("a.b.webm"), Some(ContainerName::Webm));
        assert_eq!(of("a.obu"), Some(ContainerName::Elementary));
        assert_eq!((of("mp4"), of("a.mov")), (None, None));
        assert!(is_of_av1(Path::new("a.webm")) && !is_of_av1(Path::new("a.mkv")));
    }

    #[test]
    fn a_name_that_lies_is_refused_with_what_would_do() {
        let check = |name: &str, asked| check(Path::new(name), asked);
        assert!(check("a.mkv", None).is_ok());
        assert!(check("a", None).is_ok());
        assert!(check("a.m4v", Some(ContainerName::Mp4)).is_ok());
        let hint = check("a.mp4", Some(ContainerName::Mkv)).unwrap_err().hint;
        assert_eq!(hint.unwrap(), "name it a.mkv");
        assert_eq!(check("a.mov", None).unwrap_err().code, "OUTPUT_EXTENSION");
    }
}
