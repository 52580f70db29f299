//! What the journals say.

use std::collections::BTreeMap;

use anyhow::Result;
use plato::{Entry, Event};
use plato_rules::Event as RuleEvent;
use plato_runtime::WorkflowReader;

use super::Report;
use super::load::Done;
use super::site::Site;

/// Steps of an order.
const STEPS: usize = 3;

pub(super) async fn judge(site: &Site, done: &Done) -> Result<Report> {
    let reader = site.reader();
    let mut report = Report {
        workflows: done.started.len() as u64,
        facts: done.items.values().sum(),
        told_again: done.ends.values().filter(|times| **times > 1).count() as u64,
        executed_twice: done.executed.values().filter(|times| **times > 1).count() as u64,
        executions: done.executed.len() as u64,
        ..Report::default()
    };
    for workflow in &done.started {
        judge_order(&reader, workflow, &mut report).await?;
    }
    for (subject, items) in &done.items {
        judge_rules(&reader, subject, *items, &mut report).await?;
    }
    Ok(report)
}

async fn judge_order(reader: &WorkflowReader, id: &str, report: &mut Report) -> Result<()> {
    let journal = reader.history(id).await?;
    let steps = count(&journal, |event| {
        matches!(event, Event::TaskSucceeded { .. })
    });
    let ends = count(&journal, |event| matches!(event, Event::Ended { .. }));
    report.lost += u64::from(ends == 0 || steps < STEPS);
    report.twice += u64::from(ends > 1 || steps > STEPS);
    Ok(())
}

fn count(journal: &[Entry], is_meant: impl Fn(&Event) -> bool) -> usize {
    let events = journal.iter().flat_map(|entry| &entry.events);
    events.filter(|event| is_meant(event)).count()
}

async fn judge_rules(
    reader: &WorkflowReader,
    subject: &str,
    items: u64,
    report: &mut Report,
) -> Result<()> {
    let (mut fired, mut succeeded) = (BTreeMap::new(), BTreeMap::new());
    for event in reader
        .rules_history(subject)
        .await?
        .into_iter()
        .flat_map(|entry| entry.events)
    {
        match event {
            RuleEvent::Fired(event) => {
                let item = event.facts.first().map(|fact| fact.fact);
                fired
                    .entry(item)
                    .or_insert_with(Vec::new)
                    .push(event.firing);
            }
            RuleEvent::Succeeded { firing, .. } => *succeeded.entry(firing).or_insert(0) += 1,
            _ => {}
        }
    }
    report.lost += items.saturating_sub(fired.len() as u64);
    report.twice += fired.values().filter(|firings| firings.len() > 1).count() as u64;
    for firing in fired.into_values().flatten() {
        match succeeded.get(&firing) {
            Some(1) => {
                let child = ids::invocation(subject, "work", firing, 0);
                judge_order(reader, &child, report).await?;
            }
            Some(_) => report.twice += 1,
            None => report.lost += 1,
        }
    }
    Ok(())
}
