use std::fs::OpenOptions;
use std::io::Write;

/// Names the file that gathers what was skipped, for the summary of a run.
const SKIP_LOG: &str = "COSMOS_SKIP_LOG";

/// Says loudly that a check did not run on this machine: `what` was left out
/// and `why`. Call it and return; a test never skips in silence.
pub fn skip(what: &str, why: &str) {
    let line = format!("{what}: {why}\n");
    eprint!("SKIPPED: {line}");
    if let Some(log) = std::env::var_os(SKIP_LOG) {
        append(log.as_ref(), &line);
    }
}

/// One write in append mode, so that lines of parallel tests stay whole.
fn append(log: &std::path::Path, line: &str) {
    let opened = OpenOptions::new().create(true).append(true).open(log);
    if let Err(error) = opened.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!(
            "SKIPPED: {line} (and not counted: {}: {error})",
            log.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("skipped.log");
        append(&log, "docker: no engine answers\n");
        append(&log, "fuse: no /dev/fuse\n");
        let text = std::fs::read_to_string(&log).expect("a log");
        assert_eq!(text, "docker: no engine answers\nfuse: no /dev/fuse\n");
    }
}
