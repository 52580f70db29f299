use super::content::Content;
use super::names::{Names, reachable};
use super::{Disk, File, Node, ROOT, Write};
use crate::Random;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: u64 = 512;

/// How much was at risk in a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Writes into files that had not been synced.
    pub writes: u64,
    /// Changes of directory entries that had not been synced.
    pub entries: u64,
}

impl Disk {
    /// The disk after a power cut: what was synced, and a random part of what
    /// was not, in any order and torn at sectors.
    pub fn after_cut(self, random: &mut Random) -> (Self, Forgotten) {
        let mut forgotten = Forgotten {
            writes: 0,
            entries: self.names.unsynced() as u64,
        };
        let tree = self.names.survivors(self.model, random);
        let reachable = reachable(&tree, ROOT);
        let mut nodes = self.nodes;
        nodes.retain(|inode, _| reachable.contains(inode));
        for file in nodes
            .values_mut()
            .filter_map(|node: &mut Node| node.file.as_mut())
        {
            forgotten.writes += file.pending.len() as u64;
            file.survive(random);
        }
        let tree = tree
            .into_iter()
            .filter(|(inode, _)| reachable.contains(inode))
            .collect();
        (
            Self {
                nodes,
                names: Names::survived(tree),
                ..self
            },
            forgotten,
        )
    }
}

impl File {
    fn survive(&mut self, random: &mut Random) {
        let mut content = self.synced.clone();
        match random.below(4) {
            0 => {}
            1 => self
                .pending
                .iter()
                .for_each(|write| write.apply(&mut content)),
            2 => self.oldest(random, &mut content),
            _ => self.any(random, &mut content),
        }
        *self = Self {
            seen: content.clone(),
            synced: content,
            pending: Vec::new(),
        };
    }

    /// The oldest writes survive, the last of them perhaps torn.
    fn oldest(&self, random: &mut Random, content: &mut Content) {
        let kept = random.below(self.pending.len() as u64 + 1) as usize;
        for (i, write) in self.pending.iter().take(kept).enumerate() {
            match i + 1 == kept {
                true => write.torn(random).apply(content),
                false => write.apply(content),
            }
        }
    }

    /// Each write survives or not on its own, some torn.
    fn any(&self, random: &mut Random, content: &mut Content) {
        for write in &self.pending {
            match random.below(8) {
                0..4 => {}
                4 => write.torn(random).apply(content),
                _ => write.apply(content),
            }
        }
    }
}

impl Write {
    /// The write with only the first of the sectors it touches.
    fn torn(&self, random: &mut Random) -> Self {
        match self {
            Self::Length(length) => Self::Length(*length),
            Self::Data { offset, bytes } => {
                let sectors = random.below((bytes.len() as u64).div_ceil(SECTOR) + 1);
                let end = (offset / SECTOR + sectors) * SECTOR;
                let kept = end.saturating_sub(*offset).min(bytes.len() as u64);
                Self::Data {
                    offset: *offset,
                    bytes: bytes[..kept as usize].to_vec(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::ffi::OsStr;

    use super::super::{Access, Model};
    use super::*;

    const ACCESS: Access = Access {
        mode: 0o600,
        user: 0,
        group: 0,
    };

    fn read(disk: &Disk, name: &str) -> Option<Vec<u8>> {
        let inode = disk.lookup(ROOT, OsStr::new(name)).ok()?;
        Some(disk.read(inode, 0, usize::MAX).unwrap())
    }

    fn outcomes(disk: &Disk) -> BTreeSet<Option<Vec<u8>>> {
        let survivors = (0..300).map(|seed| disk.clone().after_cut(&mut Random::new(&[seed])).0);
        survivors.map(|survivor| read(&survivor, "f")).collect()
    }

    #[test]
    fn what_was_synced_survives_and_the_rest_may_not() {
        for model in [Model::Strict, Model::Ext4] {
            let mut disk = Disk::new(model);
            let file = disk.create(ROOT, OsStr::new("f"), ACCESS).unwrap();
            disk.write(file, 0, b"one").unwrap();
            disk.sync(file).unwrap();
            disk.sync(ROOT).unwrap();
            assert_eq!(outcomes(&disk), BTreeSet::from([Some(b"one".to_vec())]));
            disk.write(file, 0, b"two").unwrap();
            let either = BTreeSet::from([Some(b"one".to_vec()), Some(b"two".to_vec())]);
            assert_eq!(outcomes(&disk), either);
        }
    }

    #[test]
    fn a_synced_file_needs_its_entry_synced_only_in_the_strict_model() {
        for (model, may_be_lost) in [(Model::Strict, true), (Model::Ext4, false)] {
            let mut disk = Disk::new(model);
            let file = disk.create(ROOT, OsStr::new("f"), ACCESS).unwrap();
            disk.sync(file).unwrap();
            assert_eq!(outcomes(&disk).contains(&None), may_be_lost, "{model:?}");
        }
    }

    #[test]
    fn later_writes_may_survive_without_earlier_ones_and_be_torn() {
        let mut disk = Disk::new(Model::Strict);
        let file = disk.create(ROOT, OsStr::new("f"), ACCESS).unwrap();
        disk.write(file, 0, &[b'.'; 2_048]).unwrap();
        disk.sync(file).unwrap();
        disk.sync(ROOT).unwrap();
        disk.write(file, 0, &[b'a'; 1_024]).unwrap();
        disk.write(file, 1_024, &[b'b'; 1_024]).unwrap();
        let outcomes = outcomes(&disk);
        let sectors: BTreeSet<String> = outcomes
            .into_iter()
            .map(|bytes| {
                bytes
                    .unwrap()
                    .chunks(512)
                    .map(|sector| char::from(sector[0]))
                    .collect()
            })
            .collect();
        for expected in ["....", "aabb", "aa..", "..bb", "a...", "..b.", "aab."] {
            assert!(
                sectors.contains(expected),
                "{expected} never happened: {sectors:?}"
            );
        }
    }

    #[test]
    fn the_same_seed_leaves_the_same_disk() {
        let mut disk = Disk::new(Model::Strict);
        for name in ["a", "b", "c", "d"] {
            let file = disk.create(ROOT, OsStr::new(name), ACCESS).unwrap();
            disk.write(file, 0, name.as_bytes()).unwrap();
        }
        let survivor = |seed| {
            let (disk, _) = disk.clone().after_cut(&mut Random::new(&[seed]));
            ["a", "b", "c", "d"].map(|name| read(&disk, name))
        };
        assert_eq!(survivor(5), survivor(5));
        assert!((0..20).any(|seed| survivor(seed) != survivor(5)));
    }
}
