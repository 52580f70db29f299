//! Engines in numbers.

use plato_runtime::Engines;

use crate::site::{GROUPS, SERVICE, Site};
use crate::worker::Worker;

#[tokio::test(flavor = "multi_thread")]
async fn engines_are_told_of_while_they_run_and_after() {
    let site = Site::new();
    let engines = Engines::default();
    assert_eq!(figures(&engines), Vec::<String>::new());
    let runtime = site.runtime("a").await;
    engines.add(&runtime);
    site.start("w1").await;
    site.start("w2").await;
    let live = format!("plato_live_workflows{{service=\"{SERVICE}\"}} 2");
    site.until(|| async { figures(&engines).contains(&live) })
        .await;
    let _worker = Worker::start(&site, 3).await;
    site.ends(["w1", "w2"]).await;
    site.cancel("w1").await;
    runtime.shutdown().await;

    let told = figures(&engines);
    let is = |name: &str, labels: &str, value: u64| {
        let line = format!("plato_{name}{{service=\"{SERVICE}\"{labels}}} {value}");
        assert!(told.contains(&line), "{line}: {told:#?}");
    };
    is("ended_workflows_total", ",state=\"succeeded\"", 2);
    is("ended_workflows_total", ",state=\"failed\"", 0);
    is("group_recoveries_total", "", GROUPS.into());
    is("fired_rules_total", "", 0);
    is("fenced_commits_total", "", 0);
    // It owns nothing any more.
    is("live_workflows", "", 0);
    is("owned_groups", "", 0);
    let events = told
        .iter()
        .find(|line| line.starts_with("plato_events_total"));
    assert!(!events.unwrap().ends_with(" 0"), "{told:#?}");
    corpus::check_metrics(&engines.tell());
}

fn figures(engines: &Engines) -> Vec<String> {
    let told = engines.tell();
    let lines = told.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}
