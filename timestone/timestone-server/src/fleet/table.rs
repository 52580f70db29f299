//! Who owns which shard, as it was a moment ago.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use store::Held;
use tokio::sync::{Notify, watch};

use super::share::View;

/// Who owns what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// By number.
    pub(super) owners: BTreeMap<u32, String>,
    /// By seat.
    pub(super) members: BTreeMap<u32, String>,
    /// The shortest time that anybody but `me` has left.
    pub(super) least_left: Option<Duration>,
}

impl Table {
    /// What the store tells of everything below `prefix`, to `me`.
    pub(super) fn of(held: &[Held], prefix: &str, me: &str) -> Self {
        let mut table = Self::default();
        for held in held {
            let name = held.shard.strip_prefix(prefix);
            let Some(name) = name.and_then(|name| name.strip_prefix('/')) else {
                continue;
            };
            let (place, number) = match name.strip_prefix("seat/") {
                Some(number) => (&mut table.members, number),
                None => (&mut table.owners, name),
            };
            // Others are of histories, and of the fleet itself.
            let Ok(number) = number.parse() else {
                continue;
            };
            place.insert(number, held.owner.clone());
            if held.owner != me {
                let least = table.least_left.get_or_insert(held.left);
                *least = held.left.min(*least);
            }
        }
        table
    }

    /// The seat of a member.
    pub(super) fn seat_of(&self, owner: &str) -> Option<u32> {
        let mut seats = self.members.iter();
        seats
            .find(|(_, member)| *member == owner)
            .map(|(seat, _)| *seat)
    }
}

/// Where a server whose owners call themselves so is reached.
pub(super) fn address_of(owner: &str) -> &str {
    owner.rsplit_once('#').map_or(owner, |(address, _)| address)
}

/// What an owner calls itself that is reached at `address`.
pub(super) fn owner_at(address: &str, boot: &str) -> String {
    format!("{address}#{boot}")
}

/// The newest table, and whether this server takes part.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) shards: u32,
    newest: watch::Sender<Table>,
    view: Mutex<View>,
    /// Where this server is reached, once it takes part.
    joined: OnceLock<String>,
    /// Told when the table is to be read at once.
    wanted: Notify,
}

impl Tables {
    pub(super) fn new(shards: u32) -> Self {
        Self {
            shards,
            newest: watch::Sender::default(),
            view: Mutex::default(),
            joined: OnceLock::new(),
            wanted: Notify::new(),
        }
    }

    pub(super) fn join(&self, advertise: &str) {
        self.joined.get_or_init(|| advertise.to_owned());
        self.wanted.notify_one();
    }

    /// Where this server is reached, if it takes part.
    pub(super) fn joined(&self) -> Option<&str> {
        self.joined.get().map(String::as_str)
    }

    /// Who owns a shard.
    pub(super) fn owner(&self, shard: u32) -> Option<String> {
        self.newest.borrow().owners.get(&shard).cloned()
    }

    /// Hears of every change.
    pub(super) fn watch(&self) -> watch::Receiver<Table> {
        self.newest.subscribe()
    }

    /// Asks for the table to be read at once.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub(super) fn tell(&self, table: Table, view: View) {
        *self.view() = view;
        self.newest.send_if_modified(|newest| {
            let changed = newest.owners != table.owners || newest.members != table.members;
            *newest = table;
            changed
        });
    }

    pub(super) fn is_settled(&self) -> bool {
        let view = self.view();
        view.is_settled() && self.joined().is_some() == view.rank.is_some()
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_shards_and_seats_apart() {
        let held = |shard: &str, owner: &str, ms| Held {
            shard: shard.into(),
            owner: owner.into(),
            epoch: 1,
            left: Duration::from_millis(ms),
        };
        let held = [
            held("t/0", "http://a:1#x", 9),
            held("t/0/history", "http://a:1#x", 1),
            held("t/11", "http://b:1#y", 7),
            held("t/fleet", "http://b:1#y", 2),
            held("t/seat/3", "http://b:1#y", 8),
            held("tt/4", "c", 3),
        ];
        let table = Table::of(&held, "t", "http://a:1#x");
        assert_eq!(table.owners.len(), 2);
        assert_eq!(address_of(&table.owners[&11]), "http://b:1");
        assert_eq!(table.seat_of("http://b:1#y"), Some(3));
        assert_eq!(table.least_left, Some(Duration::from_millis(7)));
        assert_eq!(owner_at("http://a:1", "x"), "http://a:1#x");
    }
}
