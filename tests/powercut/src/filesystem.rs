//! The disk as the kernel sees it.

use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};

use crate::disk::{Access, Attributes, Disk, Inode};
use crate::mount::Shared;

/// Nothing is cached, so that every call arrives.
const UNCACHED: Duration = Duration::ZERO;
const MAX_WRITE: u32 = 1 << 20;
const GENERATION: Generation = Generation(0);

/// Answers the kernel's calls.
pub(crate) struct DiskFilesystem {
    pub(crate) shared: Arc<Shared>,
}

type Answer<T> = Result<T, Errno>;

fn refused(errno: rustix::io::Errno) -> Errno {
    Errno::from_i32(errno.raw_os_error())
}

fn attributes(disk: &Disk, inode: Inode) -> Answer<FileAttr> {
    disk.attributes(inode)
        .map(|attributes| attr(inode, attributes))
        .map_err(refused)
}

fn attr(inode: Inode, attributes: Attributes) -> FileAttr {
    FileAttr {
        ino: INodeNo(inode),
        size: attributes.length,
        blocks: attributes.allocated / 512,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: kind(attributes.directory),
        perm: attributes.mode as u16,
        nlink: 1,
        uid: attributes.user,
        gid: attributes.group,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

fn kind(directory: bool) -> FileType {
    match directory {
        true => FileType::Directory,
        false => FileType::RegularFile,
    }
}

fn access(request: &Request, mode: u32, umask: u32) -> Access {
    Access {
        mode: mode & !umask & 0o7777,
        user: request.uid(),
        group: request.gid(),
    }
}

fn finish(reply: ReplyEmpty, outcome: Answer<()>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

fn finish_entry(reply: ReplyEntry, outcome: Answer<FileAttr>) {
    match outcome {
        Ok(attr) => reply.entry(&UNCACHED, &attr, GENERATION),
        Err(errno) => reply.error(errno),
    }
}

impl DiskFilesystem {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.shared.disk()
    }

    /// The disk, for one change; none after the cut.
    fn change(&self) -> Answer<MutexGuard<'_, Disk>> {
        self.shared.change().ok_or(Errno::EIO)
    }

    fn create_at(&self, parent: INodeNo, name: &OsStr, access: Access) -> Answer<FileAttr> {
        let mut disk = self.change()?;
        let inode = disk.create(parent.0, name, access).map_err(refused)?;
        attributes(&disk, inode)
    }

    fn make_directory(&self, parent: INodeNo, name: &OsStr, access: Access) -> Answer<FileAttr> {
        let mut disk = self.change()?;
        let inode = disk
            .make_directory(parent.0, name, access)
            .map_err(refused)?;
        attributes(&disk, inode)
    }

    fn sync(&self, inode: INodeNo) -> Answer<()> {
        match self.shared.lies() {
            true => self.change().map(drop),
            false => self.change()?.sync(inode.0).map_err(refused),
        }
    }

    fn set_attributes(
        &self,
        inode: INodeNo,
        size: Option<u64>,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
    ) -> Answer<FileAttr> {
        if let Some(size) = size {
            self.change()?.set_length(inode.0, size).map_err(refused)?;
        }
        let mut disk = self.disk();
        disk.set_access(inode.0, mode, user, group)
            .map_err(refused)?;
        attributes(&disk, inode.0)
    }
}

impl Filesystem for DiskFilesystem {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // A kernel that takes less says so, and less is used.
        let _ = config.set_max_write(MAX_WRITE);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk();
        let found = disk.lookup(parent.0, name).map_err(refused);
        finish_entry(reply, found.and_then(|inode| attributes(&disk, inode)));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.disk(), inode.0) {
            Ok(attr) => reply.attr(&UNCACHED, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
        size: Option<u64>,
        _accessed: Option<TimeOrNow>,
        _modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        _: Option<FileHandle>,
        _created: Option<SystemTime>,
        _flags_changed: Option<SystemTime>,
        _backed_up: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.set_attributes(inode, size, mode, user, group) {
            Ok(attr) => reply.attr(&UNCACHED, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        finish_entry(
            reply,
            self.make_directory(parent, name, access(request, mode, umask)),
        );
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.create_at(parent, name, access(request, mode, umask)) {
            Ok(attr) => {
                reply.created(
                    &UNCACHED,
                    &attr,
                    GENERATION,
                    FileHandle(0),
                    FopenFlags::empty(),
                );
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self
            .change()
            .and_then(|mut disk| disk.unlink(parent.0, name).map_err(refused));
        finish(reply, removed);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self
            .change()
            .and_then(|mut disk| disk.remove_directory(parent.0, name).map_err(refused));
        finish(reply, removed);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let (from, to) = ((parent.0, name), (new_parent.0, new_name));
        finish(
            reply,
            self.change()
                .and_then(|mut disk| disk.rename(from, to).map_err(refused)),
        );
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
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
        match self.disk().read(inode.0, offset, size as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(refused(errno)),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self
            .change()
            .and_then(|mut disk| disk.write(inode.0, offset, data).map_err(refused));
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        finish(reply, self.sync(inode));
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        finish(reply, self.sync(inode));
    }

    fn readdir(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk();
        let entries = disk
            .entries(inode.0)
            .into_iter()
            .zip(1..)
            .skip(offset as usize);
        for ((name, inode, directory), next) in entries {
            if reply.add(INodeNo(inode), next, kind(directory), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const BLOCKS: u64 = 1 << 24;
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, 4_096, 255, 4_096);
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _offset: u64,
        _length: u64,
        _mode: i32,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::EOPNOTSUPP);
    }
}
