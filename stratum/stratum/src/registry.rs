use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::package::io_error;
use crate::{FunctionName, LoadError, Package, Places};

/// The functions that a host can run, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<FunctionName, Arc<Package>>);

impl Registry {
    /// Adds a package.
    ///
    /// # Errors
    /// [`LoadError::Twice`].
    pub fn add(&mut self, package: Package) -> Result<(), LoadError> {
        let name = package.function.name.clone();
        match self.0.insert(name.clone(), Arc::new(package)) {
            Some(_) => Err(LoadError::Twice(name)),
            None => Ok(()),
        }
    }

    /// Adds every package of another registry.
    ///
    /// # Errors
    /// [`LoadError::Twice`].
    pub fn append(&mut self, other: Self) -> Result<(), LoadError> {
        for (name, package) in other.0 {
            if self.0.insert(name.clone(), package).is_some() {
                return Err(LoadError::Twice(name));
            }
        }
        Ok(())
    }

    /// Adds every directory below `directory` that has a `function.yaml`.
    ///
    /// # Errors
    /// When the directory cannot be read or one of its functions cannot be loaded.
    pub fn load(&mut self, directory: &Path, places: &Places) -> Result<(), LoadError> {
        for entry in fs::read_dir(directory).map_err(io_error(directory))? {
            let path = entry.map_err(io_error(directory))?.path();
            if path.join("function.yaml").is_file() {
                self.add(Package::load(&path, places)?)?;
            }
        }
        Ok(())
    }

    /// The function of this name.
    pub fn get(&self, name: &FunctionName) -> Option<&Arc<Package>> {
        self.0.get(name)
    }

    /// Every function, by name.
    pub fn packages(&self) -> impl Iterator<Item = &Arc<Package>> {
        self.0.values()
    }
}
