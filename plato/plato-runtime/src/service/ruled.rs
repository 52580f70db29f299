//! Workflows of rules as the wire has them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use errors::Error;
use plato_rules::{
    Entry, Event, Fired, Firing, FiringPhase, NewFact, Phase, Rules, RunOn, Session, State,
};
use proto::plato::v1 as wire;
use store::StoreError;
use timestone::{MessageKey, MessageState};
use timestone_client::{Client, TimestoneError, names};

use super::Workflows;
use super::explain::{at, reason, unavailable};
use super::outward::{forgotten_at, of_header};
use super::tell::only_rules;
use crate::Standing;

/// Firings explained at once.
const FIRINGS: usize = 20;
/// Events at the end of a journal that are looked through for them.
const RECENT: u64 = 2_000;
/// Entries of a journal read at a time.
const READ: usize = 100;
/// Runs that are out and matches that wait, told of at once.
const WAITING: usize = 100;
/// Facts of one answer, where nothing is said, and at most.
const FACTS: (usize, usize) = (100, 1_000);

pub(super) fn outward(workflows: &Workflows, state: State) -> wire::Workflow {
    let canceled = state.phase == Phase::Canceled;
    let phase = match canceled {
        true => plato::Phase::Canceled,
        false => plato::Phase::Running,
    };
    let rules = wire::RulesProgress {
        facts: state.facts() as u64,
        fired: state.fired(),
        running: state.active().count() as u64,
        is_halted: state.phase == Phase::Halted,
        ..Default::default()
    };
    wire::Workflow {
        forgotten_at_unix_ms: forgotten_at(workflows, canceled.then_some(state.at_ms)),
        state: crate::wire::state(phase).into(),
        is_paused: state.paused.is_some(),
        error: state.error.map(Into::into).into(),
        paused: state.paused.unwrap_or_default(),
        events: state.events,
        at_unix_ms: state.at_ms,
        rules: Some(rules).into(),
        ..of_header(state.id, state.header)
    }
}

/// The events of a journal, one by one; `state` is asked whose firings they are about.
pub(super) fn happenings(state: &State, entries: &[Entry]) -> Vec<wire::WorkflowHappening> {
    let all = entries.iter().flat_map(|entry| {
        let events = (entry.first..).zip(&entry.events);
        events.map(move |(number, event)| happening(state, number, entry.at_ms, event))
    });
    all.collect()
}

fn happening(state: &State, number: u64, at_ms: i64, event: &Event) -> wire::WorkflowHappening {
    let json = serde_json::to_value(event).unwrap_or_default();
    wire::WorkflowHappening {
        number,
        at_unix_ms: at_ms,
        event: json["event"].as_str().unwrap_or_default().to_owned(),
        node: rule_of(state, event).unwrap_or_default(),
        json: json.to_string(),
        ..Default::default()
    }
}

fn rule_of(state: &State, event: &Event) -> Option<String> {
    let number = match event {
        Event::Fired(fired) => return Some(fired.rule.clone()),
        Event::TriedAgain { firing, .. }
        | Event::Retrying { firing, .. }
        | Event::Succeeded { firing, .. }
        | Event::Failed { firing, .. }
        | Event::Ceased { firing } => *firing,
        _ => return None,
    };
    state.firing(number).map(|firing| firing.rule.clone())
}

/// What is told of rules at work.
#[derive(Default)]
pub(super) struct Explained {
    /// What runs or waits.
    pub(super) waiting: Vec<wire::WaitingNode>,
    /// Why rules fired.
    pub(super) firings: Vec<wire::ExplainedFiring>,
    /// Why others do not.
    pub(super) rules: Vec<wire::RuleStanding>,
}

