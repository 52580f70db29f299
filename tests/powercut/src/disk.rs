//! A disk in memory: what is seen, and what would survive.

mod content;
mod crash;
mod image;
mod names;

use std::collections::BTreeMap;
use std::ffi::OsStr;

use rustix::io::Errno;

use content::Content;
use names::Names;

pub use crash::Forgotten;

/// The number of a file or directory; it is never used again.
pub type Inode = u64;

/// The number of the topmost directory.
pub const ROOT: Inode = 1;

/// What makes a directory entry last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// As POSIX words it: only a sync of the directory. Without one, each entry
    /// is kept or lost on its own.
    Strict,
    /// As ext4 does it: a sync of anything makes all earlier entries last.
    /// Without one, entries are lost from the newest backwards.
    Ext4,
}

/// Files and directories. Owners and permissions survive a cut at once; that is
/// kinder than a real disk, and no store here depends on it.
#[derive(Clone, Debug)]
pub struct Disk {
    model: Model,
    next: Inode,
    nodes: BTreeMap<Inode, Node>,
    names: Names,
}

/// What a file or a directory is, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    pub directory: bool,
    /// The permission bits.
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    /// Bytes; zero for a directory.
    pub length: u64,
    /// Bytes that take up memory.
    pub allocated: u64,
}

/// Who may do what with a new file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The permission bits.
    pub mode: u32,
    pub user: u32,
    pub group: u32,
}

#[derive(Clone, Debug)]
struct Node {
    access: Access,
    /// `None` for a directory.
    file: Option<File>,
}

#[derive(Clone, Debug, Default)]
struct File {
    seen: Content,
    synced: Content,
    /// What leads from `synced` to `seen`.
    pending: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Data { offset: u64, bytes: Vec<u8> },
    Length(u64),
}

impl Disk {
    /// An empty disk, whose topmost directory anyone may use.
    pub fn new(model: Model) -> Self {
        let access = Access {
            mode: 0o777,
            user: 0,
            group: 0,
        };
        let root = Node { access, file: None };
        Self {
            model,
            next: ROOT + 1,
            nodes: BTreeMap::from([(ROOT, root)]),
            names: Names::new(ROOT),
        }
    }

    /// The same files under another model.
    pub fn with_model(self, model: Model) -> Self {
        Self { model, ..self }
    }

    /// The inode that `name` stands for.
    pub fn lookup(&self, directory: Inode, name: &OsStr) -> Result<Inode, Errno> {
        self.names.get(directory, name).ok_or(Errno::NOENT)
    }

    /// What the inode is.
    pub fn attributes(&self, inode: Inode) -> Result<Attributes, Errno> {
        let node = self.nodes.get(&inode).ok_or(Errno::NOENT)?;
        let seen = node.file.as_ref().map(|file| &file.seen);
        Ok(Attributes {
            directory: node.file.is_none(),
            mode: node.access.mode,
            user: node.access.user,
            group: node.access.group,
            length: seen.map_or(0, Content::length),
            allocated: seen.map_or(0, Content::allocated),
        })
    }

    /// The entries of a directory: name, inode and whether it is a directory.
    pub fn entries(&self, directory: Inode) -> Vec<(&OsStr, Inode, bool)> {
        let is_directory = |inode| {
            self.nodes
                .get(&inode)
                .is_some_and(|node| node.file.is_none())
        };
        self.names
            .list(directory)
            .map(|(name, inode)| (name, inode, is_directory(inode)))
            .collect()
    }

    /// Up to `size` bytes of a file.
    pub fn read(&self, inode: Inode, offset: u64, size: usize) -> Result<Vec<u8>, Errno> {
        let node = self.nodes.get(&inode).ok_or(Errno::NOENT)?;
        let file = node.file.as_ref().ok_or(Errno::ISDIR)?;
        Ok(file.seen.read(offset, size))
    }

    /// A new file.
    pub fn create(
        &mut self,
        directory: Inode,
        name: &OsStr,
        access: Access,
    ) -> Result<Inode, Errno> {
        self.add(
            directory,
            name,
            Node {
                access,
                file: Some(File::default()),
            },
        )
    }

