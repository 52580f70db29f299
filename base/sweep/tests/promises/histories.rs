//! Random histories of writers, clocks, sweeps and crashes.

use std::collections::BTreeMap;
use std::task::{Context, Poll};
use std::time::Duration;

use blob::Digest;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::task::noop_waker_ref;
use proptest::prelude::*;
use sweep::{Report, references};

use crate::world::{Blobs, GRACE, MEMOS_KEEP, pass};

#[derive(Clone, Debug)]
enum Step {
    /// A writer puts a blob that refers to some that it puts too, to refer to it soon.
    Put {
        writer: u8,
        text: u8,
        inner: Vec<u8>,
    },
    /// A writer writes its reference down, unless it took too long.
    Commit {
        writer: u8,
        row: u8,
    },
    /// A row becomes another, in one commit.
    Move {
        from: u8,
        to: u8,
    },
    Forget {
        row: u8,
    },
    Remember {
        writer: u8,
        key: u8,
    },
    /// A worker asks for a memo.
    Ask {
        writer: u8,
        key: u8,
    },
    /// A worker touches what it was answered with, to refer to it soon.
    Use {
        writer: u8,
    },
    Pass {
        seconds: u8,
    },
    /// A sweep begins, where none goes on.
    Sweep {
        most: u8,
    },
    /// So many steps of the sweep that goes on.
    Go {
        steps: u8,
    },
    /// The sweeper, and all that writers had in mind, are gone.
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    let small = || 0_u8..5;
    prop_oneof![
        3 => (small(), 0_u8..12, prop::collection::vec(0_u8..12, 0..3))
            .prop_map(|(writer, text, inner)| Step::Put { writer, text, inner }),
        3 => (small(), small()).prop_map(|(writer, row)| Step::Commit { writer, row }),
        1 => (small(), small()).prop_map(|(from, to)| Step::Move { from, to }),
        2 => small().prop_map(|row| Step::Forget { row }),
        1 => (small(), small()).prop_map(|(writer, key)| Step::Remember { writer, key }),
        2 => (small(), small()).prop_map(|(writer, key)| Step::Ask { writer, key }),
        2 => small().prop_map(|writer| Step::Use { writer }),
        3 => (0_u8..90).prop_map(|seconds| Step::Pass { seconds }),
        2 => (1_u8..6).prop_map(|most| Step::Sweep { most }),
        6 => (1_u8..12).prop_map(|steps| Step::Go { steps }),
        1 => Just(Step::Crash),
    ]
}

#[derive(Default)]
struct World {
    blobs: Blobs,
    rows: BTreeMap<u8, Bytes>,
    /// What writers are about to write down, and since when.
    minds: BTreeMap<u8, (Digest, clock::Timestamp)>,
    /// What workers were answered by memos.
    answers: BTreeMap<u8, Bytes>,
    sweep: Option<LocalBoxFuture<'static, Report>>,
}

impl World {
    fn take(&mut self, step: Step) {
        match step {
            Step::Put {
                writer,
                text,
                inner,
            } => self.put(writer, text, &inner),
            Step::Commit { writer, row } => {
                if let Some(reference) = self.in_mind(writer) {
                    self.rows.insert(row, reference.into());
                }
            }
            Step::Remember { writer, key } => {
                if let Some(reference) = self.in_mind(writer) {
                    self.blobs.remember(key, reference);
                }
            }
            Step::Ask { writer, key } => {
                let answer = self.blobs.ask(key);
                self.answers.extend(answer.map(|answer| (writer, answer)));
            }
            Step::Use { writer } => self.use_answer(writer),
            Step::Move { from, to } => {
                if let Some(row) = self.rows.remove(&from) {
                    self.rows.insert(to, row);
                }
            }
            Step::Forget { row } => drop(self.rows.remove(&row)),
            Step::Pass { seconds } => self.blobs.pass(Duration::from_secs(seconds.into())),
            Step::Sweep { most } => self.begin(u64::from(most)),
            Step::Go { steps } => (0..steps).for_each(|_| self.go()),
            Step::Crash => {
                self.sweep = None;
                self.minds.clear();
                self.answers.clear();
            }
        }
    }