/// What runs or waits, why rules fired, and why others do not.
pub(super) async fn explain(
    workflows: &Workflows,
    state: &State,
    timestone: &Client,
    firing: u64,
) -> Result<Explained, Error> {
    let header = &state.header;
    let known = workflows
        .definitions
        .rules
        .get(&header.definition, header.version);
    let Some(rules) = known.map(|known| known.rules()) else {
        return Ok(Explained {
            waiting: super::explain::unknown(header),
            ..Explained::default()
        });
    };
    let session = match state.phase {
        Phase::Canceled => None,
        _ => Session::restore(Arc::clone(rules), state.clone()).ok(),
    };
    let mut waiting = session.as_ref().map_or_else(Vec::new, matches);
    for (number, firing) in state.active().take(WAITING) {
        let why = run(workflows, state, rules, (number, firing), timestone).await;
        waiting.push(node(&firing.rule, why.map_err(unavailable)?));
    }
    let firings = firings(workflows, state, rules, firing).await;
    let firings = firings.map_err(|error| Error::platform("UNAVAILABLE", error.to_string()))?;
    Ok(Explained {
        waiting,
        firings,
        rules: session.as_ref().map_or_else(Vec::new, standings),
    })
}

fn node(rule: &str, why: wire::WaitingReason) -> wire::WaitingNode {
    wire::WaitingNode {
        node: rule.to_owned(),
        reasons: vec![why],
        ..Default::default()
    }
}

/// The matches that would fire, where nothing may.
fn matches(session: &Session) -> Vec<wire::WaitingNode> {
    if session.state().may_fire() {
        return Vec::new();
    }
    let waiting = session.memory().waiting().take(WAITING);
    let waiting = waiting.map(|(rule, facts)| {
        let facts = facts
            .iter()
            .map(|(pattern, fact)| format!("{pattern} {fact}"));
        let facts: Vec<String> = facts.collect();
        let text = format!("waits to fire for {}", facts.join(", "));
        node(rule, reason("MATCH", text))
    });
    waiting.collect()
}

fn standings(session: &Session) -> Vec<wire::RuleStanding> {
    let standings = session.memory().standings().into_iter();
    let standings = standings.map(|of| wire::RuleStanding {
        rule: of.rule,
        matches: of.matches as u64,
        waiting: of.waiting as u64,
        pattern: of.pattern,
        text: of.text,
        ..Default::default()
    });
    standings.collect()
}

/// Where the run of a firing is.
async fn run(
    workflows: &Workflows,
    state: &State,
    rules: &Rules,
    (number, firing): (u64, &Firing),
    timestone: &Client,
) -> Result<wire::WaitingReason, TimestoneError> {
    let generation = match firing.phase {
        FiringPhase::Backoff { due_ms, .. } => {
            let text = format!("firing {number} waits to be tried again");
            return Ok(at(due_ms, reason("RETRY", text)));
        }
        FiringPhase::Out { generation } => generation,
        FiringPhase::Done | FiringPhase::Failed => 0,
    };
    let id = ids::invocation(&state.id, &firing.rule, number, generation);
    let (on, queue) = match rules.run(&firing.rule) {
        Some(RunOn::Function(function)) => (function.clone(), names::function(function)),
        Some(RunOn::Service { service, method }) => {
            (format!("{service}.{method}"), names::service_calls(service))
        }
        Some(RunOn::Workflow { definition, .. }) => {
            let text = format!("firing {number} has started {definition} as workflow {id}");
            let queue = names::inbox_of_workflow(workflows.service(), &id, workflows.reader.groups);
            return Ok(out(queue, text));
        }
        None => return Ok(reason("OUT", format!("the run of firing {number} is out"))),
    };
    let view = timestone
        .get(&MessageKey {
            queue: queue.clone(),
            id,
        })
        .await?;
    let worker = view.filter(|view| view.state == MessageState::Running);
    let text = match worker.and_then(|view| view.owner) {
        Some(worker) => format!("firing {number} runs {on}, by {worker}"),
        None => format!("firing {number} runs {on}, and waits for a worker"),
    };
    Ok(out(queue, text))
}

fn out(queue: String, text: String) -> wire::WaitingReason {
    wire::WaitingReason {
        queue,
        ..reason("OUT", text)
    }
}

