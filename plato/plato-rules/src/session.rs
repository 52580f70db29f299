//! Rules at work: what comes in, turned into events and runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use errors::Error;
use plato::{Fault, Header};
use serde_json::{Value as Json, json};

use crate::event::{By, Cause, Event, Fired, Match, MatchedFact, NewFact};
use crate::fact::FactId;
use crate::firing::{Firing, FiringPhase};
use crate::limits::MAX_CHAIN;
use crate::memory::{Asserted, Memory, Refused};
use crate::network::MatchKey;
use crate::rules::{Rule, Rules, RunOn};
use crate::section::{Aim, Doing, Fireplace};
use crate::state::{Phase, State};
use crate::value::Value;

/// Rules at work over the facts of one subject.
///
/// Its [`State`] is the fold of its journal; the matcher is rebuilt from it.
#[derive(Debug)]
pub struct Session {
    state: State,
    memory: Memory,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody outside asserts facts; those whose key is known are updated.
    Assert(Vec<NewFact>),
    /// Somebody outside takes facts away: of each, the fields of its key count.
    Retract(Vec<NewFact>),
    /// The run of a firing ended.
    Ended {
        firing: u64,
        generation: u32,
        result: Result<Json, Error>,
    },
    /// Somebody lets halted rules go on.
    Resume,
    /// Somebody wants it to end.
    Cancel { reason: String },
    /// Time has passed.
    Tick,
}

/// What one input led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be journaled. The state already is the fold of them.
    pub events: Vec<Event>,
    /// To be handed on together with the events.
    pub runs: Vec<RunNow>,
    /// Runs to be told to stop: (firing, generation) each.
    pub stop: Vec<(u64, u32)>,
    /// Set when the input changed nothing, as it came late or twice.
    pub is_ignored: bool,
    /// Facts that were refused, by their place in the input, and why.
    pub refused: Vec<(usize, Error)>,
}

/// One try of the run of a firing.
#[derive(Clone, Debug, PartialEq)]
pub struct RunNow {
    pub firing: u64,
    /// Which try, from 0.
    pub generation: u32,
    pub rule: String,
    pub on: RunOn,
    pub params: Json,
}

impl Session {
    /// Puts rules to work, with no facts yet.
    pub fn start(rules: Arc<Rules>, id: &str, header: Header, now_ms: i64) -> (Self, Step) {
        let header = Header {
            definition: rules.base().name.clone(),
            version: rules.base().version,
            ..header
        };
        let session = Self {
            state: State::new(id, header.clone(), now_ms),
            memory: Memory::new(rules),
        };
        let events = vec![Event::Started(Box::new(header))];
        (
            session,
            Step {
                events,
                ..Step::default()
            },
        )
    }

