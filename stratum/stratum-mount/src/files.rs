//! The file system: one folder of files, each a span of the source.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen, Request,
};

use crate::{Entry, Span};

/// Nothing changes while it is mounted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The inode of the first file; the folder is 1.
const FIRST_FILE: u64 = 2;

const BLOCK: u64 = 512;

pub(crate) struct Files {
    source: File,
    entries: Vec<Entry>,
    numbers: HashMap<OsString, usize>,
    modified: SystemTime,
}

impl Files {
    pub(crate) fn new(source: File, entries: Vec<Entry>) -> io::Result<Self> {
        let modified = source.metadata()?.modified()?;
        let names = entries.iter().map(|entry| entry.name.clone());
        Ok(Files {
            numbers: names.zip(0..).collect(),
            source,
            entries,
            modified,
        })
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

    /// Bytes of a file, fewer only at its end. A source that has become shorter is an error, not
    /// an end.
    fn bytes(&self, span: Span, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let left = span.length.saturating_sub(offset);
        let mut bytes = vec![0; left.min(size.into()) as usize];
        self.source
            .read_exact_at(&mut bytes, span.offset.saturating_add(offset))?;
        Ok(bytes)
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
        match self.span(inode).map(|span| self.bytes(span, offset, size)) {
            Some(Ok(bytes)) => reply.data(&bytes),
            Some(Err(_)) => reply.error(Errno::EIO),
            None => reply.error(Errno::EISDIR),
        }
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
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;
    use crate::numbered;

    #[test]
    fn reads_stay_inside_their_span() {
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(b"0123456789").unwrap();
        let files = Files::new(
            source,
            numbered(
                "f",
                "x",
                [Span {
                    offset: 2,
                    length: 5,
                }],
            ),
        )
        .unwrap();
        let span = files.span(inode(0)).unwrap();
        let cases: [(u64, u32, &[u8]); 4] = [
            (0, 99, b"23456"),
            (3, 1, b"5"),
            (5, 9, b""),
            (u64::MAX, 9, b""),
        ];
        for (offset, size, expected) in cases {
            assert_eq!(files.bytes(span, offset, size).unwrap(), expected);
        }
        assert_eq!(
            (files.span(INodeNo::ROOT), files.span(inode(1))),
            (None, None)
        );
        assert!(
            files
                .bytes(
                    Span {
                        offset: 8,
                        length: 5
                    },
                    0,
                    5
                )
                .is_err()
        );
    }
}
