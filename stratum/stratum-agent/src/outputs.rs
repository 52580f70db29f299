//! What a function left below `output/`, checked and published.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use blob::{NamedBlob, StagedFile, Value, list};
use bytes::Bytes;
use errors::Error;
use serde_json::value::RawValue;
use stratum::{FileName, Shape, limits};

use crate::context::Context;
use crate::work_dir::{self, WorkDir};

const RESULT: &str = "result.json";
const ELEMENTS: &str = "elements.ndjson";
const ERROR: &str = "error.json";

/// Publishes every file and reads the result.
pub(crate) async fn publish(
    context: &Context,
    dir: &WorkDir,
    shape: &Shape,
) -> Result<Value, Error> {
    let mut files = Vec::new();
    find(&dir.output(), "", &mut files)?;
    check_size(&files, shape)?;
    let mut value = Value::inline(result(&dir.output())?);
    if let Some(elements) = elements(&dir.output().join(ELEMENTS))? {
        let written = list::write(context.blobs.home(), &elements).await;
        value.list = Some(written.map_err(|error| work_dir::staging(&error))?);
    }
    for file in files {
        value.blobs.push(publish_one(context, file).await?);
    }
    Ok(value)
}

/// The function's own account of its failure, at most [`limits::ERROR_JSON`] bytes of it.
pub(crate) fn error_json(dir: &WorkDir) -> Option<Vec<u8>> {
    let path = dir.output().join(ERROR);
    let metadata = path.symlink_metadata().ok()?;
    let fits = metadata.is_file() && metadata.len() <= limits::ERROR_JSON;
    fits.then(|| fs::read(&path).ok())?
}

struct File {
    name: String,
    path: PathBuf,
    size: u64,
}

/// All files to be published, in the order of their names. `prefix` is the
/// directory's own name with a slash.
fn find(directory: &Path, prefix: &str, found: &mut Vec<File>) -> Result<(), Error> {
    let unreadable = |error: std::io::Error| work_dir::io("list", directory, &error);
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = name(prefix, &entry)?;
        let metadata = entry.path().symlink_metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            find(&entry.path(), &format!("{name}/"), found)?;
        } else if !metadata.is_file() {
            let message = format!("output/{name} is neither a file nor a directory");
            return Err(Error::function("OUTPUT_NOT_A_FILE", message));
        } else if !matches!(&*name, RESULT | ELEMENTS | ERROR) {
            let (path, size) = (entry.path(), metadata.len());
            found.push(File { name, path, size });
        }
        if found.len() > limits::OUTPUTS {
            let message = format!("more than {} files are below output/", limits::OUTPUTS);
            return Err(Error::function("TOO_MANY_OUTPUTS", message));
        }
    }
    Ok(())
}

fn name(prefix: &str, entry: &fs::DirEntry) -> Result<String, Error> {
    let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
    let valid = entry.file_name().to_str().is_some() && FileName::new(&name).is_ok();
    valid.then(|| name.clone()).ok_or_else(|| {
        let name = crate::text::line(&name, 200);
        Error::function(
            "OUTPUT_NAME",
            format!("`{name}` cannot be the name of an output"),
        )
    })
}

fn check_size(files: &[File], shape: &Shape) -> Result<(), Error> {
    let size: u64 = files.iter().map(|file| file.size).sum();
    match shape.disk() {
        Some(disk) if size > disk => {
            let message = format!(
                "the outputs are {size} bytes; shape `{}` allows {disk}",
                shape.group
            );
            Err(Error::function("OUTPUT_TOO_LARGE", message))
        }
        _ => Ok(()),
    }
}

/// No result is an empty object: a function may be nothing but an encoder.
fn result(output: &Path) -> Result<Bytes, Error> {
    let path = output.join(RESULT);
    let Some(json) = read_bounded(&path, limits::RESULT)? else {
        return Ok(Bytes::from_static(b"{}"));
    };
    let json: &RawValue = serde_json::from_slice(&json).map_err(|error| {
        Error::function(
            "RESULT_NOT_JSON",
            format!("output/{RESULT} is not JSON: {error}"),
        )
    })?;
    Ok(Bytes::copy_from_slice(json.get().as_bytes()))
}

fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(None);
    };
    if !metadata.is_file() || metadata.len() > limit {
        let message = format!(
            "output/{RESULT} is {} bytes; at most {limit} are allowed",
            metadata.len()
        );
        let hint = "leave what is larger in a file of its own below output/";
        return Err(Error::function("RESULT_TOO_LARGE", message).hint(hint));
    }
    let bytes = fs::read(path).map_err(|error| work_dir::io("read", path, &error))?;
    Ok(Some(bytes))
}