    /// Goes on from a journaled state.
    ///
    /// # Errors
    /// When its facts are not those of the rules.
    pub fn restore(rules: Arc<Rules>, state: State) -> Result<Self, Refused> {
        let memory = remember(rules, &state, |rule, firing| {
            let versions = firing.facts.iter().map(|fact| (fact.fact, fact.version));
            MatchKey {
                rule,
                facts: versions.collect(),
            }
        })?;
        Ok(Self { state, memory })
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Step {
        let mut turn = Turn::new(self, now_ms);
        if turn.session.state.phase != Phase::Canceled {
            turn.take(input);
        } else {
            turn.step.is_ignored = true;
        }
        turn.step
    }

    /// Goes on by the rules of a newer version, if it is quiet and they know its
    /// facts; `None` if not. A rule that keeps its name does not fire again for the
    /// facts that it has fired for.
    pub fn move_to(&mut self, rules: Arc<Rules>, now_ms: i64) -> Option<Step> {
        let version = rules.base().version;
        if !self.state.is_quiet() || version <= self.state.header.version {
            return None;
        }
        self.memory = remember_anew(rules, &self.state).ok()?;
        let mut turn = Turn::new(self, now_ms);
        turn.emit(Event::Moved { version });
        turn.drop_ceased();
        turn.fire_all();
        Some(turn.step)
    }

    /// When [`Input::Tick`] next has something to do, in Unix milliseconds.
    pub fn due(&self) -> Option<i64> {
        let due = self
            .state
            .active()
            .filter_map(|(_, firing)| match firing.phase {
                FiringPhase::Backoff { due_ms, .. } => Some(due_ms),
                _ => None,
            });
        due.min().filter(|_| self.state.phase != Phase::Canceled)
    }

    /// The fold of its journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The facts, and the matches over them.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}

/// Facts and marks of a state in a matcher of their own.
fn remember(
    rules: Arc<Rules>,
    state: &State,
    key: impl Fn(usize, &Firing) -> MatchKey,
) -> Result<Memory, Refused> {
    let mut memory = with_facts(Arc::clone(&rules), state)?;
    for (number, firing) in state.firings().filter(|(_, firing)| firing.holds) {
        if let Some((rule, _)) = rules.find_rule(&firing.rule) {
            memory.mark(key(rule, firing), number);
        }
    }
    Ok(memory)
}

/// As [`remember`], where other fields may be read than before: a mark counts for
/// the same rule and facts.
fn remember_anew(rules: Arc<Rules>, state: &State) -> Result<Memory, Refused> {
    let mut memory = with_facts(Arc::clone(&rules), state)?;
    let keys = memory.waiting_keys().map(|key| {
        let facts = key.facts.iter().map(|(fact, _)| *fact).collect();
        ((key.rule, facts), MatchKey::clone(key))
    });
    let keys: BTreeMap<(usize, Vec<FactId>), MatchKey> = keys.collect();
    for (number, firing) in state.firings().filter(|(_, firing)| firing.holds) {
        let facts = firing.facts.iter().map(|fact| fact.fact).collect();
        let rule = rules.find_rule(&firing.rule).map(|(rule, _)| rule);
        if let Some(key) = rule.and_then(|rule| keys.get(&(rule, facts))) {
            memory.mark(key.clone(), number);
        }
    }
    Ok(memory)
}

fn with_facts(rules: Arc<Rules>, state: &State) -> Result<Memory, Refused> {
    let mut memory = Memory::new(Arc::clone(&rules));
    for (id, fact) in &state.facts {
        let kind = rules
            .find_kind(&fact.kind)
            .ok_or_else(|| Refused::UnknownType(fact.kind.clone()))?;
        let fields = &rules.kinds[kind].fields;
        let same_types = fields
            .iter()
            .zip(&fact.fields)
            .all(|((_, wanted), (value, _))| value.kind() == *wanted);
        if fields.len() != fact.fields.len() || !same_types {
            return Err(Refused::Malformed(format!(
                "{} has other fields than it had",
                fact.kind
            )));
        }
        memory.insert(*id, kind, fact.since, fact.fields.clone());
    }
    memory.go_on(state.next_fact, state.changes);
    memory.settle(Cause::NewRules)?;
    Ok(memory)
}

struct Turn<'a> {
    session: &'a mut Session,
    now_ms: i64,
    step: Step,
    /// Firings whose match has ceased, whose conclusions are to be looked at.
    ceased: VecDeque<u64>,
}

impl<'a> Turn<'a> {
    fn new(session: &'a mut Session, now_ms: i64) -> Self {
        Self {
            session,
            now_ms,
            step: Step::default(),
            ceased: VecDeque::new(),
        }
    }

    fn take(&mut self, input: Input) {
        self.session.memory.chain(0);
        match input {
            Input::Assert(facts) => self.assert_all(facts),
            Input::Retract(facts) => self.retract_all(facts),
            Input::Ended {
                firing,
                generation,
                result,
            } => self.ended(firing, generation, result),
            Input::Resume => self.resume(),
            Input::Cancel { reason } => return self.cancel(reason),
            Input::Tick => self.tick(),
        }
        self.fire_all();
    }

    fn emit(&mut self, event: Event) {
        self.session.state.apply(&event, self.now_ms);
        self.step.events.push(event);
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(self.session.memory.rules())
    }

    // Facts.

    fn assert_all(&mut self, facts: Vec<NewFact>) {
        for (place, fact) in facts.into_iter().enumerate() {
            match self.session.memory.checked(&fact.kind, &fact.fields) {
                Ok((kind, values)) => {
                    if let Err(refused) = self.assert(kind, values, By::Outside) {
                        self.refuse(place, refused);
                    }
                }
                Err(refused) => self.refuse(place, refused),
            }
        }
    }

    fn retract_all(&mut self, facts: Vec<NewFact>) {
        for (place, fact) in facts.into_iter().enumerate() {
            match self.session.memory.by_key(&fact.kind, &fact.fields) {
                Ok(Some(fact)) => {
                    if let Err(refused) = self.retract(fact, By::Outside) {
                        self.refuse(place, refused);
                    }
                }
                Ok(None) => {}
                Err(refused) => self.refuse(place, refused),
            }
        }
    }

