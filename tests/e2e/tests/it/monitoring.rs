//! The dashboard and the alerts, asked of a real Prometheus that reads a real installation.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use corpus::Clip;
use e2e::installation::{free_address, wait_until};
use e2e::terminal::Server;
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../../cosmos/monitoring/dashboard.json");
const ALERTS: &str = include_str!("../../../../cosmos/monitoring/alerts.yaml");
const MANUAL: &str = include_str!("../../../../timestone/OPERATING.md");

/// A Prometheus, until it is dropped.
struct Prometheus {
    url: String,
    process: Child,
}

impl Prometheus {
    /// Reads what the server tells, five times a second, and judges the alerts.
    fn start(folder: &Path, server: &Server) -> Result<Self> {
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             rule_files: [alerts.yaml]\n\
             scrape_configs:\n  - job_name: cosmos\n    \
             authorization: {{credentials_file: cosmos-data/token}}\n    \
             static_configs: [{{targets: [\"{}\"]}}]\n",
            server.queues()
        );
        fs::write(folder.join("prometheus.yaml"), config)?;
        fs::write(folder.join("alerts.yaml"), ALERTS)?;
        let address = free_address()?;
        let log = fs::File::create(folder.join("prometheus.log"))?;
        let process = Command::new("prometheus")
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=tsdb"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self {
            url: format!("http://{address}"),
            process,
        })
    }

    /// What it answers: some samples, or none. An error is what it says is wrong.
    fn ask(&self, expression: &str) -> Result<usize> {
        let mut command = Command::new("promtool");
        command.args(["query", "instant", "-o", "json", &self.url, expression]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{expression}: {said}");
        let samples: Value = serde_json::from_slice(&output.stdout)?;
        Ok(samples.as_array().context("no samples")?.len())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every question of the dashboard, all services and queues chosen.
fn questions() -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let questions = targets.flatten().map(|target| {
        let question = target["expr"].as_str().context("a target asks nothing")?;
        let question = question.replace("$__rate_interval", "1m");
        Ok(question.replace("$queue", ".*").replace("$service", ".*"))
    });
    questions.collect()
}

/// The kinds of events that it names, each of which the manual must know.
fn events(question: &str) -> Vec<&str> {
    let named = question.split("event=~\"").nth(1);
    let named = named.and_then(|rest| rest.split('"').next());
    named.map_or(Vec::new(), |named| named.split('|').collect())
}

/// Calls from outside are told of; those of its own roles are none.
fn call_the_queue(folder: &Path) -> Result<()> {
    let mut command = e2e::programs::program("cosmos")?;
    command.args(["queue", "list", "--config", "cosmos.yaml"]);
    command.current_dir(folder);
    let output = command.output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

#[test]
fn every_question_of_the_dashboard_is_answered() -> Result<()> {
    if !corpus::have("prometheus") || !corpus::have("promtool") {
        let why = "Prometheus is not installed (apt-get install prometheus)";
        corpus::skip("the dashboard and the alerts", why);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let place = folder.path().canonicalize()?;
    let source = corpus::clip(Clip::Tiny(12))?;
    let server = Server::start(&place, source.parent().context("no folder")?)?;
    let prometheus = Prometheus::start(&place, &server)?;
    call_the_queue(&place)?;
    let words = [
        "submit",
        &source.display().to_string(),
        "-o",
        "out.mp4",
        "--quiet",
    ];
    let id = server.said(&words)?;
    server.said(&["watch", id.trim(), "--json"])?;
    // Two readings of it make a rate.
    let seen =
        "count_over_time((plato_ended_workflows_total{state=\"succeeded\"} > 0)[1m:200ms]) > 2";
    wait_until("the end of the encode in Prometheus", || {
        Ok(prometheus.ask(seen).is_ok_and(|samples| samples > 0))
    })?;
    for question in questions()? {
        let answered = prometheus.ask(&question)?;
        let events = events(&question);
        ensure!(answered > 0 || !events.is_empty(), "{question}: nothing");
        for event in events {
            ensure!(
                MANUAL.contains(&format!("`{event}`")),
                "{event} in {question}"
            );
        }
    }
    ensure!(prometheus.ask("ALERTS{alertstate=\"firing\"}")? == 0);
    Ok(())
}
