//! What a service begins with. The example in the repository is the template, under its own name.

use super::args::Template;

/// The name of the service that is the template.
const EXAMPLE: &str = "shelf";

/// A file of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Below the folder of the service.
    pub path: &'static str,
    text: &'static str,
    pub is_program: bool,
}

macro_rules! file {
    ($folder:literal, $path:literal) => {
        File {
            path: $path,
            text: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/",
                $folder,
                "/",
                $path
            )),
            is_program: false,
        }
    };
}

macro_rules! example {
    ($path:literal) => {
        file!("../../examples/shelf", $path)
    };
}

const FUNCTION: [File; 2] = [
    example!("functions/encode/function.yaml"),
    File {
        is_program: true,
        ..example!("functions/encode/encode.sh")
    },
];

/// What every service has that is a program.
const PROGRAM: [File; 7] = [
    example!(".gitignore"),
    example!("Cargo.toml"),
    example!("service.yaml"),
    example!("src/graphs.rs"),
    example!("src/main.rs"),
    example!("tests/functions.rs"),
    example!("tests/graphs.rs"),
];

const GRAPH: [File; 2] = [
    file!("templates/graph", "README.md"),
    file!("templates/graph", "src/lib.rs"),
];

const RULES: [File; 5] = [
    example!("README.md"),
    example!("rules/freshness.yaml"),
    example!("src/lib.rs"),
    example!("src/rules.rs"),
    example!("tests/rules.rs"),
];

const SCRIPT_FUNCTION: [File; 3] = [
    file!("templates/script-function", "README.md"),
    file!("templates/script-function", "service.yaml"),
    File {
        is_program: true,
        ..file!("templates/script-function", "tests/run.sh")
    },
];

impl Template {
    /// As the command line names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Rules => "rules",
            Self::ScriptFunction => "script-function",
        }
    }

    /// What runs the tests of a service.
    pub(super) fn test(self) -> &'static str {
        match self {
            Self::Graph | Self::Rules => "cargo test && cargo build",
            Self::ScriptFunction => "tests/run.sh",
        }
    }

    /// Whether it has to be compiled.
    pub(super) fn is_rust(self) -> bool {
        self != Self::ScriptFunction
    }

    pub(super) fn files(self) -> Vec<File> {
        match self {
            Self::Graph => [&PROGRAM[..], &FUNCTION, &GRAPH].concat(),
            Self::Rules => [&PROGRAM[..], &FUNCTION, &RULES].concat(),
            Self::ScriptFunction => [&FUNCTION[..], &SCRIPT_FUNCTION].concat(),
        }
    }

    /// A file's text in a service of this name.
    pub(super) fn text(self, file: &File, name: &str) -> String {
        let text = match (self, file.path) {
            (Self::Graph, "Cargo.toml") => without(file.text, "plato-rules"),
            _ => file.text.to_owned(),
        };
        named(&text, name)
    }
}

fn without(text: &str, dependency: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains(dependency));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The text of the example under another name: as a crate in Rust, as a title, as itself.
fn named(text: &str, name: &str) -> String {
    let crate_name = name.replace('-', "_");
    let (first, rest) = name.split_at(1);
    let title = format!("{}{rest}", first.to_uppercase());
    text.replace(&format!("{EXAMPLE}::"), &format!("{crate_name}::"))
        .replace("Shelf", &title)
        .replace(EXAMPLE, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_rust_and_people_write_it() {
        assert_eq!(
            named("# Shelf\nshelf::graphs shelf.encode", "my-titles"),
            "# My-titles\nmy_titles::graphs my-titles.encode"
        );
    }
}