    fn refuse(&mut self, place: usize, refused: Refused) {
        let error = told(&refused);
        if matches!(refused, Refused::TooManyMatches) {
            self.halt(error.clone());
        }
        self.step.refused.push((place, error));
    }

    fn assert(&mut self, kind: usize, values: Vec<Value>, by: By) -> Result<(), Refused> {
        let before = self
            .session
            .memory
            .find(kind, &values)
            .and_then(|id| self.session.memory.fact(id).cloned());
        let (asserted, ceased) = self.session.memory.assert_values(kind, values.clone())?;
        let (_, change) = self.session.memory.numbers();
        match asserted {
            Asserted::New(fact) => {
                let kind = self.rules().kinds[kind].name.to_string();
                self.emit(Event::Asserted {
                    fact,
                    kind,
                    fields: values,
                    change,
                    by,
                });
            }
            Asserted::Updated(fact) => {
                let before = before
                    .iter()
                    .flat_map(|before| &before.fields)
                    .map(|field| &field.value);
                let differ = values
                    .iter()
                    .zip(before)
                    .enumerate()
                    .filter(|(_, (new, old))| new != old);
                let fields = differ
                    .map(|(place, (new, _))| (place, new.clone()))
                    .collect();
                self.emit(Event::Updated {
                    fact,
                    fields,
                    change,
                    by,
                });
                self.confirm(fact, by);
            }
            Asserted::Known(fact) => self.confirm(fact, by),
        }
        self.follow(ceased)
    }

    /// Notes new grounds of a fact that was there.
    fn confirm(&mut self, fact: FactId, by: By) {
        let is_known = self
            .session
            .state
            .facts
            .get(&fact)
            .is_some_and(|kept| match by {
                By::Conclusion(firing) => kept.supports.contains(&firing),
                _ => kept.stated,
            });
        if !is_known {
            self.emit(Event::Confirmed { fact, by });
        }
    }

    fn update(
        &mut self,
        fact: FactId,
        mut fields: Vec<(usize, Value)>,
        by: By,
    ) -> Result<(), Refused> {
        let (changed, ceased) = self.session.memory.update_values(fact, fields.clone())?;
        fields.retain(|(place, _)| changed & (1 << place) != 0);
        if !fields.is_empty() {
            let (_, change) = self.session.memory.numbers();
            self.emit(Event::Updated {
                fact,
                fields,
                change,
                by,
            });
        }
        self.follow(ceased)
    }

    fn retract(&mut self, fact: FactId, by: By) -> Result<(), Refused> {
        let (retracted, ceased) = self.session.memory.retract(fact)?;
        if retracted {
            let (_, change) = self.session.memory.numbers();
            self.emit(Event::Retracted { fact, change, by });
        }
        self.follow(ceased)
    }

    /// Truth maintenance: what only ceased matches had concluded goes.
    fn follow(&mut self, ceased: Vec<u64>) -> Result<(), Refused> {
        let is_first = self.ceased.is_empty();
        self.ceased.extend(ceased);
        if !is_first {
            return Ok(());
        }
        while let Some(firing) = self.ceased.front().copied() {
            let concluded = self
                .session
                .state
                .firings
                .get(&firing)
                .map(|firing| firing.supports.clone());
            self.emit(Event::Ceased { firing });
            for fact in concluded.unwrap_or_default() {
                if self.session.state.is_groundless(fact) {
                    self.retract(fact, By::NoSupport)?;
                }
            }
            self.ceased.pop_front();
        }
        Ok(())
    }

    /// After a move: firings that hold in no match of the new rules.
    fn drop_ceased(&mut self) {
        let memory = &self.session.memory;
        let firings = self.session.state.firings();
        let ceased = firings.filter(|(number, firing)| firing.holds && !memory.has_fired(*number));
        let ceased: Vec<u64> = ceased.map(|(number, _)| number).collect();
        if let Err(refused) = self.follow(ceased) {
            self.halt(told(&refused));
        }
    }

    // Firing.

    fn fire_all(&mut self) {
        while self.session.state.phase == Phase::Running {
            let Some(matched) = self.session.memory.fire(self.session.state.next_firing) else {
                return;
            };
            self.session.memory.chain(matched.chain.saturating_add(1));
            let is_endless = matched.chain >= MAX_CHAIN;
            let rule = self.fire(matched);
            if is_endless {
                self.halt_loop(&rule);
            }
        }
    }

