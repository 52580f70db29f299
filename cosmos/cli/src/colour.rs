//! Colour, where it is wanted.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::ValueEnum;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Puts words in colour, or leaves them as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For standard error.
    pub(crate) fn for_errors(choice: ColourChoice) -> Self {
        Self(wanted(choice, io::stderr().is_terminal()))
    }

    /// For standard output.
    pub(crate) fn for_output(choice: ColourChoice) -> Self {
        Self(wanted(choice, io::stdout().is_terminal()))
    }

    #[cfg(test)]
    pub(crate) fn always() -> Self {
        Self(true)
    }

    /// Something is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.wrap("\u{1b}[1;31m", text)
    }

    /// Something is worth a look.
    pub(crate) fn notable(self, text: &str) -> String {
        self.wrap("\u{1b}[33m", text)
    }

    /// Something went well.
    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("\u{1b}[32m", text)
    }

    /// A title.
    pub(crate) fn strong(self, text: &str) -> String {
        self.wrap("\u{1b}[1m", text)
    }

    /// What helps, but is not the matter itself.
    pub(crate) fn faint(self, text: &str) -> String {
        self.wrap("\u{1b}[2m", text)
    }

    pub(crate) fn is_on(self) -> bool {
        self.0
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("{code}{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

fn wanted(choice: ColourChoice, terminal: bool) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => terminal && !is_set("NO_COLOR"),
    }
}

/// <https://no-color.org>: set, and not empty.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// What clap is told for its own texts. They are written while the arguments are not understood
/// yet, so the words themselves are looked at.
pub(crate) fn for_help(args: impl IntoIterator<Item = OsString>) -> clap::ColorChoice {
    let args: Vec<OsString> = args.into_iter().collect();
    let joined = args
        .iter()
        .find_map(|arg| arg.to_str()?.strip_prefix("--color="));
    let next = args
        .windows(2)
        .find_map(|pair| (pair[0] == "--color").then(|| pair[1].to_str())?);
    match joined.or(next) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        assert_eq!(Paint(true).bad("no"), "\u{1b}[1;31mno\u{1b}[0m");
        assert_eq!(Paint(false).bad("no"), "no");
        assert!(wanted(ColourChoice::Always, false));
        assert!(!wanted(ColourChoice::Never, true));
        assert!(!wanted(ColourChoice::Auto, false));
    }

    #[test]
    fn the_choice_is_seen_before_the_rest_is_understood() {
        let of = |words: &[&str]| for_help(words.iter().map(OsString::from));
        assert_eq!(of(&["ves", "--color=never"]), clap::ColorChoice::Never);
        assert_eq!(of(&["ves", "--color", "always"]), clap::ColorChoice::Always);
        assert_eq!(of(&["ves", "--color"]), clap::ColorChoice::Auto);
        assert_eq!(of(&["ves", "list"]), clap::ColorChoice::Auto);
    }
}
