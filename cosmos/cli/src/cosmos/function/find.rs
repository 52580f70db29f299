//! Which function is meant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon::{Config, functions};
use errors::Error;
use stratum::{FunctionName, Package, Places, Registry};

use crate::cosmos::VALID_CONFIG;
use crate::explain::one_line;

/// A function, and the functions among which it was found.
pub(in crate::cosmos) struct Found {
    pub package: Arc<Package>,
    pub registry: Registry,
}

/// The function in the folder of this name, else the installed one.
pub(in crate::cosmos) fn find(
    function: &str,
    config: Option<&Path>,
    services: &[PathBuf],
) -> Result<Found, Error> {
    let folder = Path::new(function);
    if function.contains('/') || folder.join("function.yaml").is_file() {
        return in_folder(folder);
    }
    let name = FunctionName::new(function).map_err(|error| unknown(&error.to_string()))?;
    let config = configuration(config, services)?;
    let of_services = functions::of_services(&config).map_err(unusable)?;
    if let Some(package) = of_services.get(&name).cloned() {
        let registry = of_services;
        return Ok(Found { package, registry });
    }
    let registry = functions::built_in().map_err(unusable)?;
    let package = registry.get(&name).cloned();
    let package = package.ok_or_else(|| unknown(&missing(&name, [&of_services, &registry])))?;
    Ok(Found { package, registry })
}

/// The configuration, with more services.
pub(in crate::cosmos) fn configuration(
    config: Option<&Path>,
    services: &[PathBuf],
) -> Result<Config, Error> {
    let read = config
        .map(Config::read)
        .unwrap_or_else(|| Ok(Config::default()));
    let mut config = read.map_err(|why| {
        Error::user("CONFIG_UNUSABLE", format!("{why:#}"))
            .at("--config")
            .hint(VALID_CONFIG)
    })?;
    config.services.extend_from_slice(services);
    Ok(config)
}

pub(in crate::cosmos) fn unusable(why: impl Into<anyhow::Error>) -> Error {
    Error::user("FUNCTIONS_UNUSABLE", one_line(&format!("{:#}", why.into())))
}

fn in_folder(folder: &Path) -> Result<Found, Error> {
    let unusable = |why: stratum::LoadError| {
        Error::user("FUNCTION_UNUSABLE", one_line(&why.to_string()))
            .at("FUNCTION")
            .hint("name a folder with a function.yaml and its program, which may be executed")
    };
    let package = Package::load(folder, &Places::default()).map_err(unusable)?;
    let name = package.function.name.clone();
    let mut registry = Registry::default();
    registry.add(package).map_err(unusable)?;
    let package = registry.get(&name).cloned();
    let package = package.ok_or_else(|| unknown(&missing(&name, [&registry])))?;
    Ok(Found { package, registry })
}

fn missing<'a>(name: &FunctionName, registries: impl IntoIterator<Item = &'a Registry>) -> String {
    let known = registries.into_iter().flat_map(Registry::packages);
    let known: Vec<_> = known
        .map(|package| package.function.name.as_str())
        .collect();
    format!(
        "no function is named `{name}`; there are {}",
        known.join(", ")
    )
}

fn unknown(why: &str) -> Error {
    Error::user("NO_SUCH_FUNCTION", one_line(why))
        .at("FUNCTION")
        .hint("name a folder with a function.yaml, or --service FOLDER")
}