    fn halt_loop(&mut self, rule: &str) {
        let message = format!(
            "rule {rule} fired as the last of {MAX_CHAIN} firings, each of which followed from the one before"
        );
        self.halt(
            Error::user("RULES_LOOP", message)
                .hint("let the action change what the rule matches, so that it ceases to hold"),
        );
    }

    fn halt(&mut self, error: Error) {
        if self.session.state.phase == Phase::Running {
            self.emit(Event::Halted {
                error: Box::new(error),
            });
        }
    }

    /// Fires a match; the name of its rule.
    fn fire(&mut self, matched: Match) -> Arc<str> {
        let rules = self.rules();
        let rule = &rules.rules[matched.rule];
        let (firing, facts) = (self.session.state.next_firing, as_they_are(&matched));
        let place = Fireplace::new(rule, &facts);
        let record = place.doings(&rule.record);
        let params = rule
            .run
            .as_ref()
            .map(|run| place.params(&run.params))
            .transpose();
        self.emit(Event::Fired(Box::new(Fired {
            firing,
            rule: rule.name.to_string(),
            facts: facts.clone(),
            cause: matched.cause,
            runs: record.is_ok() && matches!(params, Ok(Some(_))),
        })));
        match (record, params) {
            (Err(problem), _) | (_, Err(problem)) => {
                self.fail(rule, firing, &facts, unevaluated(rule, problem));
            }
            (Ok(doings), Ok(params)) => {
                self.act(firing, doings);
                self.run(rule, firing, 0, params);
            }
        }
        Arc::clone(&rule.name)
    }

    fn run(&mut self, rule: &Rule, firing: u64, generation: u32, params: Option<Json>) {
        if let (Some(run), Some(params)) = (&rule.run, params) {
            self.step.runs.push(RunNow {
                firing,
                generation,
                rule: rule.name.to_string(),
                on: run.what.clone(),
                params,
            });
        }
    }

    /// Does what a section says, in order.
    fn act(&mut self, firing: u64, doings: Vec<Doing>) {
        for doing in doings {
            if let Err(refused) = self.do_one(firing, doing) {
                return self.halt(told(&refused));
            }
        }
    }

    fn do_one(&mut self, firing: u64, doing: Doing) -> Result<(), Refused> {
        match doing {
            Doing::Assert {
                kind,
                values,
                logical: false,
            } => self.assert(kind, values, By::Firing(firing)),
            Doing::Assert {
                kind,
                values,
                logical: true,
            } => match self.holds(firing) {
                true => self.assert(kind, values, By::Conclusion(firing)),
                // What it would be concluded from is gone.
                false => Ok(()),
            },
            Doing::Update { target, fields } => match self.find(target) {
                Some(fact) => self.update(fact, fields, By::Firing(firing)),
                None => Ok(()),
            },
            Doing::Retract(target) => match self.find(target) {
                Some(fact) => self.retract(fact, By::Firing(firing)),
                None => Ok(()),
            },
        }
    }

    fn holds(&self, firing: u64) -> bool {
        self.session
            .state
            .firings
            .get(&firing)
            .is_some_and(|firing| firing.holds)
    }

    fn find(&self, aim: Aim) -> Option<FactId> {
        match aim {
            Aim::Fact(fact) => Some(fact),
            Aim::Keyed { kind, values } => self.session.memory.find(kind, &values),
        }
    }

    /// A firing that failed for good, and what the rule says to that.
    fn fail(&mut self, rule: &Rule, firing: u64, facts: &[MatchedFact], error: Error) {
        let outcome = json!({"class": error.class, "code": error.code, "message": error.message});
        self.emit(Event::Failed {
            firing,
            error: Box::new(kept(error)),
        });
        match Fireplace::new(rule, facts)
            .after("error", outcome)
            .doings(&rule.error)
        {
            Ok(doings) => self.act(firing, doings),
            Err(problem) => self.halt(unevaluated(rule, problem)),
        }
    }

    // Runs.

    fn ended(&mut self, number: u64, generation: u32, result: Result<Json, Error>) {
        let state = &self.session.state;
        let firing = state
            .firings
            .get(&number)
            .filter(|firing| firing.phase == FiringPhase::Out { generation });
        let rules = self.rules();
        let rule = firing.and_then(|firing| rules.find_rule(&firing.rule));
        let (Some(firing), Some((_, rule))) = (firing.cloned(), rule) else {
            self.step.is_ignored = true;
            return;
        };
        match result {
            Ok(result) => self.succeeded(rule, number, generation, &firing, result),
            Err(error) => self.failed(rule, number, generation, &firing, error),
        }
    }

