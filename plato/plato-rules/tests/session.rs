//! Rules at work: firings, runs, conclusions, loops, versions and journals.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use errors::Error;
use plato::Header;
use plato_rules::{
    Entry, Event, FactId, Fired, FiringPhase, Input, NewFact, Phase, RuleBase, Rules, RunOn,
    Session, State, Step, Type, Value,
};
use serde_json::{Value as Json, json};

/// Encodes what there is no encode of the newest release of; a title without a
/// source is a concern.
const RULES: &str = include_str!("../examples/freshness.yaml");

fn rules(text: &str) -> Arc<Rules> {
    Arc::new(Rules::new(RuleBase::of_yaml(text).unwrap()).unwrap())
}

/// A session with its journal, which must always fold to its state.
struct Desk {
    rules: Arc<Rules>,
    session: Session,
    journal: Vec<Entry>,
    now_ms: i64,
}

impl Desk {
    fn new(text: &str) -> Self {
        let rules = rules(text);
        let (session, step) = Session::start(Arc::clone(&rules), "w", Header::default(), 0);
        let mut desk = Self {
            rules,
            session,
            journal: Vec::new(),
            now_ms: 0,
        };
        desk.keep(&step);
        desk
    }

    fn keep(&mut self, step: &Step) {
        let first = self.session.state().events - step.events.len() as u64;
        if !step.events.is_empty() {
            let events = step.events.clone();
            let entry = Entry {
                first,
                at_ms: self.now_ms,
                events,
            };
            // As it is stored.
            let stored = serde_json::to_string(&entry).unwrap();
            self.journal.push(serde_json::from_str(&stored).unwrap());
        }
        let folded = State::fold("w", &self.journal).unwrap().unwrap();
        assert_eq!(&folded, self.session.state());
        let snapshot = serde_json::to_string(&folded).unwrap();
        assert_eq!(serde_json::from_str::<State>(&snapshot).unwrap(), folded);
    }

    fn handle(&mut self, input: Input) -> Step {
        self.now_ms += 1;
        let step = self.session.handle(input, self.now_ms);
        self.keep(&step);
        step
    }

    fn assert(&mut self, kind: &str, fields: Json) -> Step {
        let step = self.handle(Input::Assert(vec![self.fact(kind, fields)]));
        assert_eq!(step.refused, []);
        step
    }

    fn fact(&self, kind: &str, fields: Json) -> NewFact {
        let types = &self.rules.base().facts[kind].fields;
        let fields = fields.as_object().unwrap().iter();
        let fields =
            fields.map(|(name, json)| (name.clone(), Value::of_json(json, types[name]).unwrap()));
        NewFact {
            kind: kind.into(),
            fields: fields.collect(),
        }
    }

    /// What is left after a crash: the journal.
    fn crash(&mut self) {
        let state = State::fold("w", &self.journal).unwrap().unwrap();
        self.session = Session::restore(Arc::clone(&self.rules), state).unwrap();
    }

    fn state_of(&self, title: &str, codec: &str) -> Option<String> {
        let memory = self.session.memory();
        let fact = self.fact("Encode", json!({"title": title, "codec": codec}));
        let id = memory.by_key("Encode", &fact.fields).unwrap()?;
        memory.value(id, "state").map(ToString::to_string)
    }
}

fn ended(step: &Step, result: Result<Json, Error>) -> Input {
    let run = &step.runs[0];
    Input::Ended {
        firing: run.firing,
        generation: run.generation,
        result,
    }
}

fn fired(step: &Step) -> Vec<&Fired> {
    let fired = step.events.iter().filter_map(|event| match event {
        Event::Fired(fired) => Some(&**fired),
        _ => None,
    });
    fired.collect()
}

