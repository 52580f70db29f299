//! The programs that read media, and how they are held.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use stratum_init::{Exit, Init, Limits, Output, Sandbox, Spec};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::Error;
use crate::started::Started;

/// ffmpeg, ffprobe, and `cosmos-init`, under which they run: without network, reading only the
/// source, with bounded memory.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `None` in a program that is confined itself: what holds it holds its children.
    pub init: Option<Init>,
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    /// Bytes that a tool may have resident.
    pub memory: u64,
}

const MEMORY: u64 = 4 << 30;
const OPEN_FILES: u64 = 64;

/// Longer lines are cut: no line that is read is so long.
const LONGEST_LINE: u64 = 4096;

impl Tools {
    /// `cosmos-init` beside this program, the others from `PATH`.
    ///
    /// # Errors
    /// When one of them is not found.
    pub fn locate() -> Result<Self, Error> {
        Tools::with_init(Init::locate()?)
    }

    /// This `cosmos-init`, the others from `PATH`.
    ///
    /// # Errors
    /// When one of them is not found.
    pub fn with_init(init: Init) -> Result<Self, Error> {
        Tools::held_by(Some(init))
    }

    /// For a function, which runs under `cosmos-init` already; the tools are from `PATH`.
    ///
    /// # Errors
    /// When one of them is not found.
    pub fn of_function() -> Result<Self, Error> {
        Tools::held_by(None)
    }

    fn held_by(init: Option<Init>) -> Result<Self, Error> {
        Ok(Tools {
            init,
            ffmpeg: find("ffmpeg")?,
            ffprobe: find("ffprobe")?,
            memory: MEMORY,
        })
    }

    pub(crate) async fn ffprobe(
        &self,
        source: &Path,
        args: Vec<OsString>,
    ) -> Result<Started, Error> {
        let mut spec = self.spec(&self.ffprobe, args, Sandbox::strict().read(source));
        spec.stdout = Output::Pipe;
        self.start(&spec).await
    }

    pub(crate) async fn ffmpeg(
        &self,
        source: &Path,
        output: Option<&Path>,
        args: Vec<OsString>,
    ) -> Result<Started, Error> {
        let sandbox = Sandbox::strict().read(source);
        let sandbox = output.iter().fold(sandbox, |s, path| s.write(path));
        let spec = self.spec(&self.ffmpeg, args, sandbox);
        self.start(&spec).await
    }

    async fn start(&self, spec: &Spec) -> Result<Started, Error> {
        Ok(match &self.init {
            Some(init) => Started::Held(init.spawn(spec).await?),
            None => Started::child(spec)?,
        })
    }

    fn spec(&self, tool: &Path, args: Vec<OsString>, sandbox: Sandbox) -> Spec {
        let mut spec = Spec::new(tool, args);
        spec.stderr = Output::Pipe;
        spec.sandbox = sandbox;
        spec.limits = Limits {
            memory: Some(self.memory),
            open_files: Some(OPEN_FILES),
            processes: Some(1),
            ..Limits::default()
        };
        spec
    }
}

fn find(tool: &'static str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(tool))
        .find(|path| path.is_file())
        .ok_or(Error::ToolNotFound(tool))
}

/// A path as ffmpeg's tools take it: never an option, never another protocol.
pub(crate) fn url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// The failure of a tool, unless it succeeded.
pub(crate) fn succeeded(tool: &'static str, exit: &Exit, said: String) -> Result<(), Error> {
    if exit.success() {
        return Ok(());
    }
    Err(Error::Tool {
        tool,
        exit: exit.to_string(),
        said,
    })
}

/// Hands every line to `each`, until the end or its first error.
pub(crate) async fn each_line(
    from: impl AsyncRead + Unpin,
    mut each: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        if read.map_err(Error::io("reading what a tool wrote"))? == 0 {
            return Ok(());
        }
        each(String::from_utf8_lossy(&line).trim_end())?;
    }
}

/// Everything, up to a bound beyond which the rest is dropped.
pub(crate) async fn read_all(from: impl AsyncRead + Unpin, most: u64) -> Result<Vec<u8>, Error> {
    let mut from = from;
    let mut bytes = Vec::new();
    let what = "reading what a tool wrote";
    (&mut from)
        .take(most)
        .read_to_end(&mut bytes)
        .await
        .map_err(Error::io(what))?;
    tokio::io::copy(&mut from, &mut tokio::io::sink())
        .await
        .map_err(Error::io(what))?;
    Ok(bytes)
}
