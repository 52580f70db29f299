use std::path::Path;

use stratum::{LoadError, Package, Places, Registry};

/// Functions by the folders that they stand in, each with its `function.yaml`.
macro_rules! functions {
    ($($folder:literal,)+) => {
        [$(($folder, include_str!(concat!("../../functions/", $folder, "/function.yaml")))),+]
    };
}

/// The `function.yaml` of every function, by its folder below `functions`.
const FUNCTIONS: &[(&str, &str)] = &functions![
    "avc",
    "avc/survey",
    "avc/quality",
    "hevc",
    "hevc/survey",
    "hevc/quality",
    "av1",
    "av1/quality",
    "vp9",
    "vp9/survey",
    "vp9/quality",
    "vvc",
    "media/index",
    "media/split",
    "media/plan",
    "media/assemble",
];

/// The service's functions as executables of this machine, found in `places`.
///
/// # Errors
/// When a program or tool is missing; its name is in the error.
pub fn packages(places: &Places) -> Result<Registry, LoadError> {
    let mut registry = Registry::default();
    for (folder, yaml) in FUNCTIONS {
        let folder = Path::new("functions").join(folder);
        registry.add(Package::embedded(yaml, &folder, places)?)?;
    }
    Ok(registry)
}
