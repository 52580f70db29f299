//! What may go next where that is not simply the most urgent: messages exclude
//! one another, or tenants take turns.
//!
//! Messages of one tenant and one exclusivity value are a group. Of each group
//! whose value has no lease, the most urgent message stands in `heads`; every
//! change touches the heads of its own groups alone, so nothing ever looks past
//! messages that may not go.

use std::collections::{BTreeSet, HashMap};

use crate::labels::Label;
use crate::shelf::{Rank, Shelf};
use crate::turns::Turns;

#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    /// By tenant.
    heads: BTreeSet<(Label, Rank)>,
    /// Leases of each exclusivity value.
    busy: HashMap<Label, u32>,
    /// Those with messages that wait, by value.
    groups: BTreeSet<Group>,
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
    /// Takes the group's head away, before its messages change.
    pub(crate) fn lift(&mut self, shelf: &Shelf, group: Group) {
        if let (false, Some(head)) = (self.is_busy(group.value), shelf.pending(group.label)) {
            self.heads.remove(&(group.tenant, head));
        }
    }

    /// Undoes [`lift`](Self::lift), with the messages there are now.
    pub(crate) fn settle(&mut self, shelf: &Shelf, group: Group) {
        match shelf.pending(group.label) {
            Some(head) => {
                self.groups.insert(group);
                if !self.is_busy(group.value) {
                    self.heads.insert((group.tenant, head));
                }
            }
            None => drop(self.groups.remove(&group)),
        }
        let head = self.head_of(group.tenant);
        self.turns.set_head(group.tenant, head);
    }

    /// A lease of the group begins.
    pub(crate) fn begin(&mut self, shelf: &Shelf, group: Group) {
        let Some(value) = group.value else {
            return;
        };
        let groups = self.groups_of(value);
        groups.iter().for_each(|group| self.lift(shelf, *group));
        *self.busy.entry(value).or_default() += 1;
        groups.iter().for_each(|group| self.settle(shelf, *group));
    }

    /// A lease of the group ends. Whether others may go now.
    pub(crate) fn end(&mut self, shelf: &Shelf, group: Group) -> bool {
        let Some(value) = group.value else {
            return false;
        };
        if let Some(leases) = self.busy.get_mut(&value) {
            *leases -= 1;
            if *leases == 0 {
                self.busy.remove(&value);
            }
        }
        let groups = self.groups_of(value);
        groups.iter().for_each(|group| self.settle(shelf, *group));
        !groups.is_empty() && !self.is_busy(Some(value))
    }

    fn groups_of(&self, value: Label) -> Vec<Group> {
        let bound = |label| Group {
            value: Some(value),
            tenant: label,
            label,
        };
        let groups = self.groups.range(bound(0)..=bound(Label::MAX));
        groups.copied().collect()
    }

    fn is_busy(&self, value: Option<Label>) -> bool {
        value.is_some_and(|value| self.busy.contains_key(&value))
    }

    fn head_of(&self, tenant: Label) -> Option<Rank> {
        let all = (tenant, (i64::MIN, 0))..=(tenant, (i64::MAX, u64::MAX));
        self.heads.range(all).next().map(|(_, head)| *head)
    }

    /// What comes next of all.
    pub(crate) fn first(&self) -> Option<Rank> {
        self.turns.first()
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
