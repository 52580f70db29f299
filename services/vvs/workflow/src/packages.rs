use std::path::Path;

use stratum::{LoadError, Package, Places, Registry};

/// The `function.yaml` of every function, by the folder it stands in.
const FUNCTIONS: [(&str, &str); 4] = [
    (
        "functions/inspect/fingerprint",
        include_str!("../../functions/inspect/fingerprint/function.yaml"),
    ),
    (
        "functions/inspect/plan",
        include_str!("../../functions/inspect/plan/function.yaml"),
    ),
    (
        "functions/inspect/inspect",
        include_str!("../../functions/inspect/inspect/function.yaml"),
    ),
    (
        "functions/inspect/verdict",
        include_str!("../../functions/inspect/verdict/function.yaml"),
    ),
];

/// The service's functions as executables of this machine, found in `places`.
///
/// # Errors
/// When a program or tool is missing; its name is in the error.
pub fn packages(places: &Places) -> Result<Registry, LoadError> {
    let mut registry = Registry::default();
    for (folder, yaml) in FUNCTIONS {
        registry.add(Package::embedded(yaml, Path::new(folder), places)?)?;
    }
    Ok(registry)
}
