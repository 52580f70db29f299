//! The file system: one folder of files, each a span of the source.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, Request,
};

use crate::{Entry, Shown, Span};

/// Nothing changes while it is mounted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The inode of the first file; the folder is 1.
const FIRST_FILE: u64 = 2;

const BLOCK: u64 = 512;

pub(crate) struct Files {
    source: Arc<dyn Shown>,
    entries: Vec<Entry>,
    numbers: HashMap<OsString, usize>,
    modified: SystemTime,
}

impl Files {
    pub(crate) fn new(source: Arc<dyn Shown>, entries: Vec<Entry>, modified: SystemTime) -> Self {
        let names = entries.iter().map(|entry| entry.name.clone());
        Files {
            numbers: names.zip(0..).collect(),
            source,
            entries,
            modified,
        }
    }

    fn span(&self, inode: INodeNo) -> Option<Span> {
        let number = u64::from(inode).checked_sub(FIRST_FILE)?;
        let entry = self.entries.get(usize::try_from(number).ok()?)?;
        Some(entry.span)
    }

    fn attributes(&self, inode: INodeNo) -> Option<FileAttr> {
        if inode == INodeNo::ROOT {
            return Some(self.attribute(inode, FileType::Directory, 0o555, 0));
        }
        let length = self.span(inode)?.length;
        Some(self.attribute(inode, FileType::RegularFile, 0o444, length))
    }

    fn attribute(&self, ino: INodeNo, kind: FileType, perm: u16, size: u64) -> FileAttr {
        FileAttr {
            ino,
            size,
            blocks: size.div_ceil(BLOCK),
            atime: self.modified,
            mtime: self.modified,
            ctime: self.modified,
            crtime: self.modified,
            kind,
            perm,
            nlink: 1,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            rdev: 0,
            blksize: BLOCK as u32,
            flags: 0,
        }
    }
}

/// What of the source a read of a file means; less than was asked for only at the file's end.
fn part(span: Span, offset: u64, size: u32) -> Span {
    let left = span.length.saturating_sub(offset);
    Span {
        offset: span.offset.saturating_add(offset),
        length: left.min(size.into()),
    }
}

fn inode(number: usize) -> INodeNo {
    INodeNo(number as u64 + FIRST_FILE)
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let number = self.numbers.get(name).filter(|_| parent == INodeNo::ROOT);
        match number.and_then(|number| self.attributes(inode(*number))) {
            Some(attributes) => reply.entry(&FOREVER, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode) {
            Some(attributes) => reply.attr(&FOREVER, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    /// What was read once stays in the page cache: the bytes never change.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(span) = self.span(inode) else {
            return reply.error(Errno::EISDIR);
        };
        let answer = Box::new(|read: io::Result<Bytes>| match read {
            Ok(bytes) => reply.data(&bytes),
            Err(_) => reply.error(Errno::EIO),
        });
        self.source.read(part(span, offset, size), answer);
    }

    /// There is nothing to be written, so nobody need ask at each close.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let first = usize::try_from(offset).unwrap_or(usize::MAX);
        for (number, entry) in self.entries.iter().enumerate().skip(first) {
            let next = number as u64 + 1;
            if reply.add(inode(number), next, FileType::RegularFile, &entry.name) {
                break;
            }
        }
        reply.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stay_inside_their_span() {
        let span = Span {
            offset: 2,
            length: 5,
        };
        let cases = [
            (0, 99, 2, 5),
            (3, 1, 5, 1),
            (5, 9, 7, 0),
            (u64::MAX, 9, u64::MAX, 0),
        ];
        for (at, size, offset, length) in cases {
            assert_eq!(part(span, at, size), Span { offset, length });
        }
    }
}
