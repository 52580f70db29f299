//! `cosmos workflow show`.

use proto::plato::v1::{NodeProgress, Workflow};

use super::args::IdArgs;
use super::logs::{Logged, last_words};
use super::{Desk, json, words};
use crate::colour::Paint;
use crate::explain::{explain, one_line};
use crate::stop::Stop;
use crate::table::{Cell, Column, Table, Tone};
use crate::units::{count as count_of, local_time, span};

pub(super) async fn show(desk: &Desk, args: &IdArgs) -> Result<(), Stop> {
    let (workflow, log) = desk.server.workflow_and_log(&args.id).await?;
    let shown = json::Shown {
        workflow: (&workflow).into(),
        log: log.as_ref().map(Logged::from),
    };
    desk.output.result(&shown, || {
        let log = log.as_ref().map(|log| format!("\n{}", last_words(log)));
        format!(
            "{}{}",
            in_words(&workflow, desk.paint),
            log.unwrap_or_default()
        )
    });
    Ok(())
}

fn in_words(workflow: &Workflow, paint: Paint) -> String {
    let lines = lines(workflow).into_iter();
    let lines: Vec<_> = lines
        .map(|(name, value)| format!("{name:11}  {value}"))
        .collect();
    let error = words::error(workflow).map(|error| explain(&[error], paint));
    let nodes = match workflow.nodes.is_empty() {
        true => String::new(),
        false => format!("\n\n{}", nodes(workflow).render(paint)),
    };
    format!(
        "{}{nodes}{}",
        lines.join("\n"),
        error.map_or_else(String::new, |error| format!("\n\n{}", error.trim_end()))
    )
}

fn lines(workflow: &Workflow) -> Vec<(&'static str, String)> {
    let definition = format!(
        "{} v{}, of {}",
        one_line(&workflow.definition),
        workflow.definition_version,
        one_line(&workflow.service)
    );
    let mut lines = vec![
        ("workflow", one_line(&workflow.workflow_id)),
        ("definition", definition),
        ("state", words::standing(workflow)),
        ("changed", local_time(workflow.at_unix_ms)),
    ];
    if workflow.rules.is_set() {
        lines.push(("rules", words::progress(workflow)));
    }
    if let Some(output) = words::output(workflow) {
        lines.push(("output", one_line(&output)));
    }
    let attributes = words::attributes(workflow);
    if !attributes.is_empty() {
        lines.push(("attributes", attributes));
    }
    lines.extend(words::functions(workflow).map(|pinned| ("function", pinned)));
    if !workflow.parent.is_empty() {
        let parent = format!("node {} of {}", workflow.parent_node, workflow.parent);
        lines.push(("started by", one_line(&parent)));
    }
    for node in &workflow.nodes {
        lines.extend(beside(node));
    }
    for node in workflow
        .nodes
        .iter()
        .filter(|node| !node.children.is_empty())
    {
        let children = format!("{}: {}", node.node, node.children.join(", "));
        lines.push(("has started", one_line(&children)));
    }
    if workflow.deadline_unix_ms != 0 {
        lines.push(("deadline", local_time(workflow.deadline_unix_ms)));
    }
    if workflow.forgotten_at_unix_ms != 0 {
        lines.push(("kept until", local_time(workflow.forgotten_at_unix_ms)));
    }
    if workflow.retries > 0 {
        lines.push((
            "retried",
            crate::units::count(workflow.retries.into(), "time"),
        ));
    }
    lines
}

/// What few nodes have.
fn beside(node: &NodeProgress) -> Vec<(&'static str, String)> {
    let told = |name, count, what: &str| {
        let text = format!("{} of node {}", count_of(count, what), node.node);
        (count > 0).then(|| (name, one_line(&text)))
    };
    let lost = told("lost", node.lost, "element");
    let twice = told("run twice", node.speculated, "task");
    let skipped = format!("node {}, as {}", node.node, node.skipped);
    let skipped = (!node.skipped.is_empty()).then(|| ("skipped", one_line(&skipped)));
    lost.into_iter().chain(twice).chain(skipped).collect()
}

fn nodes(workflow: &Workflow) -> Table {
    let mut table = Table::new(&[
        Column::cut("NODE"),
        Column::text("STATE"),
        Column::number("DONE"),
        Column::number("TASKS"),
        Column::number("RUNNING"),
        Column::number("RETRIES"),
        Column::text("CPU"),
    ]);
    for node in &workflow.nodes {
        table.row([
            one_line(&node.node).into(),
            Cell::toned(words::node_state(node), words::node_tone(node)),
            Cell::count(node.done, Tone::Plain),
            Cell::count(node.total, Tone::Plain),
            Cell::count(node.running, Tone::Notable),
            Cell::count(node.retries, Tone::Notable),
            cpu(node.cpu_ms).into(),
        ]);
    }
    table
}

fn cpu(ms: u64) -> String {
    match ms {
        0 => String::new(),
        _ => span(ms),
    }
}
