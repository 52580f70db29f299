//! Clusters that are easy to write down.

use std::collections::BTreeMap;

use stratum_placement::{
    Class, Decision, Host, HostId, Patience, Placer, Pool, Resources, Task, TaskId,
};

/// So many processors, and nothing else.
pub(crate) fn cpus(count: u64) -> Resources {
    Resources::new(count, 0, 0, 0)
}

pub(crate) fn pool(name: &str, reserved: u64, weight: u32) -> Pool {
    Pool {
        reserved: cpus(reserved),
        weight,
        ..Pool::named(name)
    }
}

/// A cluster, and what really runs in it when its decisions are carried out.
pub(crate) struct World {
    pub(crate) placer: Placer,
    pub(crate) hosts: Vec<HostId>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// Where tasks run, and since when.
    pub(crate) running: BTreeMap<TaskId, (HostId, u64)>,
    next: u64,
}

impl World {
    pub(crate) fn new(pools: Vec<Pool>, patience: Patience, hosts: &[Resources]) -> Self {
        let mut placer = Placer::new(pools, patience).unwrap();
        let add = |(n, capacity): (usize, &Resources)| {
            let name = format!("h{n}");
            let capacity = *capacity;
            placer.add_host(Host { name, capacity }).unwrap()
        };
        let hosts = hosts.iter().enumerate().map(add).collect();
        Self {
            placer,
            hosts,
            tasks: BTreeMap::new(),
            running: BTreeMap::new(),
            next: 0,
        }
    }

    /// One pool of hosts with so many processors each.
    pub(crate) fn plain(hosts: &[u64]) -> Self {
        let hosts: Vec<Resources> = hosts.iter().map(|count| cpus(*count)).collect();
        Self::new(vec![Pool::named("all")], Patience::default(), &hosts)
    }

    pub(crate) fn submit(
        &mut self,
        pool: &str,
        class: Class,
        demand: Resources,
        since: u64,
    ) -> TaskId {
        self.submit_due(pool, class, demand, since, None)
    }

    pub(crate) fn submit_due(
        &mut self,
        pool: &str,
        class: Class,
        demand: Resources,
        since: u64,
        deadline: Option<u64>,
    ) -> TaskId {
        let id = TaskId(self.next);
        self.next += 1;
        let task = Task {
            id,
            pool: self.placer.pool(pool).unwrap(),
            class,
            deadline,
            since,
            demand,
        };
        self.placer.submit(task.clone()).unwrap();
        self.tasks.insert(id, task);
        id
    }

    /// Decides and does it, as a real cluster would.
    pub(crate) fn round(&mut self, now: u64) -> Vec<Decision> {
        let decisions = self.placer.decide(now);
        for decision in &decisions {
            match decision {
                Decision::Start(start) => {
                    let was = self.running.insert(start.task, (start.host, now));
                    assert_eq!(was, None, "{decision} while it runs");
                }
                Decision::Preempt(preempt) => {
                    let was = self.running.remove(&preempt.task);
                    assert_eq!(was.map(|(host, _)| host), Some(preempt.host), "{decision}");
                }
                Decision::Keep(_) => {}
            }
        }
        decisions
    }

    pub(crate) fn finish(&mut self, task: TaskId) {
        self.running.remove(&task);
        self.tasks.remove(&task);
        self.placer.remove(task).unwrap();
    }

    /// Ends everything that has run for so long.
    pub(crate) fn finish_after(&mut self, ran: u64, now: u64) {
        let running = self.running.iter();
        let ended = running.filter(|(_, (_, started))| started + ran <= now);
        for task in ended.map(|(task, _)| *task).collect::<Vec<_>>() {
            self.finish(task);
        }
    }

    pub(crate) fn runs(&self, task: TaskId) -> bool {
        self.running.contains_key(&task)
    }

    /// What runs on a host altogether.
    pub(crate) fn load(&self, host: HostId) -> Resources {
        let here = self.running.iter().filter(|(_, (on, _))| *on == host);
        here.fold(Resources::default(), |sum, (task, _)| {
            sum.plus(self.tasks[task].demand)
        })
    }

    /// Running and all tasks of a pool.
    pub(crate) fn of_pool(&self, pool: &str) -> (u64, u64) {
        let pool = self.placer.pool(pool).unwrap();
        let mine = self.tasks.values().filter(|task| task.pool == pool);
        let (mut running, mut all) = (0, 0);
        for task in mine {
            all += 1;
            running += u64::from(self.runs(task.id));
        }
        (running, all)
    }
}
