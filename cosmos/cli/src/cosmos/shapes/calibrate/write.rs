//! Files that are asked for.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use errors::Error;

use crate::explain::one_line;

/// Refuses a file that is there.
pub(super) fn is_new(file: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(file, &error)),
        Ok(_) => {
            let message = format!("{} is there already", shown(file));
            let error = Error::user("OUTPUT_EXISTS", message).at("--output");
            Err(error.hint("name a new file; nothing is overwritten"))
        }
    }
}

pub(super) fn new(file: &Path, text: &str) -> Result<(), Error> {
    let created = fs::File::create_new(file);
    let written = created.and_then(|mut created| created.write_all(text.as_bytes()));
    written.map_err(|error| unwritable(file, &error))
}

/// Each by its name below `folder`.
pub(super) fn plots(folder: &Path, plots: &[(&str, String)]) -> Result<(), Error> {
    let unwritable = |error| unwritable(folder, &error);
    fs::create_dir_all(folder).map_err(unwritable)?;
    for (name, svg) in plots {
        fs::write(folder.join(name), svg).map_err(unwritable)?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let message = format!("{} cannot be written: {error}", shown(path));
    Error::user("UNWRITABLE", message).hint("name a folder that may be written to")
}

fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}
