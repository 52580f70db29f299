//! Names of outputs, made from those of the inputs: `{dir}/{stem}.{codec}.{ext}`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use errors::Error;
use ves_api::recipe::{Coding, Container, Recipe};

use super::items::Item;
use crate::ves::place::{output_problem, shown};

/// What a name is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(OsString),
    /// The input's name without its extension.
    Stem,
    /// The input's folder, below the folder that was named, and the slash behind it, if any.
    Dir(&'static str),
    Codec,
    /// The usual extension of what is written.
    Ext,
    /// Name of the rung of a ladder.
    Rung,
}

/// The placeholders, as they are written; the last one of ladders alone.
const PLACEHOLDERS: [(&str, Part); 5] = [
    ("stem", Part::Stem),
    ("dir", Part::Dir("")),
    ("codec", Part::Codec),
    ("ext", Part::Ext),
    ("rung", Part::Rung),
];

/// How an input's name becomes an output's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ves) struct Template {
    parts: Vec<Part>,
    written: PathBuf,
}

impl Template {
    /// As it was written; a folder holds outputs that are named like the inputs.
    pub(in crate::ves) fn of(written: &Path) -> Result<Self, Error> {
        Self::with(written, "{stem}.{ext}", &PLACEHOLDERS[..4])
    }

    /// Of the rungs of a ladder.
    pub(in crate::ves) fn of_ladder(written: &Path) -> Result<Self, Error> {
        Self::with(written, "{stem}-{rung}.{ext}", &PLACEHOLDERS)
    }

    fn with(written: &Path, in_folder: &str, known: &[(&str, Part)]) -> Result<Self, Error> {
        let named = match is_folder(written) {
            true => written.join("{dir}").join(in_folder),
            false => written.to_owned(),
        };
        let parts = match named.to_str() {
            Some(text) => {
                parts(text, known).map_err(|unknown| not_known(written, unknown, known))?
            }
            None => vec![Part::Text(named.clone().into())],
        };
        Ok(Self {
            parts,
            written: named,
        })
    }

    /// The name itself, in which nothing is filled in yet: its extension may tell the container.
    pub(in crate::ves) fn written(&self) -> &Path {
        &self.written
    }

    /// Whether inputs give their outputs different names at all.
    pub(in crate::ves) fn tells_apart(&self) -> bool {
        let filled = |part: &Part| matches!(part, Part::Stem | Part::Dir(_));
        self.parts.iter().any(filled)
    }

    /// The folder that has to be there; what is below it is made.
    pub(in crate::ves) fn root(&self) -> PathBuf {
        let text = match (self.parts.first(), self.parts.len()) {
            (Some(Part::Text(text)), _) => text.clone(),
            _ => OsString::new(),
        };
        let path = PathBuf::from(&text);
        let whole = text.as_encoded_bytes().ends_with(b"/");
        let folder = if whole { Some(&*path) } else { path.parent() };
        match folder {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// The output of this input; `rung` is empty where there is no ladder.
    pub(in crate::ves) fn fill(&self, item: &Item, recipe: &Recipe, rung: &str) -> PathBuf {
        let coding = recipe.codec.coding;
        let mut name = OsString::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push(text),
                Part::Stem => name.push(item.input.file_stem().unwrap_or_default()),
                // Of a folder that is none nothing is left, nor of what parts it from the rest.
                Part::Dir(_) if item.dir.as_os_str().is_empty() => {}
                Part::Dir(slash) => {
                    name.push(&item.dir);
                    name.push(slash);
                }
                Part::Rung => name.push(rung),
                Part::Codec => name.push(coding.name),
                Part::Ext => name.push(extension(coding, recipe.container)),
            }
        }
        name.into()
    }
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn extension(coding: &'static Coding, container: Container) -> &'static str {
    match container {
        Container::Mp4 => "mp4",
        Container::Mkv => "mkv",
        Container::WebM => "webm",
        Container::Ivf => "ivf",
        Container::Elementary => coding.extensions.first().copied().unwrap_or_default(),
    }
}

/// The parts of a name, or the placeholder that is none.
fn parts(text: &str, known: &[(&str, Part)]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        let placeholder = after.split_once('}').filter(|_| brace == "{");
        let (name, after) = placeholder.ok_or_else(|| rest[at..].to_owned())?;
        let found = known.iter().find(|(known, _)| *known == name);
        let (_, part) = found.ok_or_else(|| format!("{{{name}}}"))?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal).into()));
        }
        let (part, after) = match (part, after.strip_prefix('/')) {
            (Part::Dir(_), Some(after)) => (Part::Dir("/"), after),
            (part, _) => (part.clone(), after),
        };
        parts.push(part);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal.into()));
    }
    Ok(parts)
}

