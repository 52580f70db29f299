//! Keeps this server's share of the shards.

use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use futures::future::join_all;
use store::{Fence, Store, StoreError};
use timestone::Place;
use tokio_util::sync::CancellationToken;

use super::FleetOptions;
use super::relay::Relay;
use super::router::Router;
use super::share::View;
use super::table::{Table, owner_at};
use crate::{HistoryOptions, LocalTimestone, OwnerOptions};

/// Servers at a time.
const MAX_SEATS: u32 = 64;
/// How often it is looked who owns what, as a part of the time that owners have.
const LOOKS: u32 = 8;
/// The longest between two looks.
const LONGEST: Duration = Duration::from_millis(250);
/// What time lapses is looked at this much later.
const SLACK: Duration = Duration::from_millis(5);

/// The task that takes part.
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    clock: SharedClock,
    options: FleetOptions,
    /// What owners of this server call themselves; nothing, before it takes part.
    me: String,
    router: Arc<Router>,
    seat: Option<Fence>,
    troubled: bool,
}

impl Keeper {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: SharedClock,
        options: FleetOptions,
        router: Arc<Router>,
    ) -> Self {
        Self {
            me: String::new(),
            store,
            clock,
            options,
            router,
            seat: None,
            troubled: false,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.look().await {
                Ok(pause) => pause,
                Err(why) => self.complain(&why),
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.router.tables.wanted() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.leave().await;
    }

    fn complain(&mut self, why: &StoreError) -> Duration {
        if !std::mem::replace(&mut self.troubled, true) {
            tracing::warn!(%why, "who owns which queues cannot be read");
        }
        LONGEST
    }

    /// Does what is to be done, and tells when to look again.
    async fn look(&mut self) -> Result<Duration, StoreError> {
        let mut table = self.table().await?;
        if let Some(address) = self.router.tables.joined() {
            self.me = owner_at(address, &self.options.owner.owner);
            if self.sit(&table).await? {
                table = self.table().await?;
            }
        }
        self.troubled = false;
        self.router.served.sweep();
        let view = self.view(&table);
        let steps = view.steps();
        let left = table.least_left;
        self.router.tables.tell(table, view);
        steps.take.into_iter().for_each(|shard| self.take(shard));
        steps.give.into_iter().for_each(|shard| self.give(shard));
        Ok(self.pause(left))
    }

    async fn table(&self) -> Result<Table, StoreError> {
        let prefix = &self.options.prefix;
        let held = self.store.held(&format!("{prefix}/")).await?;
        Ok(Table::of(&held, prefix, &self.me))
    }

    fn view(&self, table: &Table) -> View {
        let mine = self.router.served.numbers().into_iter().collect();
        let seat = table.seat_of(&self.me);
        View {
            shards: self.router.tables.shards,
            members: table.members.len() as u32,
            rank: seat.map(|seat| table.members.range(..seat).count() as u32),
            owned: table.owners.keys().copied().collect(),
            mine,
        }
    }

    /// When somebody may fall silent, or soon.
    fn pause(&self, left: Option<Duration>) -> Duration {
        let usual = (self.options.owner.ttl / LOOKS).min(LONGEST);
        left.map_or(usual, |left| usual.min(left + SLACK))
    }

    /// Becomes or stays a member; whether it has just become one.
    async fn sit(&mut self, table: &Table) -> Result<bool, StoreError> {
        let ttl = self.options.owner.ttl;
        if let Some(seat) = &self.seat {
            match self.store.renew(seat, ttl).await {
                Ok(()) => return Ok(false),
                Err(StoreError::Fenced { .. }) => self.seat = None,
                Err(why) => return Err(why),
            }
        }
        for number in (0..MAX_SEATS).filter(|seat| !table.members.contains_key(seat)) {
            let seat = format!("{}/seat/{number}", self.options.prefix);
            match self.store.acquire(&seat, &self.me, ttl).await {
                Ok(fence) => {
                    self.seat = Some(fence);
                    return Ok(true);
                }
                Err(StoreError::Owned { .. }) => {}
                Err(why) => return Err(why),
            }
        }
        tracing::warn!("there are {MAX_SEATS} servers of these queues already; this one waits");
        Ok(false)
    }

    fn take(&self, shard: u32) {
        tracing::info!(shard, "takes a shard of the queues");
        let options = self.owner_of(shard);
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let served = Arc::new(LocalTimestone::start(store, clock, options));
        self.router.served.insert(shard, Arc::clone(&served));
        let relay = Relay::new(served, Arc::clone(&self.router));
        tokio::spawn(relay.run());
    }

    /// Each shard has a part of what the server may keep.
    fn owner_of(&self, shard: u32) -> OwnerOptions {
        let shards = self.router.tables.shards;
        let owner = self.options.owner.clone();
        let history = owner.history.map(|history| HistoryOptions {
            max_bytes: history.max_bytes / u64::from(shards),
            ..history
        });
        OwnerOptions {
            shard: format!("{}/{shard}", self.options.prefix),
            place: Place { shards, shard },
            owner: self.me.clone(),
            recent_bytes: owner.recent_bytes / shards as usize,
            yields: true,
            history,
            ..owner
        }
    }

    /// Calls that are under way are answered; others find the next owner.
    fn give(&self, shard: u32) {
        if let Some(served) = self.router.served.remove(shard) {
            tracing::info!(shard, "gives a shard of the queues up");
            tokio::spawn(async move { served.shutdown().await });
        }
    }

    async fn leave(&mut self) {
        let served = self.router.served.numbers().into_iter();
        let served = served.filter_map(|shard| self.router.served.remove(shard));
        join_all(served.map(|served| async move { served.shutdown().await })).await;
        if let Some(seat) = self.seat.take() {
            // It lapses a little later.
            let _ = self.store.release(&seat).await;
        }
    }
}
