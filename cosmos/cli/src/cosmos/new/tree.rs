//! The files of a service: shown, or written all at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that is to be.
#[derive(Debug)]
pub(super) struct File {
    /// Below the folder, parts divided by `/`.
    pub path: String,
    pub bytes: Vec<u8>,
    pub is_program: bool,
}

/// Writes all files into a new folder of this name here, or nothing.
pub(super) fn write(name: &str, files: &[File]) -> io::Result<()> {
    let aside = tempfile::Builder::new()
        .prefix(".cosmos-new-")
        .tempdir_in(".")?;
    let folder = aside.path().join(name);
    for file in files {
        write_file(&folder.join(&file.path), file)?;
    }
    fs::rename(folder, name)
}

fn write_file(path: &Path, file: &File) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mode = if file.is_program { 0o777 } else { 0o666 };
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    opened?.write_all(&file.bytes)
}

/// The files as a tree, below the folder's name; they are in order.
pub(super) fn drawn(name: &str, files: &[File]) -> String {
    let mut text = format!("{name}/\n");
    let mut before: Vec<&str> = Vec::new();
    for file in files {
        let mut folders: Vec<&str> = file.path.split('/').collect();
        let leaf = folders.pop().unwrap_or_default();
        let same = before.iter().zip(&folders).take_while(|(a, b)| a == b);
        for (depth, part) in folders.iter().enumerate().skip(same.count()) {
            text += &format!("{}{part}/\n", "  ".repeat(depth + 1));
        }
        text += &format!("{}{leaf}\n", "  ".repeat(folders.len() + 1));
        before = folders;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_drawn_once() {
        let files = ["a/b/one", "a/b/two", "a/c/three", "last"].map(|path| File {
            path: path.into(),
            bytes: Vec::new(),
            is_program: false,
        });
        let expected = "s/\n  a/\n    b/\n      one\n      two\n    c/\n      three\n  last\n";
        assert_eq!(drawn("s", &files), expected);
    }
}
