//! Copies between a disk in memory and directories.

use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::{Access, Disk, Inode, Model, ROOT};

impl Disk {
    /// A disk that holds what is in `directory`, all of it synced.
    pub fn load(model: Model, directory: &Path) -> io::Result<Self> {
        let mut disk = Self::new(model);
        disk.load_into(ROOT, directory)?;
        for file in disk
            .nodes
            .values_mut()
            .filter_map(|node| node.file.as_mut())
        {
            file.sync();
        }
        disk.names.sync_all();
        Ok(disk)
    }

    fn load_into(&mut self, parent: Inode, directory: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(DirEntry::file_name);
        entries
            .iter()
            .try_for_each(|entry| self.load_entry(parent, entry))
    }

    fn load_entry(&mut self, parent: Inode, entry: &DirEntry) -> io::Result<()> {
        let meta = entry.metadata()?;
        let access = Access {
            mode: meta.mode() & 0o7777,
            user: meta.uid(),
            group: meta.gid(),
        };
        if meta.is_dir() {
            let inode = self.make_directory(parent, &entry.file_name(), access)?;
            return self.load_into(inode, &entry.path());
        }
        let inode = self.create(parent, &entry.file_name(), access)?;
        Ok(self.write(inode, 0, &fs::read(entry.path())?)?)
    }

    /// Copies what is seen into `directory`, which is created.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        self.save_from(ROOT, directory)
    }

    fn save_from(&self, inode: Inode, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        for (name, inode, is_directory) in self.entries(inode) {
            match is_directory {
                true => self.save_from(inode, &directory.join(name))?,
                false => self.save_file(inode, &directory.join(name))?,
            }
        }
        Ok(())
    }

    fn save_file(&self, inode: Inode, path: &Path) -> io::Result<()> {
        let target = File::create(path)?;
        let Some(file) = self.nodes.get(&inode).and_then(|node| node.file.as_ref()) else {
            return Ok(());
        };
        target.set_len(file.seen.length())?;
        file.seen
            .written()
            .try_for_each(|(offset, bytes)| target.write_all_at(bytes, offset))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_directory_comes_back_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("deep/er")).unwrap();
        fs::write(from.join("deep/er/file"), [7; 10_000]).unwrap();
        fs::write(from.join("empty"), []).unwrap();
        let disk = Disk::load(Model::Strict, &from).unwrap();
        // All of it is synced, so a cut takes nothing away.
        let (disk, forgotten) = disk.after_cut(&mut crate::Random::new(&[1]));
        assert_eq!(forgotten, super::super::Forgotten::default());
        disk.save(&to).unwrap();
        assert_eq!(fs::read(to.join("deep/er/file")).unwrap(), [7; 10_000]);
        assert_eq!(fs::read(to.join("empty")).unwrap(), []);
    }
}
