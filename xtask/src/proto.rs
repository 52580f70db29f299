//! The contracts: style, growth without breakage, generated code up to date.

mod breaking;
mod compile;
mod drift;
mod element;
mod lint;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use protox::prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorSet;

use crate::law::Breach;

/// The contracts of the last release, as a descriptor set.
const BASELINE: &str = "proto/baseline.binpb";

const NO_BASELINE: &str = "the released contracts are on record; `cargo xtask law --accept-proto` records the present ones";

/// Every breach of the laws of the contracts.
pub fn check() -> Result<Vec<Breach>> {
    let roots = compile::roots()?;
    let present = compile::all(&roots)?;
    let mut breaches = lint::check(&present);
    breaches.extend(growth(&present)?);
    let all = [roots, vec![compile::foreign()]].concat();
    breaches.extend(drift::check(&all)?);
    Ok(breaches)
}

/// Takes the present contracts as the released ones.
pub fn accept() -> Result<()> {
    let mut present = compile::all(&compile::roots()?)?;
    present
        .file
        .iter_mut()
        .for_each(|file| file.source_code_info = None);
    fs::write(BASELINE, present.encode_to_vec()).context(BASELINE)
}

fn growth(present: &FileDescriptorSet) -> Result<Vec<Breach>> {
    if !Path::new(BASELINE).exists() {
        return Ok(vec![Breach::new(BASELINE, NO_BASELINE)]);
    }
    let released = FileDescriptorSet::decode(fs::read(BASELINE)?.as_slice()).context(BASELINE)?;
    Ok(breaking::check(&released, present))
}
