//! Which files a mount has.

use std::ffi::OsString;

/// Bytes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From the start of the source.
    pub offset: u64,
    pub length: u64,
}

/// A file of a mount: bytes of the source under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without any folder.
    pub name: OsString,
    pub span: Span,
}

/// Files `<stem>00000001.<extension>` and on, numbered from 1, in the order of `spans`.
pub fn numbered(stem: &str, extension: &str, spans: impl IntoIterator<Item = Span>) -> Vec<Entry> {
    let entry = |(number, span)| Entry {
        name: format!("{stem}{number:08}.{extension}").into(),
        span,
    };
    (1u64..).zip(spans).map(entry).collect()
}
