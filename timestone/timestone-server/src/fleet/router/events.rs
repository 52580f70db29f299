//! What happened in several shards, the oldest first.
//!
//! The cursor holds one of each shard: its length in a byte, and it; [`OVER`] where there is no
//! more. Of the pages that the shards give, as much is told as all are known up to.

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::try_join_all;
use timestone_client::{CallRefusal, EventSearch, FoundEvents, TimestoneError};

use super::Router;

/// In place of a length: the shard has no more.
const OVER: u8 = u8::MAX;

/// How far a search has come in each shard; `None` = to the end.
pub(super) type Cursors = Vec<Option<Bytes>>;

impl Router {
    pub(super) async fn find_events_in(
        &self,
        shards: &[u32],
        search: EventSearch,
    ) -> Result<FoundEvents, TimestoneError> {
        let cursors = cursors(&search.cursor, shards.len())?;
        let pages = shards
            .iter()
            .zip(&cursors)
            .map(|(shard, cursor)| self.page(*shard, cursor.as_ref(), &search, search.limit));
        let pages = try_join_all(pages).await?;
        let told = merge(&pages, search.limit as usize);
        let after = shards.iter().zip(cursors).zip(pages.iter().zip(&told));
        let after = after.map(|((shard, cursor), (page, told))| {
            self.after(*shard, cursor, page, *told, &search)
        });
        let next = try_join_all(after).await?;
        let events = pages.into_iter().zip(told);
        let events = events.flat_map(|(page, told)| page.events.into_iter().take(told));
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|event| event.at);
        let over = next.iter().all(Option::is_none);
        Ok(FoundEvents {
            events,
            next: (!over).then(|| join(&next)),
        })
    }

    async fn page(
        &self,
        shard: u32,
        cursor: Option<&Bytes>,
        search: &EventSearch,
        limit: u32,
    ) -> Result<FoundEvents, TimestoneError> {
        let Some(cursor) = cursor else {
            return Ok(FoundEvents::default());
        };
        let search = EventSearch {
            cursor: cursor.clone(),
            limit,
            ..search.clone()
        };
        self.at(shard, |desk| {
            let search = search.clone();
            async move { desk.timestone.find_events(search).await }
        })
        .await
    }

    /// Where a shard goes on when so many events of its page are told.
    async fn after(
        &self,
        shard: u32,
        cursor: Option<Bytes>,
        page: &FoundEvents,
        told: usize,
        search: &EventSearch,
    ) -> Result<Option<Bytes>, TimestoneError> {
        if told == page.events.len() {
            return Ok(page.next.clone());
        }
        if told == 0 {
            return Ok(cursor);
        }
        let limit = u32::try_from(told).unwrap_or(u32::MAX);
        let again = self.page(shard, cursor.as_ref(), search, limit).await?;
        Ok(again.next)
    }
}

/// How far a search over so many shards has come.
pub(super) fn cursors(cursor: &Bytes, shards: usize) -> Result<Cursors, TimestoneError> {
    if cursor.is_empty() {
        return Ok(vec![Some(Bytes::new()); shards]);
    }
    let cursors = split(cursor.clone());
    let foreign = || {
        TimestoneError::Refused(CallRefusal::from(
            "cursor is not of this search; begin anew",
        ))
    };
    cursors
        .filter(|cursors| cursors.len() == shards)
        .ok_or_else(foreign)
}

/// How many events of each page are told: at most so many of all, the oldest, and none that
/// are younger than what a shard may still have.
fn merge(pages: &[FoundEvents], limit: usize) -> Vec<usize> {
    let more = pages.iter().filter(|page| page.next.is_some());
    let known = more.map(|page| page.events.last().map_or(i64::MIN, |last| last.at));
    let known = known.min().unwrap_or(i64::MAX);
    let events = pages.iter().enumerate().flat_map(|(shard, page)| {
        let events = page.events.iter().enumerate();
        events.map(move |(place, event)| (event.at, shard, place))
    });
    let mut events: Vec<_> = events.filter(|event| event.0 <= known).collect();
    events.sort_unstable();
    let mut told = vec![0; pages.len()];
    events
        .iter()
        .take(limit)
        .for_each(|(_, shard, _)| told[*shard] += 1);
    told
}

pub(super) fn join(cursors: &[Option<Bytes>]) -> Bytes {
    let mut joined = BytesMut::new();
    for cursor in cursors {
        match cursor {
            Some(cursor) => {
                joined.put_u8(u8::try_from(cursor.len()).unwrap_or(OVER));
                joined.extend_from_slice(cursor);
            }
            None => joined.put_u8(OVER),
        }
    }
    joined.freeze()
}

fn split(mut cursor: Bytes) -> Option<Cursors> {
    let mut cursors = Vec::new();
    while !cursor.is_empty() {
        let len = cursor.split_to(1)[0];
        cursors.push(match len {
            OVER => None,
            len if cursor.len() >= usize::from(len) => Some(cursor.split_to(usize::from(len))),
            _ => return None,
        });
    }
    Some(cursors)
}

#[cfg(test)]
mod tests {
    use timestone::{Event, Happening};

    use super::*;

    fn page(times: &[i64], more: bool) -> FoundEvents {
        let event = |at: &i64| Event {
            number: 0,
            at: *at,
            queue: "q".into(),
            id: "m".into(),
            version: 1,
            happening: Happening::Enqueued,
            from: None,
            to: None,
            priority: 0,
            deliveries: 0,
            attempts_left: 1,
            owner: None,
            until: None,
            error: None,
        };
        FoundEvents {
            events: times.iter().map(event).collect(),
            next: more.then(|| Bytes::from_static(b"x")),
        }
    }

    #[test]
    fn the_oldest_are_told_up_to_what_all_are_known() {
        let pages = [
            page(&[1, 4, 9], true),
            page(&[2, 3, 20], false),
            page(&[], false),
        ];
        assert_eq!(merge(&pages, 9), [3, 2, 0]);
        assert_eq!(merge(&pages, 3), [1, 2, 0]);
        let silent = [page(&[1, 4], false), page(&[], true)];
        assert_eq!(merge(&silent, 9), [0, 0]);
    }

    #[test]
    fn cursors_of_all_shards_are_one() {
        let cursors = vec![Some(Bytes::new()), None, Some(Bytes::from_static(b"abc"))];
        assert_eq!(split(join(&cursors)), Some(cursors));
        assert_eq!(split(Bytes::from_static(&[9, 1])), None);
    }
}