/// The newest firings, or the one that is asked for, each explained.
async fn firings(
    workflows: &Workflows,
    state: &State,
    rules: &Rules,
    wanted: u64,
) -> Result<Vec<wire::ExplainedFiring>, StoreError> {
    let mut next = match wanted {
        0 => state.events.saturating_sub(RECENT),
        _ => 0,
    };
    let (mut found, mut failed) = (VecDeque::new(), BTreeSet::new());
    loop {
        let entries = workflows
            .reader
            .rules_journal(&state.id, next, READ)
            .await?;
        for entry in &entries {
            next = entry.first + 1;
            for event in &entry.events {
                look(event, entry.at_ms, wanted, &mut found, &mut failed);
            }
        }
        if entries.len() < READ {
            let explained = found.iter().map(|(fired, at_ms)| wire::ExplainedFiring {
                at_unix_ms: *at_ms,
                ..explained(rules, state, fired, &failed)
            });
            return Ok(explained.collect());
        }
    }
}

fn look(
    event: &Event,
    at_ms: i64,
    wanted: u64,
    found: &mut VecDeque<(Fired, i64)>,
    failed: &mut BTreeSet<u64>,
) {
    match event {
        Event::Fired(fired) if wanted == 0 || fired.firing == wanted => {
            found.push_back((Fired::clone(fired), at_ms));
            if found.len() > FIRINGS {
                found.pop_front();
            }
        }
        Event::Failed { firing, .. } => drop(failed.insert(*firing)),
        _ => {}
    }
}

fn explained(
    rules: &Rules,
    state: &State,
    fired: &Fired,
    failed: &BTreeSet<u64>,
) -> wire::ExplainedFiring {
    let firing = state.firing(fired.firing);
    let told = match firing.map(|firing| firing.phase) {
        Some(FiringPhase::Out { .. }) => wire::FiringState::Running,
        Some(FiringPhase::Backoff { .. }) => wire::FiringState::Retrying,
        _ if failed.contains(&fired.firing) => wire::FiringState::Failed,
        _ => wire::FiringState::Done,
    };
    wire::ExplainedFiring {
        number: fired.firing,
        rule: fired.rule.clone(),
        state: told.into(),
        holds: firing.is_some_and(|firing| firing.holds),
        text: rules.explain(fired),
        ..Default::default()
    }
}

/// A page of facts.
pub(super) fn facts(
    workflows: &Workflows,
    standing: &Standing,
    request: &wire::ListFactsRequest,
) -> Result<wire::ListFactsResponse, Error> {
    let state = only_rules(standing)?;
    let limit = match usize::try_from(request.limit).unwrap_or(FACTS.1) {
        0 => FACTS.0,
        limit => limit.min(FACTS.1),
    };
    let header = &state.header;
    let known = workflows
        .definitions
        .rules
        .get(&header.definition, header.version);
    let Some(rules) = known.map(|known| known.rules()) else {
        let message = format!(
            "nobody here knows {} v{}",
            header.definition, header.version
        );
        return Err(Error::user("DEFINITION_NOT_FOUND", message));
    };
    let meant = |kind: &str| request.r#type.is_empty() || request.r#type == kind;
    let mut meant = state
        .list()
        .filter(|(id, kind, _)| id.0 > request.after && meant(kind));
    let facts = meant.by_ref().take(limit).map(|(id, kind, values)| {
        let names = rules.base().facts.get(kind).into_iter();
        let names = names.flat_map(|def| def.fields.keys().cloned());
        let fact = NewFact {
            kind: kind.to_owned(),
            fields: names.zip(values.into_iter().cloned()).collect(),
        };
        wire::KnownFact {
            number: id.0,
            fact: Some(crate::wire::wire_fact(&fact)).into(),
            ..Default::default()
        }
    });
    Ok(wire::ListFactsResponse {
        facts: facts.collect(),
        more: meant.next().is_some(),
        ..Default::default()
    })
}
