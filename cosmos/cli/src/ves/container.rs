//! Containers by the extensions of their files.

use std::path::Path;

use clap::ValueEnum;
use errors::Error;
use ves_api::wire;

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

/// Refuses a file whose name would lie about its container, or tell none.
pub(super) fn check(output: &Path, asked: Option<ContainerName>) -> Result<(), Error> {
    let told = ContainerName::of(output);
    if told.is_some() && asked.is_none_or(|asked| told == Some(asked)) {
        return Ok(());
    }
    let all = ContainerName::value_variants().iter();
    let known = all
        .filter(|container| asked.is_none_or(|asked| asked == **container))
        .flat_map(|container| container.extensions())
        .map(|extension| format!(".{extension}"));
    let known: Vec<String> = known.collect();
    let message = format!(
        "the extension of {} does not fit a container",
        output.display()
    );
    let hint = format!("end the name with {}", known.join(", "));
    Err(Error::user("OUTPUT_EXTENSION", message)
        .at("output.uri")
        .hint(hint))
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
        assert!(check("a.m4v", Some(ContainerName::Mp4)).is_ok());
        let hint = check("a.mp4", Some(ContainerName::Mkv)).unwrap_err().hint;
        assert_eq!(hint.unwrap(), "end the name with .mkv");
        assert_eq!(check("a.mov", None).unwrap_err().code, "OUTPUT_EXTENSION");
    }
}
