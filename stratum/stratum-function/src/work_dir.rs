use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use errors::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A function's working directory: `params.json`, `input/` and `output/`.
#[derive(Clone, Debug)]
pub struct WorkDir(PathBuf);

impl WorkDir {
    /// The directory at `path`, which may be ".".
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Path of something to read.
    pub fn input(&self, name: &str) -> PathBuf {
        self.0.join("input").join(name)
    }

    /// Path of something to publish.
    pub fn output(&self, name: &str) -> PathBuf {
        self.0.join("output").join(name)
    }

    /// Where files lie that are nobody else's; it may not be there yet.
    pub fn scratch(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// Makes sure that `output/` is there.
    pub fn create_output(&self) -> Result<(), Error> {
        let path = self.0.join("output");
        fs::create_dir_all(&path).map_err(|e| io("creating", &path, &e))
    }

    /// The parameters.
    pub fn params<P: DeserializeOwned>(&self) -> Result<P, Error> {
        self.read_json(&self.0.join("params.json"))
    }

    /// A JSON file; class platform when it is missing or malformed, for the platform brought it.
    pub fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<T, Error> {
        let file = File::open(path).map_err(|e| io("reading", path, &e))?;
        serde_json::from_reader(BufReader::new(file)).map_err(|e| {
            Error::platform(
                "MALFORMED_INPUT",
                format!("{} is malformed: {e}", path.display()),
            )
        })
    }

    /// Writes a JSON file below `output/`.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let mut file = self.create(name)?;
        let path = self.output(name);
        serde_json::to_writer(&mut file, value).map_err(|e| io("writing", &path, &e.into()))?;
        file.flush().map_err(|e| io("writing", &path, &e))
    }

    /// Creates a file below `output/`, which must be there.
    pub fn create(&self, name: &str) -> Result<BufWriter<File>, Error> {
        let path = self.output(name);
        let file = File::create(&path).map_err(|e| io("creating", &path, &e))?;
        Ok(BufWriter::new(file))
    }
}

/// An input or output that failed: the platform's.
pub fn io(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::platform("IO", format!("{doing} {} failed: {error}", path.display()))
}
