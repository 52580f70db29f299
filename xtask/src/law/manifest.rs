//! What every manifest says.

use std::collections::BTreeMap;

use super::Breach;
use super::workspace::{Crate, Workspace};

const DESCRIBED: &str = "every crate says in one line what it is for (`description`)";
const LINTED: &str = "every crate takes the lints of the workspace (`[lints] workspace = true`)";

const OWN_NAME: &str = "programs have names of their own, or one build overwrites the other's";

/// Every manifest that leaves something out, or builds what another does.
pub fn check(workspace: &Workspace) -> Vec<Breach> {
    let crates = &workspace.crates;
    let mute = crates
        .iter()
        .filter(|c| !described(c))
        .map(|c| Breach::new(&c.name, DESCRIBED));
    let loose = crates
        .iter()
        .filter(|c| !c.inherits_lints)
        .map(|c| Breach::new(&c.name, LINTED));
    mute.chain(loose).chain(namesakes(crates)).collect()
}

fn namesakes(crates: &[Crate]) -> Vec<Breach> {
    let mut builders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (program, by) in crates
        .iter()
        .flat_map(|c| c.programs.iter().map(|p| (p, &c.name)))
    {
        builders.entry(program).or_default().push(by);
    }
    let shared = builders.into_iter().filter(|(_, by)| by.len() > 1);
    shared
        .map(|(program, by)| Breach::new(format!("{program} ({})", by.join(", ")), OWN_NAME))
        .collect()
}

fn described(checked: &Crate) -> bool {
    !checked.description.trim().is_empty() && !checked.description.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_at, house};
    use super::*;

    #[test]
    fn silence_two_lines_and_own_lints_are_found() {
        let lawful = crate_at("base/ids", &[]);
        let mut mute = crate_at("base/mute", &[]);
        mute.description = " ".into();
        let mut long = crate_at("base/long", &[]);
        long.description = "one\ntwo".into();
        let mut loose = crate_at("base/loose", &[]);
        loose.inherits_lints = false;
        let found = check(&house(&[lawful, mute, long, loose]));
        let expected = [("mute", DESCRIBED), ("long", DESCRIBED), ("loose", LINTED)];
        assert_eq!(found, expected.map(|(place, law)| Breach::new(place, law)));
    }

    #[test]
    fn two_programs_of_one_name_are_found() {
        let mut cli = crate_at("cosmos/cli", &[]);
        cli.programs = vec!["cosmos".into(), "ves".into()];
        let mut bench = crate_at("bench", &[]);
        bench.programs = vec!["ves".into()];
        assert_eq!(
            check(&house(&[cli, bench])),
            [Breach::new("ves (cli, bench)", OWN_NAME)]
        );
    }
}
