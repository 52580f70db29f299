//! The laws of the house, each a function from the workspace to its breaches.

mod dependency;
mod direction;
mod engines;
mod library;
mod manifest;
mod map;
mod workspace;

use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::proto;
use workspace::Workspace;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// What to rewrite instead of refusing.
#[derive(Clone, Copy)]
pub struct Options {
    /// The map in ARCHITECTURE.md.
    pub fix: bool,
    /// The record of the released contracts.
    pub accept_proto: bool,
}

/// One place where a law is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The crate, edge or file.
    pub place: String,
    /// The sentence of the law.
    pub law: String,
}

impl Breach {
    /// A breach of `law` at `place`.
    pub fn new(place: impl Into<String>, law: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            law: law.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.law)
    }
}

/// Checks every law; fails when one is broken.
pub fn run(options: Options) -> Result<()> {
    let workspace = Workspace::load()?;
    if options.fix {
        redraw_map(&workspace)?;
    }
    if options.accept_proto {
        proto::accept()?;
    }
    let mut breaches = breaches(&workspace, &architecture()?);
    breaches.extend(proto::check()?);
    report(&breaches, workspace.crates.len())
}

fn breaches(workspace: &Workspace, architecture: &str) -> Vec<Breach> {
    let mut found = direction::check(workspace);
    found.extend(engines::check(workspace));
    found.extend(manifest::check(workspace));
    found.extend(dependency::check(workspace));
    found.extend(map::check(workspace, architecture));
    found.extend(library::check(workspace, architecture));
    found
}

fn architecture() -> Result<String> {
    fs::read_to_string(ARCHITECTURE).context(ARCHITECTURE)
}

fn redraw_map(workspace: &Workspace) -> Result<()> {
    let text = map::redraw(workspace, &architecture()?).context(map::NO_MARKERS)?;
    fs::write(ARCHITECTURE, text).context(ARCHITECTURE)
}

fn report(breaches: &[Breach], crates: usize) -> Result<()> {
    if breaches.is_empty() {
        println!("law: {crates} crates and every contract keep the laws");
        return Ok(());
    }
    for breach in breaches {
        eprintln!("law: {breach}");
    }
    bail!("{} breach(es) of the law", breaches.len())
}