    fn put(&mut self, writer: u8, text: u8, inner: &[u8]) {
        let inner: String = inner
            .iter()
            .map(|text| self.blobs.put(&format!("text {text}")).to_string())
            .collect();
        let blob = self.blobs.put(&format!("text {text}{inner}"));
        self.minds.insert(writer, (blob, self.blobs.now()));
    }

    fn use_answer(&mut self, writer: u8) {
        let answer = self.answers.remove(&writer);
        if let Some(answer) = answer.filter(|answer| self.blobs.touch(answer)) {
            let blob = references(&answer).next().unwrap();
            self.minds.insert(writer, (blob, self.blobs.now()));
        }
    }

    /// What a writer is about to write down, if that was put less than a grace ago.
    fn in_mind(&self, writer: u8) -> Option<String> {
        let (digest, put) = self.minds.get(&writer)?;
        (self.blobs.now().since(*put) < GRACE).then(|| digest.to_string())
    }

    fn begin(&mut self, most: u64) {
        if self.sweep.is_none() {
            let (blobs, rows) = (self.blobs.clone(), self.rows.clone());
            let began = blobs.now();
            self.sweep = Some(pass(blobs, rows, began, most, false).boxed_local());
        }
    }

    fn go(&mut self) {
        if let Some(sweep) = &mut self.sweep
            && let Poll::Ready(_) = sweep.poll_unpin(&mut Context::from_waker(noop_waker_ref()))
        {
            self.sweep = None;
        }
    }

    /// The sweep that goes on, to its end.
    fn sweep_all_begun(&mut self) {
        while self.sweep.is_some() {
            self.go();
        }
    }

    /// A whole pass, while nothing else happens.
    fn sweep_all(&mut self) -> Report {
        self.sweep = None;
        let (blobs, rows) = (self.blobs.clone(), self.rows.clone());
        let began = blobs.now();
        let mut sweep = pass(blobs, rows, began, u64::MAX, false).boxed_local();
        loop {
            let mut context = Context::from_waker(noop_waker_ref());
            if let Poll::Ready(report) = sweep.poll_unpin(&mut context) {
                return report;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_is_referred_to_goes_and_everything_else_does(
        steps in prop::collection::vec(any_step(), 1..120),
    ) {
        let mut world = World::default();
        for step in steps {
            world.take(step.clone());
            let lost = world.blobs.lost(&world.rows);
            prop_assert!(lost.is_empty(), "{:?} lost {:?}", step, lost);
        }
        world.rows.clear();
        world.blobs.pass(MEMOS_KEEP + Duration::from_millis(1));
        let there = world.blobs.count() as u64;
        let report = world.sweep_all();
        prop_assert_eq!((report.blobs, report.removed, report.memos), (there, there, 0));
        prop_assert_eq!(world.blobs.count(), 0);
        prop_assert_eq!(world.blobs.lost(&world.rows), []);
    }
}

/// That the histories above reach the narrow places: a writer who is slower than the grace, and
/// one who writes down what it did not put, lose their blobs.
#[test]
fn the_rule_for_writers_is_needed() {
    let mut world = World::default();
    let blob = world.blobs.put("text");
    world.blobs.pass(GRACE * 2);
    world.begin(9);
    world.rows.insert(0, blob.to_string().into());
    world.sweep_all_begun();
    assert_eq!(world.blobs.lost(&world.rows), [blob]);
}

#[test]
fn a_put_while_the_sweep_goes_on_keeps_what_was_there() {
    let mut world = World::default();
    world.blobs.put("text 1");
    world.blobs.pass(GRACE * 2);
    world.begin(9);
    world.go();
    world.put(0, 1, &[]);
    world.take(Step::Commit { writer: 0, row: 0 });
    world.sweep_all_begun();
    assert!(world.blobs.lost(&world.rows).is_empty());
    assert_eq!(world.blobs.count(), 1);
}
