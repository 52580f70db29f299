//! Tasks that give way to others, as few and as little done as possible.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Placer, Round};
use crate::waiting::Kind;
use crate::{Cause, Choice, Class, Decision, HostId, PoolId, Preempt, Resources, TaskId, limits};

/// Who wants to take a place.
#[derive(Clone, Copy, Debug)]
struct Wanting {
    id: TaskId,
    kind: Kind,
    class: Class,
}

/// A running task that may have to give way.
#[derive(Clone, Copy, Debug)]
struct Victim {
    id: TaskId,
    class: Class,
    pool: PoolId,
    demand: Resources,
    ran_ms: u64,
    cause: Cause,
}

/// What is lost: the highest class that is hurt, processor time, tasks. Less is better.
type Harm = (Reverse<Class>, u64, usize, HostId);

impl Placer {
    /// Makes room for the first that found none and has a right to it. Whether there was one.
    pub(super) fn preempt_one(&mut self, round: &mut Round, stuck: &mut BTreeSet<Kind>) -> bool {
        while let Some(wanting) = self.first_wanting(stuck) {
            if let Some((host, victims)) = self.least_harm(wanting, round.now) {
                self.replace(wanting, host, &victims, round);
                return true;
            }
            stuck.insert(wanting.kind);
        }
        false
    }

    /// The first task in its class that found no room.
    fn first_wanting(&self, stuck: &BTreeSet<Kind>) -> Option<Wanting> {
        // Rights do not grow with age.
        let heads = self.waiting.heads_by_class();
        let heads = heads.filter(|(kind, _)| {
            self.index.is_hopeless(kind.demand)
                && !stuck.contains(kind)
                && self.pools.full(kind.pool, kind.demand).is_none()
        });
        let (kind, (_, class, _, _, id)) = heads.min_by(|a, b| self.compare(*a, *b))?;
        Some(Wanting { id, kind, class })
    }

    /// The host, of some that would do, on which giving way costs least.
    fn least_harm(&mut self, wanting: Wanting, now: u64) -> Option<(HostId, Vec<Victim>)> {
        let sorts = self.runs.sorts();
        let sorts: Vec<_> = sorts
            .filter(|(class, pool)| self.cause(wanting, *class, *pool).is_some())
            .collect();
        let mut best: Option<(Harm, Vec<Victim>)> = None;
        let mut compared = 0;
        for host in self.runs.hosts(&sorts) {
            if let Some(victims) = self.victims(wanting, host, now) {
                let harm = harm(&victims, host);
                if best.as_ref().is_none_or(|(least, _)| harm < *least) {
                    best = Some((harm, victims));
                }
                compared += 1;
            }
            if compared == limits::COMPARED {
                break;
            }
        }
        best.map(|((.., host), victims)| (host, victims))
    }

    /// Why a task of `class` and `pool` may have to give way.
    fn cause(&self, wanting: Wanting, class: Class, pool: PoolId) -> Option<Cause> {
        let Kind { pool: mine, demand } = wanting.kind;
        if self.pools.may_reclaim(mine, demand, pool) {
            return Some(Cause::Reserve);
        }
        let lower = wanting.class.is_above(class) && self.pools.is_borrowing(mine, pool);
        lower.then_some(Cause::Class)
    }

    /// Whom to stop on `host` so that there is room; `None` where that cannot be.
    fn victims(&mut self, wanting: Wanting, host: HostId, now: u64) -> Option<Vec<Victim>> {
        let state = &self.hosts[host.index()];
        let (mut free, demand) = (state.free, wanting.kind.demand);
        if !state.is_open() || !demand.fits(state.host.capacity) {
            return None;
        }
        let mut chosen = Vec::new();
        for victim in self.candidates(wanting, host, now) {
            if demand.fits(free) {
                break;
            }
            // What was chosen before is no longer charged: its pool may now be protected.
            if self.cause(wanting, victim.class, victim.pool).is_some() {
                free = free.plus(victim.demand);
                self.pools
                    .return_to(victim.pool, victim.demand, self.cluster);
                chosen.push(victim);
            }
        }
        for victim in &chosen {
            self.pools.charge(victim.pool, victim.demand, self.cluster);
        }
        demand.fits(free).then(|| spare(chosen, demand, free))
    }

    /// Running tasks that may have to give way, those whose loss matters least first.
    fn candidates(&self, wanting: Wanting, host: HostId, now: u64) -> Vec<Victim> {
        let running = self.hosts[host.index()].running.iter();
        let entries = running.filter_map(|id| self.tasks.get(id));
        let mut candidates: Vec<Victim> = entries
            .filter_map(|entry| {
                let (task, run) = (&entry.task, entry.run?);
                let cause = self.cause(wanting, task.class, task.pool)?;
                let is_safe = run.was_overdue || entry.preempted >= limits::PREEMPTED;
                (cause == Cause::Reserve || !is_safe).then(|| Victim {
                    id: task.id,
                    class: task.class,
                    pool: task.pool,
                    demand: task.demand,
                    ran_ms: now.saturating_sub(run.started),
                    cause,
                })
            })
            .collect();
        candidates.sort_by_key(|victim| (Reverse(victim.class), victim.ran_ms, victim.id));
        candidates
    }

    fn replace(&mut self, wanting: Wanting, host: HostId, victims: &[Victim], round: &mut Round) {
        for victim in victims {
            self.send_back(victim.id);
            if let Some(entry) = self.tasks.get_mut(&victim.id) {
                entry.preempted += u32::from(victim.cause == Cause::Class);
            }
            round.decisions.push(Decision::Preempt(Preempt {
                task: victim.id,
                host,
                host_name: self.names[host.index()].clone(),
                by: wanting.id,
                cause: victim.cause,
                lost_ms: victim.ran_ms,
            }));
        }
        self.take(wanting.id);
        let tasks = victims.len();
        self.start(wanting.id, host, Choice::Preempting { tasks }, round);
    }
}

/// Without those whose room is not needed after all, the most costly first.
fn spare(mut chosen: Vec<Victim>, demand: Resources, mut free: Resources) -> Vec<Victim> {
    for n in (0..chosen.len()).rev() {
        let without = free.minus(chosen[n].demand);
        if demand.fits(without) {
            free = without;
            chosen.remove(n);
        }
    }
    chosen
}

fn harm(victims: &[Victim], host: HostId) -> Harm {
    let highest = victims.iter().map(|victim| victim.class).min();
    let lost = victims.iter().fold(0u64, |sum, victim| {
        let time = victim.ran_ms.saturating_mul(victim.demand.cpus.max(1));
        sum.saturating_add(time)
    });
    let highest = highest.unwrap_or(Class::Opportunistic);
    (Reverse(highest), lost, victims.len(), host)
}