    fn succeeded(
        &mut self,
        rule: &Rule,
        number: u64,
        generation: u32,
        firing: &Firing,
        result: Json,
    ) {
        let place = Fireplace::new(rule, &firing.facts).after("result", result);
        match place.doings(&rule.reaction) {
            Ok(doings) => {
                let still_holds = firing.holds;
                self.emit(Event::Succeeded {
                    firing: number,
                    generation,
                });
                self.act_after(number, still_holds, doings);
            }
            Err(problem) => self.fail(rule, number, &firing.facts, unevaluated(rule, problem)),
        }
    }

    fn act_after(&mut self, firing: u64, still_holds: bool, doings: Vec<Doing>) {
        let lasting =
            |doing: &Doing| still_holds || !matches!(doing, Doing::Assert { logical: true, .. });
        self.act(firing, doings.into_iter().filter(lasting).collect());
    }

    fn failed(&mut self, rule: &Rule, number: u64, generation: u32, firing: &Firing, error: Error) {
        let fault = Fault::of(&error);
        let mut faults = firing.faults;
        faults.count(fault);
        let retry = rule
            .run
            .as_ref()
            .and_then(|run| run.retry.next(&faults, fault));
        match retry {
            Some(wait) => self.emit(Event::Retrying {
                firing: number,
                generation,
                fault,
                retry_at_ms: self.now_ms.saturating_add_unsigned(wait),
                error: Box::new(kept(error)),
            }),
            None => self.fail(rule, number, &firing.facts, error),
        }
    }

    fn tick(&mut self) {
        let due = self
            .session
            .state
            .active()
            .filter_map(|(number, firing)| match firing.phase {
                FiringPhase::Backoff { generation, due_ms } if due_ms <= self.now_ms => {
                    Some((number, generation, firing.clone()))
                }
                _ => None,
            });
        let due: Vec<(u64, u32, Firing)> = due.collect();
        let rules = self.rules();
        for (number, generation, firing) in due {
            let Some((_, rule)) = rules.find_rule(&firing.rule) else {
                continue;
            };
            let place = Fireplace::new(rule, &firing.facts);
            let params = rule
                .run
                .as_ref()
                .and_then(|run| place.params(&run.params).ok());
            self.emit(Event::TriedAgain {
                firing: number,
                generation,
            });
            self.run(rule, number, generation, params);
        }
    }

    // The whole.

    fn resume(&mut self) {
        if self.session.state.phase != Phase::Halted {
            self.step.is_ignored = true;
            return;
        }
        // What was not to be trusted is built anew.
        match Session::restore(self.rules(), self.session.state.clone()) {
            Ok(session) => {
                self.session.memory = session.memory;
                self.emit(Event::Resumed);
            }
            Err(refused) => self.step.refused.push((0, told(&refused))),
        }
    }

    fn cancel(&mut self, reason: String) {
        self.step.stop = self
            .session
            .state
            .out()
            .map(|(number, _, generation)| (number, generation))
            .collect();
        self.emit(Event::Canceled { reason });
    }
}

fn as_they_are(matched: &Match) -> Vec<MatchedFact> {
    let facts = matched.versions.iter().zip(&matched.facts);
    let facts = facts.map(|((fact, version), now)| MatchedFact {
        fact: *fact,
        version: *version,
        fields: now.fields.iter().map(|field| field.value.clone()).collect(),
    });
    facts.collect()
}

fn told(refused: &Refused) -> Error {
    let code = match refused {
        Refused::UnknownType(_) => "UNKNOWN_FACT_TYPE",
        Refused::Malformed(_) => "MALFORMED_FACT",
        Refused::TooManyFacts => "TOO_MANY_FACTS",
        Refused::TooManyMatches => "TOO_MANY_MATCHES",
    };
    Error::user(code, refused.to_string())
}

fn unevaluated(rule: &Rule, problem: String) -> Error {
    Error::user(
        "RULE_WITHOUT_VALUE",
        format!("rule {}: {problem}", rule.name),
    )
}

/// An error as the journal keeps it: itself, without what led to it.
fn kept(mut error: Error) -> Error {
    error.causes = Vec::new();
    let long = error
        .message
        .char_indices()
        .nth(plato::limits::MAX_ERROR_MESSAGE_BYTES / 4);
    if let Some((end, _)) = long {
        error.message.truncate(end);
    }
    error
}