#[test]
fn a_rule_records_runs_and_reacts() {
    let mut desk = Desk::new(RULES);
    assert!(
        desk.assert("Encoder", json!({"codec": "av1", "release": 1}))
            .runs
            .is_empty()
    );
    let step = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    assert_eq!(step.runs.len(), 1);
    assert_eq!(
        step.runs[0].params,
        json!({"source": "a.mov", "codec": "av1", "passes": 2})
    );
    assert_eq!(
        step.runs[0].on,
        RunOn::Workflow {
            definition: "example.encode".into(),
            version: 0
        }
    );
    assert_eq!(desk.state_of("t1", "av1").unwrap(), "\"running\"");
    assert!(!desk.session.state().is_quiet());

    let done = ended(&step, Ok(json!({"seconds": 7})));
    desk.handle(done.clone());
    assert_eq!(desk.state_of("t1", "av1").unwrap(), "\"done in 7 s\"");
    assert!(desk.session.state().is_quiet());
    assert!(desk.handle(done).is_ignored, "a result counts once");

    // The same again is nothing new; a better encoder makes the finished title match again.
    assert!(
        desk.assert("Encoder", json!({"codec": "av1", "release": 1}))
            .events
            .is_empty()
    );
    let again = desk.assert("Encoder", json!({"codec": "av1", "release": 2}));
    assert_eq!(again.runs.len(), 1);
    assert_eq!(desk.state_of("t1", "av1").unwrap(), "\"running\"");
}

#[test]
fn a_run_is_tried_again_within_its_budget_then_the_rule_hears_of_the_error() {
    let mut desk = Desk::new(RULES);
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let step = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let crashed = || Err(Error::function("CRASHED", "it crashed"));
    let failed = desk.handle(ended(&step, crashed()));
    assert!(failed.runs.is_empty());
    let due = desk.session.due().unwrap();
    assert_eq!(due, desk.now_ms + 100);
    assert!(desk.handle(Input::Tick).events.is_empty(), "too early");
    desk.now_ms = due;
    let again = desk.handle(Input::Tick);
    assert_eq!((again.runs.len(), again.runs[0].generation), (1, 1));
    assert_eq!(again.runs[0].params, step.runs[0].params);
    assert!(
        desk.handle(ended(&step, Ok(json!({"seconds": 1}))))
            .is_ignored,
        "the first try is over"
    );
    let failed = desk.handle(ended(&again, crashed()));
    assert!(
        failed
            .events
            .iter()
            .any(|event| matches!(event, Event::Failed { .. }))
    );
    assert_eq!(desk.state_of("t1", "av1").unwrap(), "\"failed: CRASHED\"");
    assert_eq!(desk.session.due(), None);
}

#[test]
fn a_crash_between_any_two_inputs_changes_nothing() {
    let mut desk = Desk::new(RULES);
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    desk.crash();
    let step = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    desk.crash();
    assert!(desk.handle(Input::Tick).runs.is_empty(), "it fires once");
    let out: Vec<_> = desk
        .session
        .state()
        .out()
        .map(|(firing, _, generation)| (firing, generation))
        .collect();
    assert_eq!(out, [(step.runs[0].firing, 0)]);
    desk.handle(ended(&step, Ok(json!({"seconds": 7}))));
    desk.crash();
    assert_eq!(desk.state_of("t1", "av1").unwrap(), "\"done in 7 s\"");
    assert!(
        desk.assert("Title", json!({"id": "t1", "source": "a.mov"}))
            .runs
            .is_empty()
    );
    assert_eq!(
        desk.assert("Encoder", json!({"codec": "av1", "release": 2}))
            .runs
            .len(),
        1
    );
}

#[test]
fn a_conclusion_goes_with_what_it_was_drawn_from() {
    let mut desk = Desk::new(RULES);
    let step = desk.assert("Title", json!({"id": "t1", "source": ""}));
    assert_eq!(fired(&step).len(), 1);
    assert_eq!(desk.session.state().facts(), 2);
    // Somebody else is concerned, too: then it stays.
    desk.assert("Title", json!({"id": "t2", "source": ""}));
    desk.assert("Concern", json!({"title": "t2", "what": "no source"}));
    desk.crash();
    desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    desk.assert("Title", json!({"id": "t2", "source": "b.mov"}));
    assert_eq!(desk.session.state().facts(), 3);
    assert_eq!(desk.session.state().firings().count(), 0);
}

