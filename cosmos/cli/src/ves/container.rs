//! Containers by the extensions of their files.

use std::path::Path;

use clap::ValueEnum;
use errors::Error;
use ves_api::recipe::{Coding, Container, codings};
use ves_api::wire;

use super::args::RecipeArgs;
use super::place::{output_problem, shown};

/// File formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ContainerName {
    Mp4,
    Mkv,
    Webm,
    Ivf,
    /// The coded video alone
    Elementary,
}

impl ContainerName {
    fn extensions(self) -> Vec<&'static str> {
        match self {
            Self::Mp4 => vec!["mp4", "m4v"],
            Self::Mkv => vec!["mkv"],
            Self::Webm => vec!["webm"],
            Self::Ivf => vec!["ivf"],
            Self::Elementary => codings()
                .iter()
                .flat_map(|one| one.extensions)
                .copied()
                .collect(),
        }
    }

    fn recipe(self) -> Container {
        match self {
            Self::Mp4 => Container::Mp4,
            Self::Mkv => Container::Mkv,
            Self::Webm => Container::WebM,
            Self::Ivf => Container::Ivf,
            Self::Elementary => Container::Elementary,
        }
    }

    /// What is written into this container is called.
    pub(super) fn written(container: Container) -> Self {
        match container {
            Container::Mp4 => Self::Mp4,
            Container::Mkv => Self::Mkv,
            Container::WebM => Self::Webm,
            Container::Ivf => Self::Ivf,
            Container::Elementary => Self::Elementary,
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
        self.recipe().into()
    }
}

fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

/// The usual coding format of a file of this name: that of coded video alone, else the first that
/// the container holds.
pub(super) fn usual_coding(path: Option<&Path>) -> &'static Coding {
    let of_extension = path.and_then(of_extension);
    let container = path
        .and_then(ContainerName::of)
        .unwrap_or(ContainerName::Mp4);
    let held = |coding: &&&Coding| coding.containers.contains(&container.recipe());
    of_extension
        .or_else(|| codings().iter().find(held).copied())
        .unwrap_or(codings()[0])
}

/// The coding format whose files of coded video alone are named so.
fn of_extension(path: &Path) -> Option<&'static Coding> {
    let extension = extension(path);
    let named = |coding: &&&Coding| coding.extensions.contains(&extension.as_str());
    codings().iter().find(named).copied()
}

/// Extensions that promise something that is not written.
const OTHERS: [(&str, &str); 10] = [
    ("ts", "MPEG-TS"),
    ("m2ts", "MPEG-TS"),
    ("mpg", "MPEG-PS"),
    ("mpeg", "MPEG-PS"),
    ("avi", "AVI"),
    ("mov", "QuickTime"),
    ("mxf", "MXF"),
    ("flv", "FLV"),
    ("ogv", "Ogg"),
    ("wmv", "Windows Media"),
];

/// A name that promises something else than is written would mislead every program after this one.
pub(super) fn check(output: &Path, args: &RecipeArgs) -> Result<(), Error> {
    check_container(output, args.container)?;
    let asked = args.codec.as_deref().and_then(Coding::named);
    match (of_extension(output), asked) {
        (Some(told), Some(asked)) if told != asked => Err(misleading(
            output,
            told.title,
            asked.title,
            asked.extensions.first(),
        )),
        _ => Ok(()),
    }
}

fn check_container(output: &Path, asked: Option<ContainerName>) -> Result<(), Error> {
    let told = ContainerName::of(output);
    let written = asked.or(told).unwrap_or(ContainerName::Mp4);
    let extension = extension(output);
    let other = OTHERS.iter().find(|(name, _)| *name == extension);
    let promised = match (told, other) {
        (Some(told), _) if told != written => told.recipe().name(),
        (None, Some((_, other))) => other,
        _ => return Ok(()),
    };
    let (name, extensions) = (written.recipe().name(), written.extensions());
    Err(misleading(output, promised, name, extensions.first()))
}

fn misleading(output: &Path, promised: &str, written: &str, extension: Option<&&str>) -> Error {
    let better = output.with_extension(extension.unwrap_or(&""));
    output_problem(
        "OUTPUT_EXTENSION",
        output,
        &format!("promises {promised}, and {written} is what is written"),
        format!("name it {}", shown(&better)),
    )
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
        let usual = |name: &str| usual_coding(Some(Path::new(name))).name;
        assert_eq!((usual("a.webm"), usual("a.mkv")), ("av1", "avc"));
        assert_eq!((usual("a.obu"), usual("a.265")), ("av1", "hevc"));
        assert_eq!(usual_coding(None).name, "avc");
    }

    #[test]
    fn a_name_that_lies_is_refused_with_what_would_do() {
        let check = |name: &str, asked| check_container(Path::new(name), asked);
        assert!(check("a.mkv", None).is_ok());
        assert!(check("a", None).is_ok());
        assert!(check("a.m4v", Some(ContainerName::Mp4)).is_ok());
        let hint = check("a.mp4", Some(ContainerName::Mkv)).unwrap_err().hint;
        assert_eq!(hint.unwrap(), "name it a.mkv");
        assert_eq!(check("a.mov", None).unwrap_err().code, "OUTPUT_EXTENSION");
    }
}
