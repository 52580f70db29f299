use std::io::Write;
use std::process::{Command, Stdio};

/// Has Prometheus' own tool judge metrics in its text format; where it is missing, that is told.
///
/// # Panics
/// When it finds something wrong.
pub fn check_metrics(text: &str) {
    let mut command = Command::new("promtool");
    let command = command.args(["check", "metrics"]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = piped.stderr(Stdio::piped()).spawn() else {
        let why = "promtool is not installed (apt-get install prometheus)";
        return crate::skip("metrics as Prometheus reads them", why);
    };
    let stdin = child.stdin.take();
    let written = stdin.map(|mut stdin| stdin.write_all(text.as_bytes()));
    assert!(matches!(written, Some(Ok(()))), "promtool reads nothing");
    let judged = child.wait_with_output().map(|output| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    });
    let is_fine = matches!(&judged, Ok((true, said)) if said.is_empty());
    assert!(is_fine, "{judged:?}\n{text}");
}