#[test]
fn a_fact_that_goes_takes_its_matches_along() {
    let mut desk = Desk::new(RULES);
    desk.assert("Title", json!({"id": "t1", "source": ""}));
    let fact = desk.fact("Title", json!({"id": "t1"}));
    desk.handle(Input::Retract(vec![fact.clone()]));
    assert_eq!(desk.session.state().facts(), 0);
    assert!(desk.handle(Input::Retract(vec![fact])).events.is_empty());
}

const LOOP: &str = r#"
name: t.loop
version: 1
facts:
  Count: {key: [id], fields: {id: string, n: int}}
rules:
  - name: up
    match: [{fact: Count, as: count, when: count.n >= 0}]
    action: {record: [{update: {fact: count, fields: {n: count.n + 1}}}]}
"#;

#[test]
fn rules_that_fire_for_ever_are_halted_with_a_reason() {
    let mut desk = Desk::new(LOOP);
    let step = desk.assert("Count", json!({"id": "a", "n": 0}));
    assert_eq!(
        fired(&step).len(),
        plato_rules::limits::MAX_CHAIN as usize + 1
    );
    let state = desk.session.state();
    assert_eq!(state.phase, Phase::Halted);
    let error = state.error.clone().unwrap();
    assert!(
        error.code == "RULES_LOOP" && error.message.contains("rule up"),
        "{error:?}"
    );
    // Facts are still taken; when they make an end of it, it goes on.
    assert!(fired(&desk.assert("Count", json!({"id": "a", "n": -1}))).is_empty());
    desk.handle(Input::Resume);
    assert_eq!(desk.session.state().phase, Phase::Running);
    assert!(desk.session.state().is_quiet());
}

#[test]
fn a_number_that_overflows_fails_the_firing_and_nothing_else() {
    let mut desk = Desk::new(LOOP);
    let step = desk.assert("Count", json!({"id": "a", "n": i64::MAX}));
    assert!(step.events.iter().any(
        |event| matches!(event, Event::Failed { error, .. } if error.code == "RULE_WITHOUT_VALUE")
    ));
    assert_eq!(desk.session.state().phase, Phase::Running);
    let firings: Vec<_> = desk
        .session
        .state()
        .firings()
        .map(|(_, firing)| firing.phase)
        .collect();
    assert_eq!(firings, [FiringPhase::Failed]);
}

#[test]
fn a_subject_moves_to_newer_rules_when_it_is_quiet() {
    let mut desk = Desk::new(RULES);
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let step = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let newer = RULES
        .replace("version: 1", "version: 2")
        .replace("passes: 2", "passes: 3")
        + r#"
  - name: announce
    match: [{fact: Encode, as: encode, where: {title: $id}, when: 'encode.state.startsWith("done")'}]
    action: {run: {function: t-announce, params: {title: id}}}
"#;
    let newer = rules(&newer);
    assert!(
        desk.session.move_to(Arc::clone(&newer), 9).is_none(),
        "a run is out"
    );
    desk.handle(ended(&step, Ok(json!({"seconds": 7}))));
    let moved = desk
        .session
        .move_to(Arc::clone(&newer), desk.now_ms)
        .unwrap();
    desk.keep(&moved);
    desk.rules = newer;
    assert_eq!(desk.session.state().header.version, 2);
    let rules_fired: Vec<&str> = fired(&moved)
        .iter()
        .map(|fired| fired.rule.as_str())
        .collect();
    assert_eq!(
        rules_fired,
        ["announce"],
        "a rule that keeps its name does not fire again"
    );
    desk.crash();
    assert_eq!(desk.session.state().out().count(), 1);

    let other_facts = RULES
        .replace("version: 1", "version: 3")
        .replace("source: string", "source: bytes")
        .replace("source != \"\"", "source != b\"\"");
    let mut quiet = Desk::new(RULES);
    quiet.assert("Title", json!({"id": "t1", "source": "x"}));
    assert!(
        quiet.session.move_to(rules(&other_facts), 9).is_none(),
        "its facts are not theirs"
    );
}