    /// A new directory.
    pub fn make_directory(
        &mut self,
        directory: Inode,
        name: &OsStr,
        access: Access,
    ) -> Result<Inode, Errno> {
        let inode = self.add(directory, name, Node { access, file: None })?;
        self.names.add_directory(inode);
        Ok(inode)
    }

    fn add(&mut self, directory: Inode, name: &OsStr, node: Node) -> Result<Inode, Errno> {
        if self.names.get(directory, name).is_some() {
            return Err(Errno::EXIST);
        }
        let inode = self.next;
        self.next += 1;
        self.nodes.insert(inode, node);
        self.names.link(directory, name, inode);
        Ok(inode)
    }

    /// Removes the name of a file; whoever has it open keeps it.
    pub fn unlink(&mut self, directory: Inode, name: &OsStr) -> Result<(), Errno> {
        let inode = self.lookup(directory, name)?;
        if self.attributes(inode)?.directory {
            return Err(Errno::ISDIR);
        }
        self.names.unlink(directory, name);
        Ok(())
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, directory: Inode, name: &OsStr) -> Result<(), Errno> {
        let inode = self.lookup(directory, name)?;
        match self.attributes(inode)?.directory {
            false => return Err(Errno::NOTDIR),
            true if !self.entries(inode).is_empty() => return Err(Errno::NOTEMPTY),
            true => {}
        }
        self.names.unlink(directory, name);
        Ok(())
    }

    /// Moves a file or directory, replacing a file or an empty directory.
    pub fn rename(&mut self, from: (Inode, &OsStr), to: (Inode, &OsStr)) -> Result<(), Errno> {
        let inode = self.lookup(from.0, from.1)?;
        match self.names.get(to.0, to.1) {
            Some(replaced) if replaced == inode => return Ok(()),
            Some(replaced) if !self.entries(replaced).is_empty() => return Err(Errno::NOTEMPTY),
            _ => {}
        }
        self.names.rename(from, to, inode);
        Ok(())
    }

    /// Writes into a file. It is seen at once and survives once it is synced.
    pub fn write(&mut self, inode: Inode, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.file(inode)?.change(Write::Data {
            offset,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    /// Cuts a file off or fills it up with zeros.
    pub fn set_length(&mut self, inode: Inode, length: u64) -> Result<(), Errno> {
        self.file(inode)?.change(Write::Length(length));
        Ok(())
    }

    /// Sets the permission bits and owners that are given.
    pub fn set_access(
        &mut self,
        inode: Inode,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
    ) -> Result<(), Errno> {
        let access = &mut self.nodes.get_mut(&inode).ok_or(Errno::NOENT)?.access;
        access.mode = mode.unwrap_or(access.mode) & 0o7777;
        access.user = user.unwrap_or(access.user);
        access.group = group.unwrap_or(access.group);
        Ok(())
    }

    /// Makes the content of a file, or the entries of a directory, last.
    pub fn sync(&mut self, inode: Inode) -> Result<(), Errno> {
        match &mut self.nodes.get_mut(&inode).ok_or(Errno::NOENT)?.file {
            Some(file) => file.sync(),
            None => self.names.sync(inode),
        }
        if self.model == Model::Ext4 {
            self.names.sync_all();
        }
        Ok(())
    }

    fn file(&mut self, inode: Inode) -> Result<&mut File, Errno> {
        let node = self.nodes.get_mut(&inode).ok_or(Errno::NOENT)?;
        node.file.as_mut().ok_or(Errno::ISDIR)
    }
}

impl File {
    fn change(&mut self, write: Write) {
        write.apply(&mut self.seen);
        self.pending.push(write);
    }

    fn sync(&mut self) {
        self.synced = self.seen.clone();
        self.pending.clear();
    }
}

impl Write {
    fn apply(&self, content: &mut Content) {
        match self {
            Self::Data { offset, bytes } => content.write(*offset, bytes),
            Self::Length(length) => content.set_length(*length),
        }
    }
}