fn not_known(written: &Path, unknown: String, known: &[(&str, Part)]) -> Error {
    let names: Vec<_> = known
        .iter()
        .map(|(name, _)| format!("{{{name}}}"))
        .collect();
    let unknown = shown(Path::new(&unknown));
    let why = format!("holds `{unknown}`, which nothing is put in for");
    let hint = format!("use {}; write {{{{ for a brace", names.join(", "));
    output_problem("UNKNOWN_PLACEHOLDER", written, &why, hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn item(input: &str, dir: &str) -> Item {
        Item {
            input: input.into(),
            dir: dir.into(),
            named: false,
        }
    }

    fn filled(template: &str, input: &str, dir: &str) -> String {
        let template = Template::of(Path::new(template)).unwrap();
        let path = template.fill(&item(input, dir), &Recipe::default(), "");
        path.display().to_string()
    }

    #[test]
    fn names_are_filled_in() {
        let table = [
            ("{stem}.{codec}.{ext}", "a/b.c.mov", "", "b.c.avc.mp4"),
            (
                "out/{dir}/{stem}.mkv",
                "in/x/y/a.mov",
                "x/y",
                "out/x/y/a.mkv",
            ),
            ("out/{dir}/{stem}.mkv", "in/a.mov", "", "out/a.mkv"),
            ("{dir}/{stem}.mkv", "in/a.mov", "", "a.mkv"),
            ("{dir}{stem}.mkv", "in/x/a.mov", "x", "xa.mkv"),
            ("/o/", "in/a.mov", "x", "/o/x/a.mp4"),
            ("{{{stem}}}.mp4", "a.mov", "", "{a}.mp4"),
            ("out.mp4", "a.mov", "", "out.mp4"),
            ("{stem}.mp4", "{codec}.mov", "", "{codec}.mp4"),
        ];
        for (template, input, dir, output) in table {
            assert_eq!(filled(template, input, dir), output, "{template}");
        }
    }

    #[test]
    fn rungs_have_names_in_ladders_alone() {
        let named = |template: &str| {
            let template = Template::of_ladder(Path::new(template)).unwrap();
            let path = template.fill(&item("in/a.mov", ""), &Recipe::default(), "720p");
            path.display().to_string()
        };
        assert_eq!(named("{stem}.{rung}.mkv"), "a.720p.mkv");
        assert_eq!(named("/o/"), "/o/a-720p.mp4");
        assert!(Template::of(Path::new("{rung}.mkv")).is_err());
    }

    #[test]
    fn what_is_no_placeholder_is_refused_with_those_there_are() {
        for wrong in ["{name}.mp4", "{stem.mp4", "a}.mp4", "{}", "{ stem}.mp4"] {
            let problem = Template::of(Path::new(wrong)).unwrap_err();
            assert_eq!(problem.code, "UNKNOWN_PLACEHOLDER", "{wrong}");
            assert!(problem.hint.unwrap().contains("{stem}, {dir}"));
        }
    }

    #[test]
    fn what_has_to_be_there_is_the_folder_before_the_first_placeholder() {
        let table = [
            ("{stem}.mp4", "."),
            ("out-{stem}.mp4", "."),
            ("a/b-{stem}.mp4", "a"),
            ("a/b/{dir}/{stem}.mp4", "a/b"),
            ("/o/", "/o"),
            ("/{stem}.mp4", "/"),
        ];
        for (template, root) in table {
            let template = Template::of(Path::new(template)).unwrap();
            assert_eq!(template.root(), Path::new(root), "{template:?}");
        }
    }
}
