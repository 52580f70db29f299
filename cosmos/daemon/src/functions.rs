//! The functions that this installation's services bring.

use std::collections::BTreeMap;

use stratum::{LoadError, Registry};

use crate::services::Services;

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
