//! Why a task is where it is.

use super::Placer;
use crate::{Standing, TaskId, Why};

impl Placer {
    /// Where a task stands; `None` where it is not known.
    pub fn explain(&self, task: TaskId, now: u64) -> Option<Standing> {
        let entry = self.tasks.get(&task)?;
        if let Some(run) = entry.run {
            return Some(Standing::Running {
                host_name: self.names[run.host.index()].clone(),
                since: run.started,
            });
        }
        let place = self.turn(&entry.task).place(now);
        Some(Standing::Waiting {
            why: self.why(task, entry.kind()),
            ahead: self.waiting.ahead(entry.task.pool, place, now),
        })
    }

    fn why(&self, task: TaskId, kind: crate::waiting::Kind) -> Why {
        let demand = kind.demand;
        if !self.capacities.keys().any(|all| demand.fits(*all)) {
            let largest = self.largest;
            return Why::TooLarge { demand, largest };
        }
        if let Some(host) = self.kept.get(&task) {
            let host_name = self.names[host.index()].clone();
            return Why::Kept { host_name };
        }
        if let Some(full) = self.pools.full(kind.pool, demand) {
            let pool = self.pools.name(full).to_owned();
            return Why::PoolFull { pool };
        }
        match self.index.best(demand, self.largest) {
            Some(_) => Why::NextRound,
            None => Why::NoRoom {
                demand,
                free: self.index.free(),
            },
        }
    }
}
