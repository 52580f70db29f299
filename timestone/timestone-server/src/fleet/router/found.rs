//! Messages of a queue are found in all its shards.
//!
//! The shards of one queue are gone through together, so that pages come in the order in which
//! one shard would tell them: state by state, the most urgent first. The cursor holds one of
//! each shard, and is that of the shard itself where there is only one.

use bytes::Bytes;
use futures::future::try_join_all;
use timestone::{Counted, Filter, Found, MessageState, MessageView, Search};
use timestone_client::TimestoneError;

use super::Router;
use super::events::{Cursors, cursors, join};
use super::managed::add;

impl Router {
    pub(super) async fn find_in_all(&self, search: Search) -> Result<Found, TimestoneError> {
        let shards = self.spread_of(&search.queue).await?;
        let [shard] = shards.as_slice() else {
            return self.find_in(&shards, search).await;
        };
        self.find_at(*shard, &search).await
    }

    async fn find_at(&self, shard: u32, search: &Search) -> Result<Found, TimestoneError> {
        self.at(shard, |desk| {
            let search = search.clone();
            async move { desk.timestone.find(search).await }
        })
        .await
    }

    async fn find_in(&self, shards: &[u32], search: Search) -> Result<Found, TimestoneError> {
        let cursors = cursors(&search.cursor, shards.len())?;
        let pages = shards.iter().zip(&cursors);
        let pages = pages.map(|(shard, cursor)| self.find_page(*shard, cursor.as_ref(), &search));
        let pages = try_join_all(pages).await?;
        let told = merge(&pages, search.limit as usize);
        let after = shards.iter().zip(cursors).zip(pages.iter().zip(&told));
        let after = after.map(|((shard, cursor), (page, told))| {
            self.found_after(*shard, cursor, page, *told, &search)
        });
        let next = try_join_all(after).await?;
        let messages = pages.into_iter().zip(told);
        let messages = messages.flat_map(|(page, told)| page.messages.into_iter().take(told));
        let mut messages: Vec<_> = messages.collect();
        messages.sort_by_key(place);
        let over = next.iter().all(Option::is_none);
        Ok(Found {
            messages,
            next: (!over).then(|| join(&next)),
        })
    }

    async fn find_page(
        &self,
        shard: u32,
        cursor: Option<&Bytes>,
        search: &Search,
    ) -> Result<Found, TimestoneError> {
        let Some(cursor) = cursor.cloned() else {
            return Ok(Found::default());
        };
        let search = Search {
            cursor,
            ..search.clone()
        };
        self.find_at(shard, &search).await
    }

    /// Where a shard goes on when so many messages of its page are told.
    async fn found_after(
        &self,
        shard: u32,
        cursor: Option<Bytes>,
        page: &Found,
        told: usize,
        search: &Search,
    ) -> Result<Option<Bytes>, TimestoneError> {
        if told == page.messages.len() {
            return Ok(page.next.clone());
        }
        if told == 0 {
            return Ok(cursor);
        }
        let limit = u32::try_from(told).unwrap_or(u32::MAX);
        let search = Search {
            limit,
            ..search.clone()
        };
        let again = self.find_page(shard, cursor.as_ref(), &search).await?;
        Ok(again.next)
    }

    pub(super) async fn count_in_all(
        &self,
        queue: &str,
        filter: &Filter,
        cursor: Bytes,
    ) -> Result<Counted, TimestoneError> {
        let shards = self.spread_of(queue).await?;
        if let [shard] = shards.as_slice() {
            return self.count_at(*shard, queue, filter, Some(cursor)).await;
        }
        let cursors: Cursors = cursors(&cursor, shards.len())?;
        let pages = shards.iter().zip(cursors);
        let pages = pages.map(|(shard, cursor)| self.count_at(*shard, queue, filter, cursor));
        let mut sum = Counted::default();
        sum.count.queue = queue.to_owned();
        let mut next = Vec::new();
        for page in try_join_all(pages).await? {
            add(&mut sum.count, &page.count);
            next.push(page.next);
        }
        let over = next.iter().all(Option::is_none);
        sum.next = (!over).then(|| join(&next));
        Ok(sum)
    }

    async fn count_at(
        &self,
        shard: u32,
        queue: &str,
        filter: &Filter,
        cursor: Option<Bytes>,
    ) -> Result<Counted, TimestoneError> {
        let Some(cursor) = cursor else {
            return Ok(Counted::default());
        };
        self.at(shard, |desk| {
            let cursor = cursor.clone();
            async move { desk.timestone.count_matching(queue, filter, cursor).await }
        })
        .await
    }
}

/// Where a message comes in its queue.
fn place(message: &MessageView) -> (MessageState, i64) {
    (message.state, message.priority)
}

/// How many messages of each page are told: at most so many of all, the first ones, and none
/// behind what a shard may still have.
fn merge(pages: &[Found], limit: usize) -> Vec<usize> {
    let more = pages.iter().filter(|page| page.next.is_some());
    let known = more.map(|page| page.messages.last().map(place));
    let known = known.min();
    let messages = pages.iter().enumerate().flat_map(|(shard, page)| {
        let messages = page.messages.iter().enumerate();
        messages.map(move |(at, message)| (place(message), shard, at))
    });
    let is_known = |(place, ..): &(_, _, _)| known.is_none_or(|known| Some(*place) <= known);
    let mut messages: Vec<_> = messages.filter(is_known).collect();
    messages.sort_unstable();
    let mut told = vec![0; pages.len()];
    let told_of = messages.iter().take(limit);
    told_of.for_each(|(_, shard, _)| told[*shard] += 1);
    told
}
