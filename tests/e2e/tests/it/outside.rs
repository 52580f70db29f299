//! Services outside this repository, made by `cosmos new`: tested by their own tests, and run by
//! `cosmos up` from their folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use e2e::installation::{free_address, wait_until};
use e2e::{leftovers, programs, terminal};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// `cosmos up` in a folder with services of our own.
struct Site {
    folder: TempDir,
    cosmos: Child,
}

impl Site {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        make(folder.path(), "shelf", "rules")?;
        test(&folder.path().join("shelf"))?;
        make(folder.path(), "label", "graph")?;
        make(folder.path(), "stamp", "script-function")?;
        // The graph of one service asks the function of another.
        let graphs = folder.path().join("label/src/graphs.rs");
        let text = fs::read_to_string(&graphs)?;
        fs::write(graphs, text.replace("label-encode", "stamp-encode"))?;
        test(&folder.path().join("label"))?;
        break_for(folder.path(), "none")?;
        let (timestone, optimus) = (free_address()?, free_address()?);
        let config = format!(
            "timestone: {{listen: {timestone}}}\noptimus: {{listen: {optimus}}}\n\
             stratum: {{cpus: 2}}\n"
        );
        fs::write(folder.path().join("cosmos.yaml"), config)?;
        let log = fs::File::create(folder.path().join("cosmos.log"))?;
        let mut command = programs::program("cosmos")?;
        command.args(["up", "--config", "cosmos.yaml"]);
        let services = ["shelf", "label", "stamp"];
        command.args(services.map(|folder| format!("--service={folder}")));
        command.current_dir(folder.path()).env("NO_COLOR", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let cosmos = programs::spawn(&mut command)?;
        let site = Self { folder, cosmos };
        wait_until("answer of the service", || {
            let services = ["shelf", "label"];
            let mut answers = services.iter();
            let there = |name: &&str| site.say(&format!("list --service {name}"));
            Ok(answers.all(|name| there(name).is_ok_and(|answer| answer.status.success())))
        })?;
        Ok(site)
    }

    /// `cosmos workflow` with these words.
    fn say(&self, words: &str) -> Result<Output> {
        self.cosmos(&format!("workflow {words}"))
    }

    fn cosmos(&self, words: &str) -> Result<Output> {
        let mut command = programs::program("cosmos")?;
        command.args(words.split_whitespace());
        command.args(["--config", "cosmos.yaml"]);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        Ok(command.output()?)
    }

