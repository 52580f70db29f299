use std::path::Path;

use stratum::{LoadError, Package, Places, Registry};

/// The `function.yaml` of every function, by the folder it stands in.
const FUNCTIONS: [(&str, &str); 15] = [
    (
        "functions/avc",
        include_str!("../../functions/avc/function.yaml"),
    ),
    (
        "functions/avc/survey",
        include_str!("../../functions/avc/survey/function.yaml"),
    ),
    (
        "functions/hevc",
        include_str!("../../functions/hevc/function.yaml"),
    ),
    (
        "functions/hevc/survey",
        include_str!("../../functions/hevc/survey/function.yaml"),
    ),
    (
        "functions/av1",
        include_str!("../../functions/av1/function.yaml"),
    ),
    (
        "functions/vp9",
        include_str!("../../functions/vp9/function.yaml"),
    ),
    (
        "functions/vp9/survey",
        include_str!("../../functions/vp9/survey/function.yaml"),
    ),
    (
        "functions/avc/quality",
        include_str!("../../functions/avc/quality/function.yaml"),
    ),
    (
        "functions/hevc/quality",
        include_str!("../../functions/hevc/quality/function.yaml"),
    ),
    (
        "functions/av1/quality",
        include_str!("../../functions/av1/quality/function.yaml"),
    ),
    (
        "functions/vp9/quality",
        include_str!("../../functions/vp9/quality/function.yaml"),
    ),
    (
        "functions/media/index",
        include_str!("../../functions/media/index/function.yaml"),
    ),
    (
        "functions/media/split",
        include_str!("../../functions/media/split/function.yaml"),
    ),
    (
        "functions/media/plan",
        include_str!("../../functions/media/plan/function.yaml"),
    ),
    (
        "functions/media/assemble",
        include_str!("../../functions/media/assemble/function.yaml"),
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
