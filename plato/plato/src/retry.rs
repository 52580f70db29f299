//! Whether a task that failed is tried again: budgets by class of error (seam S5).
//!
//! | error                                   | budget     | default |
//! |-----------------------------------------|------------|--------:|
//! | class `function`                        | `function` |       2 |
//! | `function`, out of memory               | `memory`   |       3 |
//! | class `platform`                        | `platform` |      50 |
//! | `platform`, all deliveries used up      | `crashes`  |       2 |
//! | `user`, `source`, `canceled`, `deadline`| none       |       0 |

use errors::{Class, Error};
use serde::{Deserialize, Serialize};

/// The code of the error of a message that used up its deliveries: every worker
/// that took it was lost, so the task itself is under suspicion.
pub const ATTEMPTS_USED_UP: &str = "ATTEMPTS_USED_UP";

/// The code of the error of a function that needed more memory than its shape had: the next try
/// is in a larger one.
pub const OUT_OF_MEMORY: &str = "OUT_OF_MEMORY";

/// How often a task is tried again, by who was to blame, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Failures of the function.
    pub function: u32,
    /// Shapes that were outgrown.
    pub memory: u32,
    /// Losses of machines and services.
    pub platform: u32,
    /// Tries whose every delivery was lost: the breaker of crash loops.
    pub crashes: u32,
    /// Wait before the first retry, in milliseconds; doubles with each.
    pub backoff_ms: u64,
    /// The longest wait, in milliseconds.
    pub max_backoff_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            function: 2,
            memory: 3,
            platform: 50,
            crashes: 2,
            backoff_ms: 500,
            max_backoff_ms: 30_000,
        }
    }
}

impl Retry {
    /// No second try, whatever happened.
    pub const NEVER: Self = Self {
        function: 0,
        memory: 0,
        platform: 0,
        crashes: 0,
        backoff_ms: 0,
        max_backoff_ms: 0,
    };

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The wait before another try after the failures so far (this one counted),
    /// in milliseconds; `None` when the budget is spent.
    pub fn next(&self, faults: &Faults, fault: Fault) -> Option<u64> {
        let (count, budget) = match fault {
            Fault::Function => (faults.function, self.function),
            Fault::Memory => (faults.memory, self.memory),
            Fault::Platform => (faults.platform, self.platform),
            Fault::Crash => (faults.crashes, self.crashes),
            Fault::Final => return None,
        };
        (count <= budget).then(|| self.backoff(faults.total()))
    }

    fn backoff(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1).min(32);
        self.backoff_ms
            .saturating_mul(1 << doublings)
            .min(self.max_backoff_ms)
    }
}

/// Which budget a failure is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Function,
    Memory,
    Platform,
    Crash,
    /// Another try cannot help.
    Final,
}

impl Fault {
    /// Whose budget `error` is counted against.
    pub fn of(error: &Error) -> Self {
        match error.class {
            Class::Function if error.code == OUT_OF_MEMORY => Self::Memory,
            Class::Function => Self::Function,
            Class::Platform if error.code == ATTEMPTS_USED_UP => Self::Crash,
            Class::Platform => Self::Platform,
            Class::User | Class::Source | Class::Canceled | Class::Deadline => Self::Final,
        }
    }
}

/// How often one task has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    #[serde(default, rename = "f", skip_serializing_if = "is_zero")]
    pub function: u32,
    #[serde(default, rename = "m", skip_serializing_if = "is_zero")]
    pub memory: u32,
    #[serde(default, rename = "p", skip_serializing_if = "is_zero")]
    pub platform: u32,
    #[serde(default, rename = "c", skip_serializing_if = "is_zero")]
    pub crashes: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Faults {
    /// Counts one more.
    pub fn count(&mut self, fault: Fault) {
        let counter = match fault {
            Fault::Function => &mut self.function,
            Fault::Memory => &mut self.memory,
            Fault::Platform => &mut self.platform,
            Fault::Crash => &mut self.crashes,
            Fault::Final => return,
        };
        *counter = counter.saturating_add(1);
    }

    fn total(&self) -> u32 {
        self.function
            .saturating_add(self.memory)
            .saturating_add(self.platform)
            .saturating_add(self.crashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many retries a task gets that always fails with `error`.
    fn retries(error: Error) -> usize {
        let mut faults = Faults::default();
        let fault = Fault::of(&error);
        std::iter::from_fn(|| {
            faults.count(fault);
            Retry::default().next(&faults, fault)
        })
        .count()
    }

    #[test]
    fn every_class_has_its_budget() {
        assert_eq!(retries(Error::function("EXIT_1", "")), 2);
        assert_eq!(retries(Error::function(OUT_OF_MEMORY, "")), 3);
        assert_eq!(retries(Error::platform("LOST", "")), 50);
        assert_eq!(retries(Error::platform(ATTEMPTS_USED_UP, "")), 2);
        assert_eq!(retries(Error::user("WRONG", "")), 0);
        assert_eq!(retries(Error::source("TRUNCATED", "")), 0);
        assert_eq!(retries(Error::canceled("")), 0);
        assert_eq!(retries(Error::new(Class::Deadline, "LATE", "")), 0);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let wait = |platform| {
            let faults = Faults {
                platform,
                ..Faults::default()
            };
            Retry::default().next(&faults, Fault::Platform)
        };
        assert_eq!(
            [wait(1), wait(2), wait(3)],
            [Some(500), Some(1_000), Some(2_000)]
        );
        assert_eq!(wait(40), Some(30_000));
        assert_eq!(wait(51), None);
    }
}
