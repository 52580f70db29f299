//! Which groups this process owns: takes free ones up to its share, gives up what
//! is over it, and takes lost ones again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use store::StoreError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::group::{self, Left};
use crate::share::Share;
use crate::shared::Shared;
use crate::{keys, meeting};

pub(crate) struct Groups {
    shared: Arc<Shared>,
    stop: CancellationToken,
    share: Share,
    /// When the others were heard last, since some moment.
    met: Duration,
    owned: BTreeMap<u32, CancellationToken>,
    ended: FuturesUnordered<JoinHandle<u32>>,
}

impl Groups {
    pub(crate) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        Self {
            share: Share::new(shared.config.groups, shared.config.ttl),
            met: shared.clock.elapsed(),
            shared,
            stop,
            owned: BTreeMap::new(),
            ended: FuturesUnordered::new(),
        }
    }

    /// Owns groups until it is stopped, then gives all up.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            self.meet().await;
            self.give_up_excess();
            self.take_free().await;
            self.rest().await;
        }
        self.leave().await;
    }

    fn held(&self) -> u32 {
        u32::try_from(self.owned.len()).unwrap_or(u32::MAX)
    }

    async fn meet(&mut self) {
        match meeting::meet(&self.shared, self.held()).await {
            Ok(Some(others)) => {
                let before = std::mem::replace(&mut self.met, self.shared.clock.elapsed());
                let after = self.met.saturating_sub(before);
                self.share.met(others, self.held(), after);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the other processes were not heard"),
        }
    }

    fn give_up_excess(&mut self) {
        let stopping = self
            .owned
            .values()
            .filter(|stop| stop.is_cancelled())
            .count();
        let excess = self
            .owned
            .len()
            .saturating_sub(stopping + self.share.limit() as usize);
        let going = self.owned.values().filter(|stop| !stop.is_cancelled());
        going.take(excess).for_each(CancellationToken::cancel);
    }

    async fn take_free(&mut self) {
        for group in 0..self.shared.config.groups {
            if self.held() >= self.share.limit() {
                return;
            }
            if !self.owned.contains_key(&group) {
                self.take(group).await;
            }
        }
    }

    async fn take(&mut self, group: u32) {
        let shard = keys::shard(&self.shared.config.service, group);
        let ttl = self.shared.config.ttl;
        match self
            .shared
            .store
            .acquire(&shard, &self.shared.owner(), ttl)
            .await
        {
            Ok(fence) => self.own(group, fence),
            Err(StoreError::Owned { .. }) => {}
            Err(error) => tracing::warn!(group, %error, "the group was not taken"),
        }
    }

    fn own(&mut self, group: u32, fence: store::Fence) {
        let stop = CancellationToken::new();
        self.owned.insert(group, stop.clone());
        let shared = Arc::clone(&self.shared);
        self.ended.push(tokio::spawn(async move {
            tell(group, &group::own(shared, group, fence, stop).await);
            group
        }));
    }

    /// Until it is time for the next meeting, or a group was lost.
    async fn rest(&mut self) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = self.shared.sleep(self.share.rest()) => {}
            Some(ended) = self.ended.next() => self.ended(ended.ok()).await,
        }
    }

    async fn ended(&mut self, group: Option<u32>) {
        match group {
            Some(group) => drop(self.owned.remove(&group)),
            // Its task panicked, and which one it was is lost with it: find out by
            // who still runs. The fence lapses, as it is not renewed any more.
            None => self.owned.retain(|_, stop| !stop.is_cancelled()),
        }
        // Whatever it was must not be tried again in a hurry.
        self.shared.sleep(self.shared.config.ttl / 30).await;
    }

    async fn leave(mut self) {
        self.owned.values().for_each(CancellationToken::cancel);
        while self.ended.next().await.is_some() {}
        if let Err(error) = meeting::part(&self.shared).await {
            tracing::debug!(%error, "this process stays in the list until it lapses");
        }
    }
}

fn tell(group: u32, left: &Left) {
    match left {
        Left::Stopped => tracing::info!(group, "group given up"),
        Left::Fenced => tracing::warn!(group, "group lost: another process has taken it over"),
        left => tracing::error!(group, error = %left, "group lost"),
    }
}
