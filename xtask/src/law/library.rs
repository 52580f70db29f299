//! Every library from outside has one line in ARCHITECTURE.md that says why it is here.

use std::collections::BTreeSet;

use super::Breach;
use super::workspace::Workspace;

const BEGIN: &str = "<!-- libraries:begin -->";
const END: &str = "<!-- libraries:end -->";
const SAID: &str = "every library has a line in the table of libraries that says why it is here";
const USED: &str = "the table of libraries names only what a manifest asks for";

/// Libraries without a reason, and reasons without a library.
pub fn check(workspace: &Workspace, architecture: &str) -> Vec<Breach> {
    let (used, said) = (used(workspace), said(architecture));
    let unsaid = used
        .iter()
        .filter(|name| !said.contains(**name))
        .map(|name| Breach::new(*name, SAID));
    let unused = said
        .iter()
        .filter(|name| !used.contains(**name))
        .map(|name| Breach::new(*name, USED));
    unsaid.chain(unused).collect()
}

fn used(workspace: &Workspace) -> BTreeSet<&str> {
    let deps = workspace.crates.iter().flat_map(|c| &c.deps);
    deps.filter(|dep| !dep.local)
        .map(|dep| dep.name.as_str())
        .collect()
}

/// The names in backticks in the first column of the table.
fn said(text: &str) -> BTreeSet<&str> {
    let table = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END));
    let rows = table.map_or("", |(rows, _)| rows).lines();
    rows.filter_map(|row| row.strip_prefix("| ")?.split('|').next())
        .flat_map(quoted)
        .collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_using, house};
    use super::*;

    const TABLE: &str = "<!-- libraries:begin -->\n| library | why |\n|---|---|\n\
        | `bytes`, `uuid` | they are `good` |\n<!-- libraries:end -->\n";

    #[test]
    fn a_table_that_names_what_is_used_passes() {
        let both = house(&[
            crate_using("base/ids", "uuid"),
            crate_using("base/blob", "bytes"),
        ]);
        assert_eq!(check(&both, TABLE), []);
    }

    #[test]
    fn a_library_without_a_reason_is_found() {
        let found = check(&house(&[crate_using("base/ids", "rand")]), TABLE);
        let expected = [("rand", SAID), ("bytes", USED), ("uuid", USED)];
        assert_eq!(found, expected.map(|(place, law)| Breach::new(place, law)));
    }
}
