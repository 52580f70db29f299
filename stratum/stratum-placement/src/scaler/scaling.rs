//! From what is needed to what is done, and why.

use std::fmt;

use super::need::Need;
use super::{Scaler, WorkerId};

/// A change of the number of workers, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// Workers before, those being launched included.
    pub from: u64,
    pub to: u64,
    pub launch: Vec<WorkerId>,
    /// They have nothing to do, or are not ready yet.
    pub stop: Vec<WorkerId>,
    /// Invocations that wait.
    pub depth: u64,
    /// What one takes.
    pub service_ms: u64,
    pub reason: Reason,
}

/// Why there are to be so many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// So many of those that wait should have ended in a time.
    Due {
        count: u64,
        within_ms: u64,
    },
    /// No more are useful for what waits.
    Useful,
    /// The least or the most that there may be.
    Min,
    Max,
    /// As many are to be ready beside the busy ones.
    Warm,
    /// There would be no room for more.
    Spare,
    /// Launches failed; the next one waits so long.
    Pause {
        ms: u64,
    },
    /// Nothing asks for more, and nothing has been idle for long enough.
    Enough,
    /// What some were launched for is done already.
    Unneeded,
    /// Some had nothing to do for so long.
    Idle {
        ms: u64,
    },
}

impl Scaler {
    pub(super) fn scaling(&self, now: u64, spare: u64) -> Scaling {
        let from = self.counts.all();
        let (wanted, why) = self.wanted(now);
        let (to, reason) = match wanted > from {
            true => self.up(from, wanted, why, now, spare),
            false => self.down(from, wanted, now),
        };
        Scaling {
            from,
            to,
            launch: Vec::new(),
            stop: Vec::new(),
            depth: self.depth,
            service_ms: self.service.get(),
            reason,
        }
    }

    fn wanted(&self, now: u64) -> (u64, Reason) {
        let Need {
            workers,
            due,
            within_ms,
        } = self.need(now);
        let needed = Reason::Due {
            count: due,
            within_ms,
        };
        let useful = self.useful();
        let mut wanted = match workers > useful {
            true => (useful, Reason::Useful),
            false => (workers, needed),
        };
        for (least, reason) in [
            (self.counts.busy + self.goal.warm, Reason::Warm),
            (self.goal.min, Reason::Min),
        ] {
            if least > wanted.0 {
                wanted = (least, reason);
            }
        }
        match wanted.0 > self.goal.max {
            true => (self.goal.max, Reason::Max),
            false => wanted,
        }
    }

    fn up(&self, from: u64, wanted: u64, why: Reason, now: u64, spare: u64) -> (u64, Reason) {
        if now < self.not_before {
            let ms = self.not_before - now;
            return (from, Reason::Pause { ms });
        }
        let room = from.saturating_add(spare);
        match self.goal.opportunistic && wanted > room {
            true => (room, Reason::Spare),
            false => (wanted, why),
        }
    }

    /// What arrives keeps as many workers as it makes busy, so that none is stopped between two
    /// arrivals only to be launched again.
    fn down(&self, from: u64, wanted: u64, now: u64) -> (u64, Reason) {
        let kept = self.arrivals.busy(now, self.service.get());
        let to = wanted.max(kept.min(self.goal.max));
        let unneeded = self.unneeded(now, from.saturating_sub(to)).len() as u64;
        let ms = self.goal.idle_ms;
        match unneeded {
            0 => (from, Reason::Enough),
            _ if self.not_needed() > 0 => (from - unneeded, Reason::Unneeded),
            _ => (from - unneeded, Reason::Idle { ms }),
        }
    }
}

/// "3 → 7: depth 41, 12 s each, target 60 s"
impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from, to, depth, ..
        } = self;
        match from == to {
            true => write!(f, "stays {from}: ")?,
            false => write!(f, "{from} → {to}: ")?,
        }
        let each = time(self.service_ms);
        match self.reason {
            Reason::Due { count, within_ms } if count == *depth => {
                write!(f, "depth {depth}, {each} each, target {}", time(within_ms))
            }
            Reason::Due { count, within_ms } => {
                let within = time(within_ms);
                write!(f, "depth {depth}, {each} each, {count} due in {within}")
            }
            Reason::Useful => write!(
                f,
                "depth {depth}, late; one for each batch is all that helps"
            ),
            Reason::Min => f.write_str("as few as there may be"),
            Reason::Max => write!(f, "depth {depth}, {each} each; as many as there may be"),
            Reason::Warm => f.write_str("kept warm beside the busy ones"),
            Reason::Spare => write!(f, "depth {depth}; no room for more beside others"),
            Reason::Pause { ms } => {
                write!(f, "launches fail; the next in {}", time(ms))
            }
            Reason::Enough => write!(f, "depth {depth}; enough for it"),
            Reason::Unneeded => write!(f, "depth {depth}; what more were launched for is done"),
            Reason::Idle { ms } => write!(f, "nothing to do for {}", time(ms)),
        }
    }
}

fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ => format!("{} s", ms / 1_000),
    }
}