/// One element per line; `None` when the function lists none.
fn elements(path: &Path) -> Result<Option<Vec<Value>>, Error> {
    let Ok(file) = fs::File::open(path) else {
        return Ok(None);
    };
    let mut lines = BufReader::new(file);
    let mut elements = Vec::new();
    while let Some(line) = next_line(&mut lines, path)? {
        let element = element(&line, elements.len() + 1)?;
        elements.push(element);
        if elements.len() > limits::ELEMENTS {
            let message = format!("output/{ELEMENTS} has more than {} lines", limits::ELEMENTS);
            return Err(Error::function("TOO_MANY_ELEMENTS", message));
        }
    }
    Ok(Some(elements))
}

/// At most one byte more than an element may have.
fn next_line(lines: &mut impl BufRead, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut line = Vec::new();
    let mut bounded = lines.take(limits::ELEMENT as u64 + 2);
    let read = bounded.read_until(b'\n', &mut line);
    read.map_err(|error| work_dir::io("read", path, &error))?;
    let ended = line.pop_if(|last| *last == b'\n').is_some();
    Ok((ended || !line.is_empty()).then_some(line))
}

fn element(line: &[u8], number: usize) -> Result<Value, Error> {
    let wrong = |problem: String| {
        Error::function(
            "ELEMENT_INVALID",
            format!("output/{ELEMENTS}, line {number}: {problem}"),
        )
    };
    if line.len() > limits::ELEMENT {
        return Err(wrong(format!("longer than {} bytes", limits::ELEMENT)));
    }
    let object: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(line);
    object.map_err(|error| wrong(format!("not a JSON object: {error}")))?;
    Ok(Value::inline(line.to_vec()))
}

async fn publish_one(context: &Context, file: File) -> Result<NamedBlob, Error> {
    let staged = StagedFile {
        content_type: content_type(&file.name).to_owned(),
        path: file.path,
    };
    let published = context.blobs.home().publish(staged).await;
    Ok(NamedBlob {
        name: file.name,
        blob: published.map_err(|error| work_dir::staging(&error))?,
    })
}

fn content_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("json") => "application/json",
        Some("264") => "video/h264",
        Some("mp4") => "video/mp4",
        Some("txt" | "log") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        (directory, path)
    }

    #[test]
    fn results_are_bounded_json() {
        for (content, expected) in [
            (&b" {\"a\": 1.0} \n"[..], Ok("{\"a\": 1.0}")),
            (b"{", Err("RESULT_NOT_JSON")),
            (b"{} {}", Err("RESULT_NOT_JSON")),
            (b"\xff", Err("RESULT_NOT_JSON")),
            (&[b' '; 20_000], Err("RESULT_TOO_LARGE")),
        ] {
            let (directory, _) = written(RESULT, content);
            let result = result(directory.path());
            let result = result.as_ref().map(|json| str::from_utf8(json).unwrap());
            assert_eq!(result.map_err(|error| &*error.code), expected);
        }
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(result(empty.path()).unwrap(), "{}");
    }

    #[test]
    fn elements_are_one_object_a_line() {
        let (_directory, path) = written(ELEMENTS, b"{\"i\":0}\n{\"i\":1}");
        let read = elements(&path).unwrap().unwrap();
        assert_eq!(
            read,
            [Value::inline("{\"i\":0}"), Value::inline("{\"i\":1}")]
        );
        let (_directory, path) = written(ELEMENTS, b"");
        assert_eq!(elements(&path).unwrap(), Some(vec![]));
        assert_eq!(elements(Path::new("/missing")).unwrap(), None);
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(2_000));
        for bad in ["{}\n\n{}", "[]", "{", &long] {
            let (_directory, path) = written(ELEMENTS, bad.as_bytes());
            assert_eq!(
                elements(&path).unwrap_err().code,
                "ELEMENT_INVALID",
                "{bad}"
            );
        }
    }

    #[test]
    fn only_plain_files_are_outputs() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("b")).unwrap();
        fs::write(directory.path().join("b/c.264"), "12").unwrap();
        fs::write(directory.path().join("a"), "1").unwrap();
        fs::write(directory.path().join(RESULT), "{}").unwrap();
        let mut files = Vec::new();
        find(directory.path(), "", &mut files).unwrap();
        let files: Vec<_> = files.iter().map(|f| (&*f.name, f.size)).collect();
        assert_eq!(files, [("a", 1), ("b/c.264", 2)]);
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("b/link")).unwrap();
        let error = find(directory.path(), "", &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, "OUTPUT_NOT_A_FILE");
    }

    #[test]
    fn outputs_and_their_names_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        (0..=limits::OUTPUTS)
            .for_each(|n| fs::write(directory.path().join(n.to_string()), "").unwrap());
        let error = find(directory.path(), "", &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, "TOO_MANY_OUTPUTS");
        let (directory, _) = written("new\nline", b"");
        let error = find(directory.path(), "", &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, "OUTPUT_NAME");
    }
}
