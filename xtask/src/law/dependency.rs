//! Nobody asks for what nobody uses.

use super::Breach;
use super::workspace::{Crate, Dep, Workspace};

const USED: &str = "a dependency is used: its name stands in the code that asks for it";

/// What generated code needs, if only by macros.
const OF_GENERATED_CODE: [&str; 6] = [
    "buffa",
    "buffa-types",
    "connectrpc",
    "futures",
    "serde",
    "serde_json",
];

/// Every line of a manifest that could go.
pub fn check(workspace: &Workspace) -> Vec<Breach> {
    workspace.crates.iter().flat_map(idle).collect()
}

fn idle(user: &Crate) -> impl Iterator<Item = Breach> {
    let idle = user.deps.iter().filter(|dep| !uses(user, dep));
    idle.map(|dep| Breach::new(format!("{} → {}", user.name, dep.name), USED))
}

fn uses(user: &Crate, dep: &Dep) -> bool {
    let generated = user.has_generated && OF_GENERATED_CODE.contains(&dep.name.as_str());
    let name = dep.name.replace('-', "_");
    generated || names(&user.source, &name) || dep.dev && names(&user.tests, &name)
}

/// Whether a path begins with `name`, or it is imported whole.
fn names(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let begins = |(at, _)| begins_a_path(&code[..at]);
    code.match_indices(&path).any(begins)
        || code.contains(&format!("use {name};"))
        || code.contains(&format!("use {name} as "))
}

/// Whether what follows `before` is no later part of a path or of a word.
fn begins_a_path(before: &str) -> bool {
    let in_a_path = |c: char| c.is_alphanumeric() || "_>:".contains(c);
    let before = before.strip_suffix("::").unwrap_or(before);
    !before.ends_with(in_a_path)
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_using, house};
    use super::*;

    /// Whether a crate of this code uses `tokio-util`, which it asks for.
    fn is_used(source: &str) -> bool {
        let mut user = crate_using("base/ids", "tokio-util");
        user.source = source.into();
        check(&house(&[user])).is_empty()
    }

    #[test]
    fn what_begins_a_path_is_used() {
        assert!(is_used("use tokio_util::sync::CancellationToken;"));
        assert!(is_used("let token = ::tokio_util::sync::new();"));
        assert!(is_used("use tokio_util;") && is_used("use tokio_util as util;"));
    }

    #[test]
    fn words_and_modules_of_that_name_are_no_use() {
        assert!(!is_used(""));
        assert!(!is_used("// tokio_util would do"));
        assert!(!is_used("use crate::tokio_util::sync;"));
        assert!(!is_used("use my_tokio_util::sync;"));
    }

    #[test]
    fn tests_use_what_is_theirs_alone() {
        let mut user = crate_using("base/ids", "tempfile");
        user.tests = "let folder = tempfile::tempdir();".into();
        let breach = Breach::new("ids → tempfile", USED);
        assert_eq!(check(&house(&[user.clone()])), [breach]);
        user.deps[0].dev = true;
        assert_eq!(check(&house(&[user])), []);
    }

    #[test]
    fn generated_code_needs_what_it_does_not_name() {
        let mut user = crate_using("proto", "buffa-types");
        assert_eq!(check(&house(&[user.clone()])).len(), 1);
        user.has_generated = true;
        assert_eq!(check(&house(&[user])), []);
    }
}