#[test]
fn facts_that_do_not_fit_are_refused_one_by_one() {
    let mut desk = Desk::new(RULES);
    let good = desk.fact("Encoder", json!({"codec": "av1", "release": 1}));
    let mut wrong = good.clone();
    wrong.fields.insert("release".into(), Value::Int(1));
    let mut missing = good.clone();
    missing.fields.remove("codec");
    let unknown = NewFact {
        kind: "Encodr".into(),
        ..good.clone()
    };
    let step = desk.handle(Input::Assert(vec![wrong, missing, unknown, good]));
    let refused: Vec<(usize, &str)> = step
        .refused
        .iter()
        .map(|(place, error)| (*place, error.message.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (0, "Encoder.release is uint, not int"),
            (1, "Encoder.codec has no value"),
            (2, "there is no fact type `Encodr`"),
        ]
    );
    assert_eq!(desk.session.state().facts(), 1);
}

#[test]
fn a_canceled_session_tells_its_runs_to_stop_and_takes_nothing_more() {
    let mut desk = Desk::new(RULES);
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let step = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let canceled = desk.handle(Input::Cancel {
        reason: "over".into(),
    });
    assert_eq!(canceled.stop, [(step.runs[0].firing, 0)]);
    assert!(desk.handle(ended(&step, Ok(json!({})))).is_ignored);
    assert!(desk.handle(Input::Resume).is_ignored);
}

#[test]
fn a_paused_session_knows_more_but_fires_nothing() {
    let mut desk = Desk::new(RULES);
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let first = desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let reason = || "look".to_owned();
    desk.handle(Input::Pause { reason: reason() });
    assert!(desk.handle(Input::Pause { reason: reason() }).is_ignored);
    let second = desk.assert("Title", json!({"id": "t2", "source": "b.mov"}));
    assert_eq!((second.runs, fired(&first).len()), (vec![], 1));
    assert_eq!(desk.session.memory().waiting().count(), 1);
    // What was out ends, and is recorded; what failed waits.
    desk.handle(ended(&first, Err(Error::function("BROKEN", "no"))));
    assert_eq!(desk.session.due(), None);
    let resumed = desk.handle(Input::Resume);
    assert_eq!(fired(&resumed).len(), 1);
    assert!(desk.session.due().is_some());
    assert!(desk.handle(Input::Resume).is_ignored);
}

#[test]
fn a_firing_is_explained() {
    let mut desk = Desk::new(RULES);
    desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let step = desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let explained = desk.rules.explain(fired(&step)[0]);
    assert_eq!(
        explained,
        "firing 1: rule encode\n  \
           why now: encoder f2 was asserted\n  \
           title    f1, version 1: Title(id \"t1\", source \"a.mov\")\n  \
           encoder  f2, version 2: Encoder(codec \"av1\", release 1)\n  \
           no Encode(codec = $codec, title = $id, encode.release >= encoder.release)\n  \
           $id = \"t1\"\n  \
           $codec = \"av1\"\n  \
           runs workflow example.encode\n"
    );
    assert_eq!(fired(&step)[0].facts[0].fact, FactId(1));
    assert_eq!(desk.rules.base().facts["Title"].fields["id"], Type::String);
}

