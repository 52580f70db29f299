//! What is referred to: digests in 256 buckets by their first byte, in memory as long as there
//! are few, in files when there are many.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};

use blob::Digest;

use crate::limits::RECENT;

const DIGEST: usize = 32;

/// The marks of a pass.
#[derive(Debug)]
pub(crate) struct Marks {
    buckets: Vec<Bucket>,
    recent: HashSet<Digest>,
    /// Digests in memory.
    held: usize,
    most: usize,
    folder: PathBuf,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    /// Noted since the bucket was last taken, in any order.
    noted: Vec<Digest>,
    /// Taken before, in order.
    taken: Vec<Digest>,
    /// Whether there are more of each in files.
    spilled: bool,
}

impl Marks {
    /// None yet. At most about `most` are held in memory; the others go to `folder`.
    pub(crate) fn new(folder: PathBuf, most: usize) -> Self {
        Self {
            buckets: vec![Bucket::default(); 256],
            recent: HashSet::new(),
            held: 0,
            most,
            folder,
        }
    }

    /// Marks a digest.
    pub(crate) fn note(&mut self, digest: Digest) -> io::Result<()> {
        if !self.recent.insert(digest) {
            return Ok(());
        }
        if self.recent.len() > RECENT {
            self.recent.clear();
        }
        self.buckets[usize::from(first(digest))].noted.push(digest);
        self.held += 1;
        match self.held > self.most {
            true => self.spill(),
            false => Ok(()),
        }
    }

    /// Those of a bucket that were not taken before, each once.
    pub(crate) fn take_new(&mut self, first: u8) -> io::Result<Vec<Digest>> {
        let bucket = &mut self.buckets[usize::from(first)];
        let held = bucket.noted.len() + bucket.taken.len();
        let (mut noted, mut taken) = (mem::take(&mut bucket.noted), mem::take(&mut bucket.taken));
        let spilled = bucket.spilled;
        if spilled {
            noted.extend(read(&self.noted_file(first))?);
            taken.extend(read(&self.taken_file(first))?);
            taken.sort_unstable();
        }
        noted.sort_unstable();
        noted.dedup();
        noted.retain(|digest| taken.binary_search(digest).is_err());
        taken.extend(&noted);
        taken.sort_unstable();
        if spilled {
            fs::write(self.taken_file(first), bytes_of(&taken))?;
            fs::write(self.noted_file(first), [])?;
            self.held -= held;
        } else {
            self.held = self.held - held + taken.len();
            self.buckets[usize::from(first)].taken = taken;
        }
        Ok(noted)
    }

    /// All that were taken from a bucket, in order.
    pub(crate) fn taken(&self, first: u8) -> io::Result<Vec<Digest>> {
        let bucket = &self.buckets[usize::from(first)];
        let mut taken = bucket.taken.clone();
        if bucket.spilled {
            taken.extend(read(&self.taken_file(first))?);
            taken.sort_unstable();
        }
        Ok(taken)
    }

    /// Writes all that is held to files.
    fn spill(&mut self) -> io::Result<()> {
        for first in 0..=u8::MAX {
            let bucket = &mut self.buckets[usize::from(first)];
            if bucket.noted.is_empty() && bucket.taken.is_empty() {
                continue;
            }
            bucket.spilled = true;
            let (mut noted, taken) = (mem::take(&mut bucket.noted), mem::take(&mut bucket.taken));
            noted.sort_unstable();
            noted.dedup();
            append(&self.noted_file(first), &noted)?;
            append(&self.taken_file(first), &taken)?;
        }
        self.held = 0;
        Ok(())
    }

    fn noted_file(&self, first: u8) -> PathBuf {
        self.folder.join(format!("{first:02x}.noted"))
    }

    fn taken_file(&self, first: u8) -> PathBuf {
        self.folder.join(format!("{first:02x}.taken"))
    }
}

fn first(digest: Digest) -> u8 {
    digest.to_bytes()[0]
}

fn bytes_of(digests: &[Digest]) -> Vec<u8> {
    digests
        .iter()
        .flat_map(|digest| digest.to_bytes())
        .collect()
}

fn append(path: &Path, digests: &[Digest]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&bytes_of(digests))
}

fn read(path: &Path) -> io::Result<Vec<Digest>> {
    let bytes = fs::read(path)?;
    let (digests, _) = bytes.as_chunks::<DIGEST>();
    Ok(digests.iter().copied().map(Digest::from_bytes).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn digest(n: u16) -> Digest {
        // Few buckets, so that each is used often.
        let mut bytes = [0; DIGEST];
        bytes[0] = (n % 3) as u8;
        bytes[1..3].copy_from_slice(&n.to_be_bytes());
        Digest::from_bytes(bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn each_is_taken_once_wherever_it_lies(
            steps in prop::collection::vec((prop::option::weighted(0.8, 0_u16..40), 0_u8..3), 0..120),
            most in 1_usize..60,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut marks = Marks::new(folder.path().to_owned(), most);
            let (mut noted, mut taken) = (BTreeSet::new(), BTreeSet::new());
            for (note, bucket) in steps {
                if let Some(n) = note {
                    marks.note(digest(n)).unwrap();
                    noted.insert(digest(n));
                    prop_assert!(marks.held <= most);
                    continue;
                }
                let new = marks.take_new(bucket).unwrap();
                let of_bucket = noted.iter().filter(|d| first(**d) == bucket);
                let expected: Vec<_> = of_bucket.filter(|d| !taken.contains(*d)).copied().collect();
                prop_assert_eq!(&new, &expected);
                taken.extend(new);
                let all: Vec<_> = taken.iter().filter(|d| first(**d) == bucket).copied().collect();
                prop_assert_eq!(marks.taken(bucket).unwrap(), all);
            }
        }
    }
}
