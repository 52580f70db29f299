//! One pass: mark, then sweep.

use std::path::PathBuf;
use std::time::Duration;

use blob::{BlobError, Digest, Kept, Memo};
use clock::Timestamp;

use crate::limits::{FOLLOWED_BYTES, HELD_MARKS};
use crate::marks::Marks;
use crate::{Pace, Roots, Shelf, SweepError, references};

/// What media begin with. They refer to nothing, and are large.
const MEDIA: [&[u8]; 5] = [
    // MP4, and byte streams of AVC and HEVC.
    b"\0\0",
    // A temporal unit of AV1.
    b"\x12\0",
    // Matroska.
    b"\x1a\x45\xdf\xa3",
    b"DKIF",
    b"YUV4",
];
/// Bytes that tell media from all else.
const MAGIC: u64 = 4;

/// What may go in a pass.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What was put or touched so long before the pass began, or since, stays.
    pub grace: Duration,
    /// Memos that nobody asked for in so long are forgotten; `None`: none is. Longer than the
    /// grace, and than memos [stay young](blob::MEMO_STAYS_YOUNG): then what a worker was
    /// answered by outlives what it makes of the answer.
    pub memos_keep: Option<Duration>,
    /// Blobs that are removed at most.
    pub most: u64,
    /// Nothing goes, and all is counted.
    pub dry_run: bool,
}

/// How a pass goes. All of it is decided before the first thing that refers to blobs is read.
#[derive(Debug)]
pub struct Pass {
    terms: Terms,
    since: Timestamp,
    /// Memos that were touched then, or later, stay.
    memos_since: Option<Timestamp>,
    marks: Marks,
    pace: Pace,
    report: Report,
}

/// What a pass found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Blobs that were there.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// References that differ, also to what is not there.
    pub references: u64,
    /// Blobs that nothing refers to, but which were touched a short time ago.
    pub young: u64,
    /// Blobs that went; in a dry run, that would.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Blobs that may go, and are left to the next pass.
    pub left: u64,
    /// Memos that stay.
    pub memos: u64,
    /// Memos that were forgotten; in a dry run, that would be.
    pub forgotten: u64,
}

impl Pass {
    /// A pass that begins `now`: whatever refers to blobs must be read from then on, in
    /// [`mark`](Self::mark). Marks that are many lie in `folder`, which is empty and the pass's.
    pub fn begin(now: Timestamp, terms: Terms, folder: PathBuf, pace: Pace) -> Self {
        let keep = terms.memos_keep;
        Self {
            terms,
            since: now - terms.grace,
            memos_since: keep.map(|keep| now - keep),
            marks: Marks::new(folder, HELD_MARKS),
            pace,
            report: Report::default(),
        }
    }

    /// Marks what is referred to.
    ///
    /// # Errors
    /// When it cannot be read to its end: then nothing may be removed.
    pub async fn mark(&mut self, roots: &mut dyn Roots) -> Result<(), SweepError> {
        loop {
            let begun = self.pace.begin();
            let page = roots.next().await?;
            if page.is_empty() {
                return Ok(());
            }
            for bytes in page {
                self.note(&bytes)?;
            }
            self.pace.rest(begun).await;
        }
    }

    /// Forgets memos that are old, and marks what the others refer to, and what is referred to
    /// from what is marked.
    ///
    /// # Errors
    /// As of [`mark`](Self::mark).
    pub async fn follow<S: Shelf + ?Sized>(&mut self, shelf: &S) -> Result<(), SweepError> {
        self.look_through_memos(shelf).await?;
        loop {
            let before = self.report.references;
            for first in 0..=u8::MAX {
                for digest in self.marks.take_new(first)? {
                    self.report.references += 1;
                    self.look_into(shelf, digest).await?;
                }
            }
            if self.report.references == before {
                return Ok(());
            }
        }
    }

    /// Removes what is neither marked nor young.
    ///
    /// # Errors
    /// When the blobs cannot be listed or removed.
    pub async fn sweep<S: Shelf + ?Sized>(mut self, shelf: &S) -> Result<Report, SweepError> {
        for first in 0..=u8::MAX {
            let begun = self.pace.begin();
            let marked = self.marks.taken(first)?;
            for kept in shelf.list(first).await? {
                self.report.blobs += 1;
                self.report.bytes += kept.size;
                if marked.binary_search(&kept.digest).is_err() {
                    self.judge(shelf, kept).await?;
                }
            }
            self.pace.rest(begun).await;
        }
        Ok(self.report)
    }

    async fn look_through_memos<S: Shelf + ?Sized>(&mut self, shelf: &S) -> Result<(), SweepError> {
        for first in 0..=u8::MAX {
            let begun = self.pace.begin();
            for memo in shelf.memos(first).await? {
                if self.forgets(shelf, &memo).await? {
                    self.report.forgotten += 1;
                } else {
                    self.report.memos += 1;
                    self.note(&memo.value)?;
                }
            }
            self.pace.rest(begun).await;
        }
        Ok(())
    }

    async fn forgets<S: Shelf + ?Sized>(&self, shelf: &S, memo: &Memo) -> Result<bool, SweepError> {
        match self.memos_since {
            Some(since) if memo.touched < since => {
                Ok(self.terms.dry_run || shelf.memo_forget(memo.key, since).await?)
            }
            _ => Ok(false),
        }
    }

    async fn judge<S: Shelf + ?Sized>(&mut self, shelf: &S, kept: Kept) -> Result<(), SweepError> {
        let Terms { most, dry_run, .. } = self.terms;
        let report = &mut self.report;
        if kept.touched >= self.since {
            report.young += 1;
        } else if report.removed >= most {
            report.left += 1;
        } else if dry_run || shelf.remove_untouched(kept.digest, self.since).await? {
            report.removed += 1;
            report.removed_bytes += kept.size;
        }
        Ok(())
    }

    async fn look_into<S: Shelf + ?Sized>(
        &mut self,
        shelf: &S,
        digest: Digest,
    ) -> Result<(), SweepError> {
        let begun = self.pace.begin();
        match read(shelf, digest).await {
            Ok(Some(bytes)) => self.note(&bytes)?,
            // What is not there refers to nothing.
            Ok(None) | Err(BlobError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.pace.rest(begun).await;
        Ok(())
    }

    fn note(&mut self, bytes: &[u8]) -> Result<(), SweepError> {
        for digest in references(bytes) {
            self.marks.note(digest)?;
        }
        Ok(())
    }
}

/// The blob, if it may refer to others.
async fn read<S: Shelf + ?Sized>(
    shelf: &S,
    digest: Digest,
) -> Result<Option<bytes::Bytes>, BlobError> {
    let kept = shelf.look(digest).await?;
    if kept.is_none_or(|kept| kept.size > FOLLOWED_BYTES) {
        return Ok(None);
    }
    let magic = shelf.peek(digest, MAGIC).await?;
    if MEDIA.iter().any(|media| magic.starts_with(media)) {
        return Ok(None);
    }
    shelf.peek(digest, FOLLOWED_BYTES).await.map(Some)
}
