//! Ladders with a name.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::wire;

/// A ladder with a name: what a request could say itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NamedLadder {
    /// "stream-avc"
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Its rungs, without outputs.
    pub ladder: wire::Ladder,
}

/// All of them, in the order in which they are shown.
pub fn ladders() -> &'static [NamedLadder] {
    static ALL: LazyLock<Vec<NamedLadder>> = LazyLock::new(|| {
        // The file is part of the program, and a test reads it.
        serde_json::from_str(include_str!("ladders.json")).unwrap_or_default()
    });
    &ALL
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::recipe::{presets, rungs};

    #[test]
    fn every_ladder_is_valid_and_has_a_name_of_its_own() {
        let names = ladders().iter().map(|ladder| ladder.name.as_str());
        let all: BTreeSet<_> = names
            .chain(presets().iter().map(|one| one.name.as_str()))
            .collect();
        assert_eq!(all.len(), ladders().len() + presets().len());
        assert!(ladders().len() >= 4);
        for named in ladders() {
            let valid = rungs(&wire::Recipe::default(), &named.ladder);
            assert!(valid.is_ok_and(|rungs| rungs.len() >= 4), "{}", named.name);
        }
    }
}