#[test]
fn a_rule_that_does_not_fire_says_what_it_lacks() {
    let mut desk = Desk::new(RULES);
    let told = |desk: &Desk| {
        let standings = desk.session.memory().standings();
        let of = standings
            .into_iter()
            .find(|of| of.rule == "encode")
            .unwrap();
        let lines = of.text.lines().skip(1).map(str::to_owned);
        (of.pattern, lines.collect::<Vec<_>>(), of.matches)
    };
    let lacks = |pattern: &str, lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        (pattern.to_owned(), lines, 0)
    };
    assert_eq!(
        told(&desk),
        lacks("title", &["  title    there is no Title"])
    );
    desk.assert("Title", json!({"id": "t1", "source": ""}));
    let unfit = "f1: Title(id \"t1\", source \"\") does not fit: \
                 `title.source != \"\"` does not hold";
    assert_eq!(
        told(&desk),
        lacks("title", &[&format!("  title    {unfit}")])
    );
    desk.assert("Title", json!({"id": "t1", "source": "a.mov"}));
    let title = "  title    f1: Title(id \"t1\", source \"a.mov\")";
    assert_eq!(
        told(&desk),
        lacks("encoder", &[title, "  encoder  there is no Encoder"])
    );
    // It fires, and makes the fact that must not be for it to fire.
    desk.assert("Encoder", json!({"codec": "av1", "release": 1}));
    let encoder = "  encoder  f3: Encoder(codec \"av1\", release 1)";
    let running = "  encode   f4: Encode(codec \"av1\", release 1, state \"running\", \
                   title \"t1\") is there, and must not be";
    assert_eq!(told(&desk), lacks("encode", &[title, encoder, running]));
}

#[test]
fn joins_and_conditions_that_do_not_hold_are_told_with_the_facts() {
    const LOANS: &str = r#"
name: t.loans
version: 1
facts:
  Book: {key: [id], fields: {id: string, copies: uint}}
  Wish: {key: [who, book], fields: {who: string, book: string, copies: uint}}
  Done: {fields: {what: string, who: string}}
rules:
  - name: lend
    match:
      - {fact: Wish, as: wish, where: {book: $id}}
      - {fact: Book, where: {id: $id, copies: 2}}
    action: {record: [{assert: {fact: Done, fields: {what: '"lend"', who: wish.who}}}]}
  - name: buy
    match:
      - {fact: Wish, as: wish, where: {book: $id}}
      - {exists: Book, as: book, where: {id: $id}, when: wish.copies > book.copies}
    action: {record: [{assert: {fact: Done, fields: {what: '"buy"', who: wish.who}}}]}
  - name: greet
    match: [{fact: Wish, as: wish}]
    action: {record: [{assert: {fact: Done, fields: {what: '"greet"', who: wish.who}}}]}
"#;
    let mut desk = Desk::new(LOANS);
    desk.assert("Wish", json!({"who": "ana", "book": "b1", "copies": 1}));
    desk.assert("Book", json!({"id": "b2", "copies": 2}));
    let told = |desk: &Desk| {
        let standings = desk.session.memory().standings();
        let last = standings
            .iter()
            .map(|of| of.text.lines().last().unwrap().to_owned());
        last.collect::<Vec<_>>()
    };
    assert_eq!(
        told(&desk),
        [
            "  pattern 2 there is no fitting Book: some Book(copies = 2, id = $id)",
            "  book     there is no fitting Book: some Book(id = $id, wish.copies > book.copies)",
            "rule greet has 1 match: fired for it, and does not again until it ceases to hold",
        ]
    );
    desk.assert("Book", json!({"id": "b1", "copies": 1}));
    assert_eq!(
        told(&desk)[1],
        "  book     `wish.copies > book.copies` does not hold for f4: Book(copies 1, id \"b1\")"
    );
    desk.handle(Input::Retract(vec![
        desk.fact("Book", json!({"id": "b2", "copies": 2})),
    ]));
    assert_eq!(
        told(&desk)[0],
        "  pattern 2 f4: Book(copies 1, id \"b1\") does not fit: copies is not 2"
    );
}
