//! Packages among the blobs.

use std::fs;

use blob::{BlobRef, Blobs, Digest, StagedFile};
use errors::Error;
use stratum::{Function, Manifest, Package, limits};

/// Keeps what a host needs to run a package. A version that refers to it must be published soon.
///
/// # Errors
/// `BLOBS_FAILED`.
pub async fn keep(blobs: &Blobs, package: &Package) -> Result<(), Error> {
    let home = blobs.home();
    if package.manifest.program.is_some() {
        let folder = home.staging("publish").await.map_err(|e| failed(&e))?;
        let path = folder.join("program");
        let copied = fs::copy(&package.program, &path);
        copied.map_err(|error| failed(&error))?;
        let staged = StagedFile {
            path,
            content_type: "application/octet-stream".into(),
        };
        let program = home.publish(staged).await.map_err(|e| failed(&e))?;
        home.discard(&folder).await.map_err(|e| failed(&e))?;
        check_same(package, program.digest)?;
    }
    let manifest = package.manifest.to_string();
    let put = home.put(manifest.into(), "text/plain").await;
    put.map(drop).map_err(|error| failed(&error))
}

/// Somebody may write the program while it is published.
fn check_same(package: &Package, copied: Digest) -> Result<(), Error> {
    match package.manifest.program == Some(copied) {
        true => Ok(()),
        false => {
            let message = format!("{} changed meanwhile", package.program.display());
            Err(Error::user("PROGRAM_CHANGED", message).hint("publish it again"))
        }
    }
}

/// The function that is kept whole as a version of this digest; it is as young as a new one then.
///
/// # Errors
/// `VERSION_NOT_KEPT` when a part is not there, `BLOBS_FAILED`.
pub async fn kept(blobs: &Blobs, version: Digest) -> Result<Function, Error> {
    let missing = |what: &str| {
        let message = format!("the {what} of {version} is not among the installation's blobs");
        Error::user("VERSION_NOT_KEPT", message)
            .at("digest")
            .hint("publish it with `cosmos function publish`, on a host with the same blobs")
    };
    let home = blobs.home();
    let blob = touched(blobs, version).await?;
    let blob = blob.ok_or_else(|| missing("manifest"))?;
    let bytes = home.get(&blob, limits::MANIFEST).await;
    let bytes = bytes.map_err(|error| failed(&error))?;
    let not_one = |why: &dyn std::fmt::Display| {
        Error::user("NOT_A_VERSION", format!("{version}: {why}")).at("digest")
    };
    let manifest = Manifest::parse(&String::from_utf8_lossy(&bytes));
    let manifest = manifest.map_err(|error| not_one(&error))?;
    if let Some(program) = manifest.program {
        let program = touched(blobs, program).await?;
        program.ok_or_else(|| missing("program"))?;
    }
    Function::from_yaml(&manifest.declaration).map_err(|error| not_one(&error))
}

async fn touched(blobs: &Blobs, digest: Digest) -> Result<Option<BlobRef>, Error> {
    let home = blobs.home();
    let kept = home.look(digest).await.map_err(|error| failed(&error))?;
    let Some(kept) = kept else { return Ok(None) };
    let blob = BlobRef {
        store: home.name().to_owned(),
        digest,
        size: kept.size,
        content_type: String::new(),
    };
    let is_there = home.touch(&blob).await.map_err(|error| failed(&error))?;
    Ok(is_there.then_some(blob))
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::platform("BLOBS_FAILED", error.to_string())
}