    /// What it says; it must end well.
    fn said(&self, words: &str) -> Result<String> {
        let output = self.say(words)?;
        if !output.status.success() {
            let log = fs::read_to_string(self.folder.path().join("cosmos.log"))?;
            bail!("{words}: {output:?}\n{log}");
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn json(&self, words: &str) -> Result<Value> {
        let said = self.said(&format!("{words} --json"))?;
        let mut lines = terminal::json_lines(&said)?;
        ensure!(!lines.is_empty(), "nothing is said to {words}");
        Ok(lines.remove(0))
    }

    /// Waits until so many encodes are there, all done.
    fn encoded(&self, firings: u64) -> Result<()> {
        wait_until("end of the encodes", || {
            let library = self.json("show library")?;
            Ok(library["rules"]["fired"] == firings && library["rules"]["running"] == 0)
        })
    }

    /// The process of the service.
    fn service(&self) -> Result<Option<Pid>> {
        let cosmos = Pid::from_raw(self.cosmos.id().try_into()?).context("no process")?;
        for child in leftovers::children(cosmos)? {
            let name = fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            if name.trim() == "shelf" {
                return Ok(Pid::from_raw(child));
            }
        }
        Ok(None)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.cosmos.kill();
        let _ = self.cosmos.wait();
    }
}

/// A service as `cosmos new` makes it in `folder`.
fn make(folder: &Path, name: &str, template: &str) -> Result<()> {
    let root = root()?;
    let mut new = programs::program("cosmos")?;
    new.args(["new", "service", name, "--template", template, "--cosmos"]);
    done(new.arg(root).current_dir(folder))
}

/// Has the function of `stamp` fail where it is asked for this source.
fn break_for(folder: &Path, source: &str) -> Result<()> {
    let script = folder.join("stamp/functions/encode/encode.sh");
    let text = fs::read_to_string(&script)?;
    let wrong = format!(
        "set -eu\ncase $(cat params.json) in *{source}*)\n  \
         echo 'looking for it'\n  echo 'there is no such film' >&2\n  exit 4;;\nesac\n"
    );
    Ok(fs::write(script, text.replace("set -eu\n", &wrong))?)
}

/// Runs the tests of a service, which builds it, beside the programs of this workspace.
fn test(folder: &Path) -> Result<()> {
    let programs = programs::path("cosmos")?;
    let profile = programs.parent().context("a program lies in a folder")?;
    let target = profile.parent().context("a profile lies in a folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut test = Command::new(cargo);
    test.args(["test", "--quiet", "--offline", "--target-dir"]);
    test.arg(target).current_dir(folder);
    if profile.ends_with("release") {
        test.arg("--release");
    }
    done(&mut test)
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}:\n{said}\n{wrong}");
    Ok(())
}

fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Ok(root.canonicalize()?)
}

/// A script that fails tells why on its standard error, which its workflow tells after it.
fn what_a_failed_function_said_is_told(site: &Site) -> Result<()> {
    let started = site.json(r#"start label.encode --input {"source":"none"}"#)?;
    let id = started["workflow"].as_str().context("no id")?;
    site.say(&format!("watch {id}"))?;
    for words in [
        format!("workflow show {id}"),
        format!("workflow explain {id}"),
    ] {
        let said = String::from_utf8(site.cosmos(&words)?.stdout)?;
        ensure!(
            said.contains("it said last (") && said.contains("there is no such film"),
            "{said}"
        );
    }
    let logs = site.cosmos(&format!("function logs {id} --json"))?;
    let logs = terminal::json_lines(std::str::from_utf8(&logs.stdout)?)?;
    let tries: Vec<_> = logs.iter().map(|log| log["try"].as_u64()).collect();
    ensure!(tries == [1, 2, 3].map(Some), "{logs:?}");
    for log in &logs {
        let text = log["text"].as_str().context("no text")?;
        ensure!(
            text.contains("looking for it") && log["outcome"] == "failed",
            "{log}"
        );
    }
    Ok(())
}

#[test]
fn it_runs_its_graph_and_its_rules_and_is_started_again_when_it_is_killed() -> Result<()> {
    let mut site = Site::start()?;
    let started = site.json(r#"start shelf.encode --input {"source":"a.mov","codec":"av1"}"#)?;
    ensure!(started["service"] == "shelf", "{started}");
    let id = started["workflow"].as_str().context("no id")?;
    let watched = site.said(&format!("watch {id}"))?;
    ensure!(
        watched.trim_end().ends_with("2/2 nodes are through"),
        "{watched}"
    );
    let shown = site.said(&format!("show {id}"))?;
    ensure!(
        shown.contains(r#""seconds": 7, "asked": {"codec":"av1","source":"a.mov"}"#),
        "{shown}"
    );

    let started = site.json(r#"start label.encode --input {"source":"b.mov"}"#)?;
    let id = started["workflow"].as_str().context("no id")?;
    site.said(&format!("watch {id}"))?;
    let shown = site.said(&format!("show {id}"))?;
    ensure!(shown.contains(r#""source":"b.mov""#), "{shown}");

    what_a_failed_function_said_is_told(&site)?;

    site.said("assert library Encoder codec=av1 release=1 --rules shelf.freshness")?;
    site.said("assert library Title id=t1 source=a.mov")?;
    site.encoded(1)?;
    let facts = site.said("facts library --type Encode")?;
    ensure!(
        facts.contains(r#"release 1, state "done in 7 s""#),
        "{facts}"
    );

    let killed = site.service()?.context("the service does not run")?;
    kill_process(killed, Signal::KILL)?;
    wait_until("new life of the service", || {
        let now = site.service()?;
        Ok(now.is_some() && now != Some(killed) && site.say("show library")?.status.success())
    })?;
    site.said("assert library Encoder codec=av1 release=2")?;
    site.encoded(2)?;
    let explained = site.said("explain library")?;
    for part in [
        "firing 2: rule encode\n  why now: encoder f1 was updated\n",
        "title    f2, version 2: Title(id \"t1\", source \"a.mov\")",
        "Encoder(codec \"av1\", release 2)",
        "runs workflow shelf.encode",
    ] {
        ensure!(explained.contains(part), "no {part:?} in\n{explained}");
    }
    let listed = site.said("list")?;
    ensure!(
        listed.contains("library ") && listed.contains("shelf.encode"),
        "{listed}"
    );

    let cosmos = Pid::from_raw(site.cosmos.id().try_into()?).context("no process")?;
    let last = site.service()?.context("the service does not run")?;
    kill_process(cosmos, Signal::TERM)?;
    ensure!(site.cosmos.wait()?.success(), "it did not stop well");
    ensure!(
        !Path::new(&format!("/proc/{}", last.as_raw_nonzero())).exists(),
        "it runs on"
    );
    Ok(())
}
