//! Finding the `cosmos-init` program.

use std::env;
use std::path::{Path, PathBuf};

use crate::Error;

const NAME: &str = "cosmos-init";
const VARIABLE: &str = "COSMOS_INIT";

/// The `cosmos-init` program, from which commands are spawned.
#[derive(Debug, Clone)]
pub struct Init {
    pub(crate) path: PathBuf,
}

impl Init {
    /// The program at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Init { path: path.into() }
    }

    /// The program named by `COSMOS_INIT`, else the one beside this executable, else beside its
    /// parent directory (where cargo puts it for tests).
    ///
    /// # Errors
    /// [`Error::InitNotFound`] when none of them is a file.
    pub fn locate() -> Result<Self, Error> {
        if let Some(named) = env::var_os(VARIABLE) {
            return Ok(Init::at(named));
        }
        let me = env::current_exe()?;
        let found = candidates(&me).find(|path| path.is_file());
        found
            .map(Init::at)
            .ok_or(Error::InitNotFound { looked_beside: me })
    }

    /// Where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn candidates(executable: &Path) -> impl Iterator<Item = PathBuf> {
    executable
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(NAME))
}
