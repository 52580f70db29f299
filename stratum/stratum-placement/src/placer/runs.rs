use std::collections::{BTreeMap, BTreeSet};

use crate::{Class, HostId, PoolId};

/// On which hosts tasks of which class and pool run.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(BTreeMap<(Class, PoolId), BTreeMap<HostId, u32>>);

impl Runs {
    pub(super) fn add(&mut self, class: Class, pool: PoolId, host: HostId) {
        let hosts = self.0.entry((class, pool)).or_default();
        *hosts.entry(host).or_default() += 1;
    }

    pub(super) fn remove(&mut self, class: Class, pool: PoolId, host: HostId) {
        let Some(hosts) = self.0.get_mut(&(class, pool)) else {
            return;
        };
        match hosts.get_mut(&host) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                hosts.remove(&host);
            }
        }
        if hosts.is_empty() {
            self.0.remove(&(class, pool));
        }
    }

    /// The classes and pools of which something runs.
    pub(super) fn sorts(&self) -> impl Iterator<Item = (Class, PoolId)> {
        self.0.keys().copied()
    }

    /// Hosts on which something of one of these runs.
    pub(super) fn hosts(&self, sorts: &[(Class, PoolId)]) -> BTreeSet<HostId> {
        let hosts = sorts.iter().filter_map(|sort| self.0.get(sort));
        hosts.flat_map(|hosts| hosts.keys().copied()).collect()
    }
}
