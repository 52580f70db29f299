//! The arguments of `cosmos function publish`, `promote`, `rollback`, `versions` and `remove`.

use std::path::PathBuf;

use clap::Args;

use crate::cosmos::workflow::args::ServerArgs;

/// Settings of `cosmos function publish`.
#[derive(Debug, Args)]
#[command(after_help = PUBLISH)]
pub(crate) struct PublishArgs {
    /// Folder with a function.yaml, or the name of an installed function
    pub function: String,

    /// Channel that shall name the version; left out, none does until `promote`
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,

    /// Of 100 workflows that name no channel, how many get it; with `--channel canary`
    #[arg(long, value_name = "N", default_value_t = 0, requires = "channel")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100))]
    pub percent: u32,

    /// Folder of a service whose functions may be named; may be given several times
    #[arg(long = "service", value_name = "FOLDER")]
    pub services: Vec<PathBuf>,

    #[command(flatten)]
    pub server: ServerArgs,
}

const PUBLISH: &str = "\
Examples:
  cosmos function publish functions/poster
  cosmos function publish functions/poster --channel canary --percent 10

A version is the digest of declaration, program and tools, or of the declaration of an image. It is
kept among the installation's blobs, so this runs where `blobs` of the configuration leads to them.
Nothing is restarted: work that has begun keeps the versions that it began with, and hosts fetch a
version when the first work comes that wants it. The function must be installed on the hosts in some
version, and they must have the same tools.

JSON, one document, as of `versions`";

/// Settings of `cosmos function promote`.
#[derive(Debug, Args)]
#[command(after_help = PROMOTE)]
pub(crate) struct PromoteArgs {
    /// Name of the function
    pub function: String,

    /// What function.yaml calls the version, or the beginning of its digest
    pub version: String,

    /// Channel that shall name it
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub channel: String,

    /// Of 100 workflows that name no channel, how many get it; with `--channel canary`
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100))]
    pub percent: u32,

    #[command(flatten)]
    pub server: ServerArgs,
}

const PROMOTE: &str = "\
Examples:
  cosmos function promote poster 1.1.0 --channel canary --percent 10
  cosmos function promote poster 1.1.0

Work that names no channel gets what `stable` names, a part of it what `canary` names. Which part is
settled by the id of the workflow, so functions that are tried together come together. Without
`stable` it gets what is installed where the API is served.

JSON, one document, as of `versions`";

/// Settings of `cosmos function rollback`.
#[derive(Debug, Args)]
#[command(after_help = ROLLBACK)]
pub(crate) struct RollbackArgs {
    /// Name of the function
    pub function: String,

    /// Channel that shall name what it named before
    #[arg(long, value_name = "NAME", default_value = "stable")]
    pub channel: String,

    #[command(flatten)]
    pub server: ServerArgs,
}

const ROLLBACK: &str = "\
Examples:
  cosmos function rollback poster
  cosmos function rollback poster --channel canary

A channel that named nothing before is gone then. Work that has begun is not rolled back.

JSON, one document, as of `versions`";

/// Settings of `cosmos function versions`.
#[derive(Debug, Args)]
#[command(after_help = VERSIONS)]
pub(crate) struct VersionsArgs {
    /// Name of one function [default: all that have versions]
    pub function: Option<String>,

    #[command(flatten)]
    pub server: ServerArgs,
}

const VERSIONS: &str = "\
Examples:
  cosmos function versions
  cosmos function versions poster --json | jq -r '.versions[].digest'

JSON, an object a line:
  function, versions: [{digest, version, published_at_unix_ms}], oldest first,
  channels: [{channel, digest, percent, earlier: how many rollbacks there are to make}]";

/// Settings of `cosmos function remove`.
#[derive(Debug, Args)]
#[command(after_help = REMOVE)]
pub(crate) struct RemoveArgs {
    /// Name of the function
    pub function: String,

    /// What function.yaml calls the version, or the beginning of its digest
    pub version: String,

    #[command(flatten)]
    pub server: ServerArgs,
}

const REMOVE: &str = "\
Examples:
  cosmos function remove poster 1.0.0

No channel may name it. Work that is pinned to it keeps it: its bytes go when no workflow that is
remembered refers to them any more.

JSON, one document, as of `versions`";
