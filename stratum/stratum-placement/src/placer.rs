//! The state of a cluster, and what is decided about it.

mod explain;
mod keep;
mod place;
mod preempt;
mod round;
mod runs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::round::Round;
use self::runs::Runs;
use crate::host::HostState;
use crate::index::Index;
use crate::pool::Pools;
use crate::waiting::{Kind, Turn, Waiting};
use crate::{
    Choice, Decision, Host, HostId, Invalid, Patience, Pool, PoolId, Resources, Start, Task,
    TaskId, limits,
};

/// A cluster: hosts, pools, and the tasks that wait and run.
#[derive(Clone, Debug)]
pub struct Placer {
    pools: Pools,
    patience: Patience,
    hosts: Vec<HostState>,
    names: Vec<Arc<str>>,
    index: Index,
    waiting: Waiting,
    /// Never iterated: its order is not the same twice.
    tasks: HashMap<TaskId, Entry>,
    runs: Runs,
    /// Overdue tasks and the hosts that are kept free for them.
    kept: BTreeMap<TaskId, HostId>,
    /// How many hosts there are of each capacity.
    capacities: BTreeMap<Resources, usize>,
    cluster: Resources,
    /// The largest capacity in each dimension.
    largest: Resources,
}

#[derive(Clone, Debug)]
struct Entry {
    task: Task,
    /// How often it was preempted for its class.
    preempted: u32,
    run: Option<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    host: HostId,
    /// Unix milliseconds.
    started: u64,
    /// It had waited so long that no higher class may take its place.
    was_overdue: bool,
}

impl Entry {
    fn kind(&self) -> Kind {
        Kind {
            pool: self.task.pool,
            demand: self.task.demand,
        }
    }
}

