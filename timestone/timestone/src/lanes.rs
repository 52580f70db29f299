//! What may go next where that is not simply the most urgent: messages exclude
//! one another, or tenants take turns.
//!
//! Messages of one tenant and one exclusivity value are a group. Of each group
//! whose value has no lease, the most urgent message stands in `heads`; every
//! change touches the heads of its own groups alone, so nothing ever looks past
//! messages that may not go. Where no tenants take turns, a value is a group.

use std::collections::BTreeSet;

use crate::labels::{Label, NONE};
use crate::shelf::{Rank, Shelf};
use crate::turns::Turns;

#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    /// Whether tenants take turns.
    fair: bool,
    /// By tenant.
    heads: BTreeSet<(Label, Rank)>,
    /// Leases of each exclusivity value.
    busy: Vec<u32>,
    /// Of tenants that take turns, those with messages that wait, by value.
    groups: BTreeSet<Group>,
    /// Of tenants that take turns.
    pub(crate) turns: Turns,
}

/// Messages of one exclusivity value and one tenant, and the label they bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// `None`: messages that exclude nothing.
    pub(crate) value: Option<Label>,
    pub(crate) tenant: Label,
    pub(crate) label: Label,
}

impl Lanes {
    /// No messages yet.
    pub(crate) fn new(fair: bool) -> Self {
        Self {
            fair,
            ..Self::default()
        }
    }

    /// The most urgent message of a group that waits was this, and is that now.
    pub(crate) fn moved(&mut self, group: Group, before: Option<Rank>, now: Option<Rank>) {
        if before == now {
            return;
        }
        if self.fair {
            match now {
                Some(_) => drop(self.groups.insert(group)),
                None => drop(self.groups.remove(&group)),
            }
        }
        if !self.is_busy(group.value) {
            self.set_head(group.tenant, before, now);
        }
    }

    /// What may go next of a group was this, and is that now.
    fn set_head(&mut self, tenant: Label, before: Option<Rank>, now: Option<Rank>) {
        if let Some(before) = before {
            self.heads.remove(&(tenant, before));
        }
        if let Some(now) = now {
            self.heads.insert((tenant, now));
        }
        if self.fair {
            let head = self.head_of(tenant);
            self.turns.set_head(tenant, head);
        }
    }

    /// A lease of the group begins.
    pub(crate) fn begin(&mut self, shelf: &Shelf, group: Group) {
        let Some(value) = group.value else {
            return;
        };
        let at = value as usize;
        if at >= self.busy.len() {
            self.busy.resize(at + 1, 0);
        }
        self.busy[at] += 1;
        if self.busy[at] == 1 {
            for group in self.groups_of(value) {
                self.set_head(group.tenant, shelf.pending(group.label), None);
            }
        }
    }

    /// A lease of the group ends. Whether others may go now.
    pub(crate) fn end(&mut self, shelf: &Shelf, group: Group) -> bool {
        let Some(value) = group.value else {
            return false;
        };
        if let Some(leases) = self.busy.get_mut(value as usize) {
            *leases = leases.saturating_sub(1);
        }
        if self.is_busy(Some(value)) {
            return false;
        }
        let mut opened = false;
        for group in self.groups_of(value) {
            let head = shelf.pending(group.label);
            opened |= head.is_some();
            self.set_head(group.tenant, None, head);
        }
        opened
    }

    /// All that have messages that wait, and where no tenants take turns the only one.
    fn groups_of(&self, value: Label) -> impl Iterator<Item = Group> + use<> {
        let group = |tenant, label| Group {
            value: Some(value),
            tenant,
            label,
        };
        let only = (!self.fair).then(|| group(NONE, value));
        let all = group(0, 0)..=group(Label::MAX, Label::MAX);
        let groups: Vec<_> = self.groups.range(all).copied().collect();
        only.into_iter().chain(groups)
    }

    fn is_busy(&self, value: Option<Label>) -> bool {
        let leases = value.and_then(|value| self.busy.get(value as usize));
        leases.is_some_and(|leases| *leases > 0)
    }

    fn head_of(&self, tenant: Label) -> Option<Rank> {
        let all = (tenant, (i64::MIN, 0))..=(tenant, (i64::MAX, u64::MAX));
        self.heads.range(all).next().map(|(_, head)| *head)
    }

    /// What comes next of all.
    pub(crate) fn first(&self) -> Option<Rank> {
        match self.fair {
            true => self.turns.first(),
            false => self.heads.first().map(|(_, head)| *head),
        }
    }

    /// What may go next, the most urgent first, where there are no tenants.
    pub(crate) fn ahead(&self, most: usize) -> Vec<Rank> {
        let heads = self.heads.iter().map(|(_, head)| *head);
        heads.take(most).collect()
    }

    /// What comes next of these tenants.
    pub(crate) fn first_of_tenants(&self, tenants: impl Iterator<Item = Label>) -> Option<Rank> {
        let candidate = |tenant| Some((self.turns.spent(tenant), self.head_of(tenant)?));
        tenants.filter_map(candidate).min().map(|(_, rank)| rank)
    }

    /// What comes next of these exclusivity values.
    pub(crate) fn first_of_values(
        &self,
        shelf: &Shelf,
        values: impl Iterator<Item = Label>,
    ) -> Option<Rank> {
        let open = values.filter(|value| !self.is_busy(Some(*value)));
        let groups = open.flat_map(|value| self.groups_of(value));
        let candidate = |group: Group| {
            let head = shelf.pending(group.label)?;
            Some((self.turns.spent(group.tenant), head))
        };
        groups.filter_map(candidate).min().map(|(_, rank)| rank)
    }
}
