//! Clips on disk: made once, shared by parallel tests.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::clip::{Recipe, joined_part, words};
use crate::{Clip, run};

const CACHE: &str = "COSMOS_CORPUS";
const MEDIA: &str = "COSMOS_MEDIA";

/// The clip's file, made now if it was not yet. Kept below `COSMOS_CORPUS`, else the build's
/// target directory, under a name with the digest of its recipe.
///
/// # Errors
/// When ffmpeg is missing or fails, or the disk is full.
pub fn clip(clip: Clip) -> Result<PathBuf> {
    let directory = directory()?;
    let name = format!(
        "{}-{}.{}",
        clip.name(),
        &digest(clip)[..12],
        clip.extension()
    );
    let path = directory.join(name);
    if !path.exists() {
        make(clip, &directory, &path).with_context(|| format!("cannot make the clip {clip:?}"))?;
    }
    Ok(path)
}

/// A real video file of that name below `COSMOS_MEDIA`, if there is one.
#[must_use]
pub fn media(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(MEDIA)?).join(name);
    path.is_file().then_some(path)
}

/// The folder of the clips, made now if it was not yet: absolute and plain, since a source is
/// named by a URI that has to be.
fn directory() -> Result<PathBuf> {
    let named = std::env::var_os(CACHE).map(PathBuf::from);
    let directory = named.unwrap_or_else(|| target_directory().join("corpus"));
    let made = fs::create_dir_all(&directory).and_then(|()| directory.canonicalize());
    made.with_context(|| format!("cannot make {directory:?}"))
}

/// Where cargo builds: this test runs from below it.
pub(crate) fn target_directory() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(named) => workspace.join(named),
        None => workspace.join("target"),
    }
}

/// Whoever is second replaces the same bytes with the same bytes.
fn make(clip: Clip, directory: &Path, path: &Path) -> Result<()> {
    let temporary = tempfile::Builder::new()
        .prefix(&clip.name())
        .suffix(&format!(".{}", clip.extension()))
        .tempfile_in(directory)?
        .into_temp_path();
    write(clip, &temporary)?;
    temporary.persist(path)?;
    Ok(())
}

fn write(clip: Clip, to: &Path) -> Result<()> {
    match clip.recipe() {
        Recipe::Ffmpeg(args) => ffmpeg(&args, to),
        Recipe::From(source, before, after) => {
            let source = self::clip(source)?.display().to_string();
            let mut args = words(before);
            args.extend(["-i".to_owned(), source]);
            args.extend(words(after));
            ffmpeg(&args, to)
        }
        Recipe::Head(source, percent) => {
            let bytes = fs::read(self::clip(source)?)?;
            let kept = bytes.len() as u64 * percent / 100;
            fs::write(to, &bytes[..kept as usize])?;
            Ok(())
        }
        Recipe::Joined(sizes) => {
            let mut file = File::create(to)?;
            for size in sizes {
                let part = tempfile::NamedTempFile::new()?;
                ffmpeg(&joined_part(size), part.path())?;
                file.write_all(&fs::read(part.path())?)?;
            }
            Ok(())
        }
    }
}

fn ffmpeg(args: &[String], to: &Path) -> Result<()> {
    let fixed = ["-nostdin", "-v", "error", "-y"].map(String::from);
    let to = to.display().to_string();
    run("ffmpeg", fixed.iter().chain(args).chain([&to])).map(drop)
}

fn digest(clip: Clip) -> String {
    hex::encode(Sha256::digest(describe(clip)))
}

/// All that makes the clip what it is, as text.
fn describe(clip: Clip) -> String {
    match clip.recipe() {
        Recipe::Ffmpeg(args) => args.join(" "),
        Recipe::From(source, before, after) => {
            format!(
                "{before} ({}) {after} {}",
                describe(source),
                clip.extension()
            )
        }
        Recipe::Head(source, percent) => format!("{percent}% of ({})", describe(source)),
        Recipe::Joined(sizes) => sizes
            .iter()
            .map(|size| joined_part(size).join(" "))
            .collect(),
    }
}
