//! Whose turn it is: start-time fair queueing.
//!
//! Each delivery costs its tenant virtual time, the less the more it weighs; the
//! tenant with the least spent comes next. Who was away is not owed anything:
//! it begins at the virtual time of those who were served meanwhile, but what
//! it had spent beyond that is remembered. Nothing of this is stored.

use std::collections::{BTreeSet, HashMap};

use crate::labels::Label;
use crate::shelf::Rank;

/// Virtual time of a delivery to a tenant of weight 1.
const TURN: u64 = 1 << 20;
/// Tenants remembered that have nothing to be leased but spent more than others.
const MAX_IDLE: usize = 4_096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    /// What those who were served last had spent before.
    now: u64,
    tenants: HashMap<Label, Tenant>,
    /// Tenants with something to be leased.
    order: BTreeSet<(u64, Rank, Label)>,
    /// Tenants without.
    idle: BTreeSet<(u64, Label)>,
    forgotten: Vec<Label>,
}

#[derive(Clone, Copy, Debug)]
struct Tenant {
    spent: u64,
    /// What it would be served next.
    head: Option<Rank>,
}

impl Turns {
    /// What comes next in fairness.
    pub(crate) fn first(&self) -> Option<Rank> {
        self.order.first().map(|(_, rank, _)| *rank)
    }

    /// What a tenant has spent: less comes first.
    pub(crate) fn spent(&self, tenant: Label) -> u64 {
        let known = self.tenants.get(&tenant);
        known.map_or(self.now, |tenant| tenant.spent)
    }

    pub(crate) fn remembers(&self, tenant: Label) -> bool {
        self.tenants.contains_key(&tenant)
    }

    /// Tenants that were forgotten since the last call.
    pub(crate) fn take_forgotten(&mut self) -> Vec<Label> {
        std::mem::take(&mut self.forgotten)
    }

    /// Tells what a tenant would be served next.
    pub(crate) fn set_head(&mut self, label: Label, head: Option<Rank>) {
        let before = self.tenants.get(&label).copied();
        if before.and_then(|tenant| tenant.head) == head {
            return;
        }
        let spent = before.map_or(self.now, |tenant| tenant.spent.max(self.now));
        self.place(label, Tenant { spent, head });
    }

    /// A tenant of this weight is served.
    pub(crate) fn serve(&mut self, label: Label, weight: u32) {
        let Some(tenant) = self.tenants.get(&label).copied() else {
            return;
        };
        let was_next = self.order.first().is_some_and(|first| first.2 == label);
        if was_next {
            self.now = self.now.max(tenant.spent);
        }
        let spent = tenant.spent + TURN / u64::from(weight.max(1));
        self.place(label, Tenant { spent, ..tenant });
        self.forget_even();
    }

    fn place(&mut self, label: Label, tenant: Tenant) {
        if let Some(before) = self.tenants.insert(label, tenant) {
            self.unplace(label, before);
        }
        match tenant.head {
            Some(head) => drop(self.order.insert((tenant.spent, head, label))),
            None if tenant.spent <= self.now => self.forget(label),
            None => {
                self.idle.insert((tenant.spent, label));
                if self.idle.len() > MAX_IDLE {
                    self.forget_first();
                }
            }
        }
    }

    fn unplace(&mut self, label: Label, tenant: Tenant) {
        match tenant.head {
            Some(head) => self.order.remove(&(tenant.spent, head, label)),
            None => self.idle.remove(&(tenant.spent, label)),
        };
    }

    /// Forgets those who spent no more than one who came anew.
    fn forget_even(&mut self) {
        while self
            .idle
            .first()
            .is_some_and(|(spent, _)| *spent <= self.now)
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, label)) = self.idle.pop_first() {
            self.forget(label);
        }
    }

    fn forget(&mut self, label: Label) {
        self.tenants.remove(&label);
        self.forgotten.push(label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves `n` times and tells how often each tenant was.
    fn served(turns: &mut Turns, weights: &[u32], n: usize) -> Vec<usize> {
        let mut counts = vec![0; weights.len()];
        for _ in 0..n {
            let tenant = turns.order.first().map_or(0, |first| first.2);
            counts[tenant as usize] += 1;
            turns.serve(tenant, weights[tenant as usize]);
        }
        counts
    }

    #[test]
    fn turns_follow_the_weights() {
        let mut turns = Turns::default();
        (0..3).for_each(|tenant| turns.set_head(tenant, Some((0, u64::from(tenant)))));
        assert_eq!(served(&mut turns, &[1, 2, 5], 800), [100, 200, 500]);
    }

    #[test]
    fn who_was_away_is_owed_nothing_and_owes_what_it_spent() {
        let mut turns = Turns::default();
        turns.set_head(0, Some((0, 0)));
        served(&mut turns, &[1, 1], 1_000);
        turns.set_head(1, Some((0, 1)));
        let counts = served(&mut turns, &[1, 1], 10);
        assert!(counts[0] >= 4, "{counts:?}");
        let mut counts = [0; 2];
        for n in 0..100 {
            // It comes and goes with each message, and gets no more for it.
            turns.set_head(1, None);
            turns.set_head(1, Some((0, 2 + n)));
            let tenants = served(&mut turns, &[1, 1], 1);
            counts = [counts[0] + tenants[0], counts[1] + tenants[1]];
        }
        assert_eq!(counts, [50, 50]);
    }

    #[test]
    fn idle_tenants_are_forgotten() {
        let mut turns = Turns::default();
        for tenant in 0..10_000 {
            turns.set_head(tenant, Some((0, u64::from(tenant))));
            turns.serve(tenant, 1);
            turns.set_head(tenant, None);
        }
        assert!(turns.tenants.len() <= MAX_IDLE);
        assert_eq!(turns.take_forgotten().len() + turns.tenants.len(), 10_000);
    }
}
