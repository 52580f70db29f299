//! Directory entries: those that are seen, those that would survive, and what
//! leads from one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::{Inode, Model};
use crate::Random;

pub(super) type Entries = BTreeMap<OsString, Inode>;
pub(super) type Tree = BTreeMap<Inode, Entries>;

#[derive(Clone, Debug)]
pub(super) struct Names {
    seen: Tree,
    synced: Tree,
    /// Oldest first.
    pending: Vec<Change>,
}

/// Entries that change together: one for a new or removed name, two for a move.
type Change = Vec<Entry>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    directory: Inode,
    name: OsString,
    /// `None`: the name is removed.
    inode: Option<Inode>,
}

impl Entry {
    fn new(directory: Inode, name: &OsStr, inode: Option<Inode>) -> Self {
        Self {
            directory,
            name: name.to_owned(),
            inode,
        }
    }

    fn place(&self) -> (Inode, &OsStr) {
        (self.directory, &self.name)
    }

    fn apply(&self, tree: &mut Tree) {
        let entries = tree.entry(self.directory).or_default();
        match self.inode {
            Some(inode) => entries.insert(self.name.clone(), inode),
            None => entries.remove(&self.name),
        };
    }
}

impl Names {
    pub(super) fn new(root: Inode) -> Self {
        let tree = Tree::from([(root, Entries::new())]);
        Self {
            seen: tree.clone(),
            synced: tree,
            pending: Vec::new(),
        }
    }

    /// As after a cut: everything that is seen is also synced.
    pub(super) fn survived(tree: Tree) -> Self {
        Self {
            seen: tree.clone(),
            synced: tree,
            pending: Vec::new(),
        }
    }

    pub(super) fn add_directory(&mut self, inode: Inode) {
        self.seen.insert(inode, Entries::new());
        self.synced.insert(inode, Entries::new());
    }

    pub(super) fn get(&self, directory: Inode, name: &OsStr) -> Option<Inode> {
        self.seen.get(&directory)?.get(name).copied()
    }

    pub(super) fn list(&self, directory: Inode) -> impl Iterator<Item = (&OsStr, Inode)> {
        let entries = self.seen.get(&directory).into_iter().flatten();
        entries.map(|(name, inode)| (name.as_os_str(), *inode))
    }

    pub(super) fn link(&mut self, directory: Inode, name: &OsStr, inode: Inode) {
        self.change(vec![Entry::new(directory, name, Some(inode))]);
    }

    pub(super) fn unlink(&mut self, directory: Inode, name: &OsStr) {
        self.change(vec![Entry::new(directory, name, None)]);
    }

    pub(super) fn rename(&mut self, from: (Inode, &OsStr), to: (Inode, &OsStr), inode: Inode) {
        self.change(vec![
            Entry::new(from.0, from.1, None),
            Entry::new(to.0, to.1, Some(inode)),
        ]);
    }

    fn change(&mut self, change: Change) {
        change.iter().for_each(|entry| entry.apply(&mut self.seen));
        self.pending.push(change);
    }

    /// Makes every entry last.
    pub(super) fn sync_all(&mut self) {
        self.synced = self.seen.clone();
        self.pending.clear();
    }

    /// Makes the entries of one directory last; a move in or out of it lasts at
    /// both ends, because a file is never at two places or at none.
    pub(super) fn sync(&mut self, directory: Inode) {
        let concerns = |change: &Change| change.iter().any(|entry| entry.directory == directory);
        let (applied, mut left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .enumerate()
            .partition(|(_, change)| concerns(change));
        let newest: BTreeMap<_, _> = applied
            .iter()
            .flat_map(|(age, change)| change.iter().map(|entry| (entry.place(), *age)))
            .collect();
        for (age, change) in &mut left {
            // What a newer change has decided can no longer be undone by an older.
            change.retain(|entry| newest.get(&entry.place()).is_none_or(|newer| newer < age));
        }
        for entry in applied.iter().flat_map(|(_, change)| change) {
            entry.apply(&mut self.synced);
        }
        self.pending = left
            .into_iter()
            .map(|(_, change)| change)
            .filter(|change| !change.is_empty())
            .collect();
    }

    /// How many changes could still be lost.
    pub(super) fn unsynced(&self) -> usize {
        self.pending.len()
    }

    /// What is left after a cut.
    pub(super) fn survivors(&self, model: Model, random: &mut Random) -> Tree {
        let mut tree = self.synced.clone();
        for change in self.kept(model, random) {
            change.iter().for_each(|entry| entry.apply(&mut tree));
        }
        tree
    }

    fn kept<'a>(&'a self, model: Model, random: &mut Random) -> Vec<&'a Change> {
        match model {
            Model::Strict => self.pending.iter().filter(|_| random.one_in(2)).collect(),
            Model::Ext4 => {
                let kept = random.below(self.pending.len() as u64 + 1);
                self.pending.iter().take(kept as usize).collect()
            }
        }
    }
}

/// Every inode that can be reached from `root`.
pub(super) fn reachable(tree: &Tree, root: Inode) -> BTreeSet<Inode> {
    let (mut found, mut open) = (BTreeSet::from([root]), vec![root]);
    while let Some(directory) = open.pop() {
        let inodes = tree
            .get(&directory)
            .into_iter()
            .flatten()
            .map(|(_, inode)| *inode);
        open.extend(inodes.filter(|inode| found.insert(*inode)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Inode = 1;
    const SUB: Inode = 2;

    fn names() -> Names {
        let mut names = Names::new(ROOT);
        names.link(ROOT, OsStr::new("sub"), SUB);
        names.add_directory(SUB);
        names.sync_all();
        names
    }

    fn lists(tree: &Tree, directory: Inode) -> Vec<&str> {
        tree[&directory]
            .keys()
            .filter_map(|name| name.to_str())
            .collect()
    }

    #[test]
    fn a_sync_of_a_directory_concerns_its_entries_alone() {
        let mut names = names();
        names.link(ROOT, OsStr::new("a"), 3);
        names.link(SUB, OsStr::new("b"), 4);
        names.sync(SUB);
        assert_eq!(lists(&names.synced, ROOT), ["sub"]);
        assert_eq!(lists(&names.synced, SUB), ["b"]);
        names.sync(ROOT);
        assert_eq!(lists(&names.synced, ROOT), ["a", "sub"]);
    }

    #[test]
    fn a_move_lasts_at_both_ends_whichever_is_synced() {
        for synced in [ROOT, SUB] {
            let mut names = names();
            names.link(ROOT, OsStr::new("a"), 3);
            names.rename((ROOT, OsStr::new("a")), (SUB, OsStr::new("b")), 3);
            names.sync(synced);
            assert_eq!(lists(&names.synced, SUB), ["b"]);
            names.sync(ROOT);
            assert_eq!(
                lists(&names.synced, ROOT),
                ["sub"],
                "a moved file is still at its old place"
            );
        }
    }

    #[test]
    fn without_a_sync_ext4_loses_the_newest_and_strict_any() {
        let mut names = names();
        for (inode, name) in ["a", "b", "c"].iter().enumerate() {
            names.link(SUB, OsStr::new(name), 3 + inode as Inode);
        }
        let outcomes = |model| -> BTreeSet<String> {
            let survivors = (0..200).map(|seed| names.survivors(model, &mut Random::new(&[seed])));
            survivors.map(|tree| lists(&tree, SUB).concat()).collect()
        };
        assert_eq!(
            Vec::from_iter(outcomes(Model::Ext4)),
            ["", "a", "ab", "abc"]
        );
        assert_eq!(outcomes(Model::Strict).len(), 8);
    }
}