impl Placer {
    /// A cluster without hosts and tasks.
    ///
    /// # Errors
    /// When the pools make no tree, or promise more below a pool than it was promised.
    pub fn new(pools: Vec<Pool>, patience: Patience) -> Result<Self, Invalid> {
        Ok(Self {
            pools: Pools::new(pools)?,
            patience,
            hosts: Vec::new(),
            names: Vec::new(),
            index: Index::default(),
            waiting: Waiting::default(),
            tasks: HashMap::new(),
            runs: Runs::default(),
            kept: BTreeMap::new(),
            capacities: BTreeMap::new(),
            cluster: Resources::default(),
            largest: Resources::default(),
        })
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<PoolId> {
        self.pools.find(name)
    }

    /// What the tasks of a pool use, those of pools below it included.
    pub fn used(&self, pool: PoolId) -> Resources {
        self.pools.used(pool)
    }

    /// How many tasks wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What is free on all open hosts together.
    pub fn total_free(&self) -> Resources {
        self.index.free()
    }

    /// What is free on a host.
    pub fn free(&self, host: HostId) -> Resources {
        self.hosts[host.index()].free
    }

    /// Adds a host on which nothing runs.
    ///
    /// # Errors
    /// When it has nothing or too much to give, or there are too many.
    pub fn add_host(&mut self, host: Host) -> Result<HostId, Invalid> {
        let wrong = |rule| Invalid::Host {
            host: host.name.clone(),
            rule,
        };
        if host.capacity.is_none() || host.capacity.largest_amount() > limits::AMOUNT {
            return Err(wrong("its capacity must be something, and at most 2^40"));
        }
        let number = u32::try_from(self.hosts.len()).ok();
        let number = number.filter(|_| self.hosts.len() < limits::HOSTS);
        let id = HostId(number.ok_or_else(|| wrong("there are too many hosts"))?);
        *self.capacities.entry(host.capacity).or_default() += 1;
        self.cluster = self.cluster.plus(host.capacity);
        self.largest = self.largest.max(host.capacity);
        self.names.push(host.name.as_str().into());
        self.index.insert((host.capacity, true, id));
        self.hosts.push(HostState::new(host));
        Ok(id)
    }

    /// Takes a host away. What ran on it waits again, with the age that it had.
    pub fn remove_host(&mut self, host: HostId) -> Vec<TaskId> {
        let Some(state) = self.hosts.get(host.index()).filter(|state| !state.is_gone) else {
            return Vec::new();
        };
        if let Some(task) = state.kept_for {
            self.unkeep(task);
        }
        let state = &self.hosts[host.index()];
        let capacity = state.host.capacity;
        let tasks: Vec<TaskId> = state.running.iter().copied().collect();
        for task in &tasks {
            self.send_back(*task);
        }
        self.change(host, |state| state.is_gone = true);
        self.forget(capacity);
        tasks
    }

    fn forget(&mut self, capacity: Resources) {
        if let Some(count) = self.capacities.get_mut(&capacity) {
            *count -= 1;
        }
        self.capacities.retain(|_, count| *count > 0);
        self.cluster = self.cluster.minus(capacity);
        let left = self.capacities.keys().copied();
        self.largest = left.fold(Resources::default(), Resources::max);
    }

    /// Adds a task that waits.
    ///
    /// # Errors
    /// When it is known already, its pool takes no tasks, it asks for nothing or too much, or too
    /// many are known.
    pub fn submit(&mut self, task: Task) -> Result<(), Invalid> {
        self.check(&task)?;
        let entry = Entry {
            task,
            preempted: 0,
            run: None,
        };
        self.wait(entry);
        Ok(())
    }

    /// Adds a task that runs already, whoever decided so.
    ///
    /// # Errors
    /// As [`Placer::submit`], and when the host has no room for it.
    pub fn restore(&mut self, task: Task, host: HostId, started: u64) -> Result<(), Invalid> {
        self.check(&task)?;
        let state = self.hosts.get(host.index());
        if !state.is_some_and(|state| !state.is_gone && task.demand.fits(state.free)) {
            return Err(Invalid::Task {
                task: task.id,
                rule: "its host has no room for it",
            });
        }
        let (id, pool, demand) = (task.id, task.pool, task.demand);
        let entry = Entry {
            task,
            preempted: 0,
            run: None,
        };
        self.tasks.insert(id, entry);
        self.pools.charge(pool, demand, self.cluster);
        let run = Run {
            host,
            started,
            was_overdue: false,
        };
        self.run(id, run);
        Ok(())
    }

    fn check(&self, task: &Task) -> Result<(), Invalid> {
        let wrong = |rule| {
            Err(Invalid::Task {
                task: task.id,
                rule,
            })
        };
        if self.tasks.contains_key(&task.id) {
            return wrong("it is known already");
        }
        if !self.pools.is_leaf(task.pool) {
            return wrong("its pool has pools below it, which take the tasks");
        }
        if task.demand.is_none() || task.demand.largest_amount() > limits::AMOUNT {
            return wrong("it must ask for something, and for at most 2^40");
        }
        match self.tasks.len() < limits::TASKS {
            true => Ok(()),
            false => wrong("there are too many tasks"),
        }
    }

    /// Forgets a task, which has ended or is no longer wanted. `None` where it is not known.
    pub fn remove(&mut self, id: TaskId) -> Option<Task> {
        let entry = self.tasks.get(&id)?;
        match entry.run {
            Some(_) => self.stop(id),
            None => self.waiting.remove(entry.kind(), self.turn(&entry.task)),
        }
        self.unkeep(id);
        self.tasks.remove(&id).map(|entry| entry.task)
    }

    /// What is to be done now.
    pub fn decide(&mut self, now: u64) -> Vec<Decision> {
        let mut round = Round::new(now);
        self.use_kept(&mut round);
        let mut stuck = BTreeSet::new();
        for _ in 0..limits::PREEMPTIONS {
            while self.place_some(&mut round) {}
            if !self.preempt_one(&mut round, &mut stuck) {
                break;
            }
        }
        self.keep(&mut round);
        round.decisions
    }

    fn turn(&self, task: &Task) -> Turn {
        let patience = self.patience.of(task.class).min(limits::PATIENCE_MS);
        Turn {
            due: task.since.saturating_add(patience),
            class: task.class,
            deadline: task.deadline.unwrap_or(u64::MAX),
            since: task.since,
            id: task.id,
        }
    }

    fn wait(&mut self, entry: Entry) {
        self.waiting.insert(entry.kind(), self.turn(&entry.task));
        self.tasks.insert(entry.task.id, entry);
    }

    /// Takes a waiting task out of the queue and charges its pool.
    fn take(&mut self, id: TaskId) {
        if let Some(entry) = self.tasks.get(&id) {
            let Kind { pool, demand } = entry.kind();
            self.waiting.remove(entry.kind(), self.turn(&entry.task));
            self.pools.charge(pool, demand, self.cluster);
        }
    }

    /// Undoes [`Placer::take`].
    fn put_back(&mut self, id: TaskId) {
        if let Some(entry) = self.tasks.get(&id) {
            let Kind { pool, demand } = entry.kind();
            self.waiting.insert(entry.kind(), self.turn(&entry.task));
            self.pools.return_to(pool, demand, self.cluster);
        }
    }

    /// Starts a task that was taken, on a host with room.
    fn start(&mut self, id: TaskId, host: HostId, choice: Choice, round: &mut Round) {
        self.unkeep(id);
        let entry = self.tasks.get(&id);
        let run = Run {
            host,
            started: round.now,
            was_overdue: entry.is_some_and(|entry| self.turn(&entry.task).is_overdue(round.now)),
        };
        self.run(id, run);
        let state = &self.hosts[host.index()];
        round.decisions.push(Decision::Start(Start {
            task: id,
            host,
            host_name: self.names[host.index()].clone(),
            capacity: state.host.capacity,
            left: state.free,
            choice,
        }));
    }

    fn run(&mut self, id: TaskId, run: Run) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        entry.run = Some(run);
        let Task {
            class,
            pool,
            demand,
            ..
        } = entry.task;
        self.runs.add(class, pool, run.host);
        self.change(run.host, |state| {
            state.free = state.free.minus(demand);
            state.running.insert(id);
        });
    }

    /// Takes a running task off its host and out of its pool's account.
    fn stop(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let (Some(run), Kind { pool, demand }) = (entry.run.take(), entry.kind()) else {
            return;
        };
        self.runs.remove(entry.task.class, pool, run.host);
        self.pools.return_to(pool, demand, self.cluster);
        self.change(run.host, |state| {
            state.free = state.free.plus(demand);
            state.running.remove(&id);
        });
    }

    /// Lets a running task wait again.
    fn send_back(&mut self, id: TaskId) {
        self.stop(id);
        if let Some(entry) = self.tasks.get(&id) {
            self.waiting.insert(entry.kind(), self.turn(&entry.task));
        }
    }

    /// Changes a host and keeps the index of open hosts current.
    fn change(&mut self, host: HostId, change: impl FnOnce(&mut HostState)) {
        let state = &mut self.hosts[host.index()];
        if state.is_open() {
            self.index.remove((state.free, state.is_empty(), host));
        }
        change(state);
        if state.is_open() {
            self.index.insert((state.free, state.is_empty(), host));
        }
    }
}
