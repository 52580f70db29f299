//! `ves` against a server of its own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::terminal::{Server, json_lines};
use tempfile::TempDir;

struct Proof {
    folder: TempDir,
    source: String,
    server: Server,
}

impl Proof {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let source = corpus::clip(Clip::Plain)?;
        let sources = source.parent().context("a clip lies in a folder")?;
        let server = Server::start(&folder.path().canonicalize()?, sources)?;
        Ok(Self {
            folder,
            source: source.display().to_string(),
            server,
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Submits an encode to `output` and gives its id.
    fn submit(&self, output: &str, more: &[&str]) -> Result<String> {
        let words = ["submit", &self.source, "-o", output, "--quiet"];
        let said = self.server.said(&[&words[..], more].concat())?;
        Ok(said.trim().to_owned())
    }

    /// What is said on standard error by a command that ends with `status`.
    fn refused(&self, words: &[&str], status: i32) -> Result<String> {
        let output = self.server.ves(words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.code() == Some(status),
            "{words:?}: {output:?}"
        );
        Ok(said)
    }
}

#[test]
fn a_request_is_handed_in_followed_read_and_listed() -> Result<()> {
    let proof = Proof::new()?;
    let id = proof.submit("out.mp4", &["--chunk", "1s", "--label", "project=spring"])?;
    let watched = proof.server.said(&["watch", &id, "--json"])?;
    let events = json_lines(&watched)?;
    let last = events.last().context("no events")?;
    ensure!(last["event"] == "finished", "{last}");
    ensure!(last["frames"] == 150 && last["request_id"] == id, "{last}");
    let output = proof.at("out.mp4").canonicalize()?;
    ensure!(last["output"] == output.display().to_string(), "{last}");
    ensure!(last["sha256"] == e2e::run::sha256(&output)?, "{last}");
    let known = ["accepted", "stage", "progress", "finished"];
    let name = |event: &serde_json::Value| event["event"].as_str().map(str::to_owned);
    ensure!(
        events
            .iter()
            .filter_map(name)
            .all(|name| known.contains(&&*name)),
        "{watched}"
    );

    let status = proof.server.said(&["status", &id])?;
    for line in [
        "state     succeeded",
        "labels    project=spring",
        "150 frames",
    ] {
        ensure!(status.contains(line), "no {line:?} in\n{status}");
    }
    let listed = proof.server.said(&["list", "--state", "succeeded"])?;
    ensure!(
        listed.contains(&id) && listed.contains("REQUEST"),
        "{listed}"
    );
    let none = proof
        .server
        .said(&["list", "--state", "failed", "--json"])?;
    ensure!(none.is_empty(), "{none}");
    let views = json_lines(&proof.server.said(&["list", "--json"])?)?;
    ensure!(views[0]["requestId"] == id, "{views:?}");
    Ok(())
}

#[test]
fn what_is_refused_is_told_with_every_problem_and_what_would_do() -> Result<()> {
    let proof = Proof::new()?;
    let words = [
        "submit",
        "/etc/hostname",
        "-o",
        "out.mp4",
        "--preset",
        "warp",
    ];
    let said = proof.refused(&words, 2)?;
    for part in [
        "IN: ",
        "[OUTSIDE_ROOTS]",
        "help: use a file below ",
        "--preset: ",
    ] {
        ensure!(said.contains(part), "no {part:?} in\n{said}");
    }
    fs::write(proof.at("taken.mp4"), "mine")?;
    let said = proof.refused(&["submit", &proof.source, "-o", "taken.mp4"], 2)?;
    ensure!(said.contains("add --overwrite to replace it"), "{said}");
    let said = proof.refused(&["watch", "no-such-request"], 2)?;
    ensure!(said.contains("[REQUEST_NOT_FOUND]"), "{said}");
    fs::write(
        proof.at("cosmos-data/token"),
        "0123456789abcdef0123456789abcdef\n",
    )?;
    let said = proof.refused(&["list"], 2)?;
    ensure!(said.contains("does not accept the token"), "{said}");
    Ok(())
}

#[test]
fn a_canceled_request_ends_its_watch_as_such() -> Result<()> {
    let proof = Proof::new()?;
    let slow = ["--chunk", "10f", "--preset", "placebo", "--align", "fixed"];
    let id = proof.submit("out.mp4", &slow)?;
    proof
        .server
        .said(&["cancel", &id, "--reason", "wrong cut"])?;
    let said = proof.refused(&["watch", &id], 130)?;
    ensure!(said.contains("canceled: wrong cut"), "{said}");
    ensure!(!proof.at("out.mp4").exists(), "a canceled request wrote");
    let twice = proof.server.said(&["cancel", &id])?;
    ensure!(twice.trim() == "canceled", "{twice}");
    Ok(())
}

#[test]
fn waiting_ends_with_the_request_and_two_with_one_key_are_one() -> Result<()> {
    let proof = Proof::new()?;
    let key = ["--idempotency-key", "one", "--wait"];
    let first = proof.submit("out.mp4", &key)?;
    ensure!(proof.at("out.mp4").exists(), "it did not wait");
    ensure!(first == proof.submit("out.mp4", &key)?, "two requests");
    Ok(())
}
