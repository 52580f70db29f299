//! The functions that this installation's services bring.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use stratum::{LoadError, Registry};

use crate::services::{self, Services};
use crate::{Config, outside};

/// The functions of the services that are built in.
///
/// # Errors
/// When a program or a tool of one is missing.
pub fn built_in() -> Result<Registry> {
    registry(services::ALL).context("cannot find the functions")
}

/// The functions of the services that `config` names.
///
/// # Errors
/// When a service or one of its functions cannot be loaded.
pub fn of_services(config: &Config) -> Result<Registry> {
    let mut all = Registry::default();
    for service in outside::declared(services::ALL, config)? {
        all.append(service.packages()?)?;
    }
    Ok(all)
}

/// The functions of every service, as executables of this machine.
pub(crate) fn registry(services: Services) -> Result<Registry, LoadError> {
    let mut registry = Registry::default();
    for service in services {
        registry.append(service.packages()?)?;
    }
    Ok(registry)
}

/// Digest of each function's package, by name, so that a request is pinned to what is
/// installed now.
pub(crate) fn digests(registry: &Registry) -> BTreeMap<String, String> {
    let package = |package: &std::sync::Arc<stratum::Package>| {
        (
            package.function.name.to_string(),
            package.digest.to_string(),
        )
    };
    registry.packages().map(package).collect()
}
