use std::collections::{BTreeSet, VecDeque};

use buffa::Message;
use bytes::{BufMut, Bytes, BytesMut};
use proto::base::v1 as base;
use store::{KeyRange, StoreError};
use timestone::{Event, MessageKey, limits};
use timestone_client::{CallRefusal, EventSearch, FoundEvents, MessageHistory, TimestoneError};

use super::History;
use super::page;
use super::segment::{self, PAGE_KEY, SegmentId};
use super::writer::SPAN_MS;

/// Bytes of a cursor: the key of a page, and how many of its events were looked at.
const CURSOR: usize = PAGE_KEY + 2;
/// Keys read at once.
const KEYS: usize = 1_024;
/// Pages read for one message at most.
const MAX_PAGES: usize = 256;
/// Events told of one message at most.
const MAX_EVENTS: usize = 1_000;
/// Pages that one page of a search looks at.
const MAX_LOOKED_AT: usize = 128;
/// Pages read at once by a search.
const PAGES: usize = 8;

impl History {
    /// What happened to a message.
    pub(crate) async fn of(&self, key: &MessageKey) -> Result<MessageHistory, TimestoneError> {
        self.flush().await;
        let (pages, mut truncated) = self.pages_of(key).await.map_err(unavailable)?;
        // What was written twice, when it was not known whether it was, is told once.
        let (mut events, mut told) = (VecDeque::new(), BTreeSet::new());
        for (segment, page) in pages {
            let page = self.store.get(&self.shard, &segment.page_key(page)).await;
            let page = page.map_err(unavailable)?.unwrap_or_default();
            let meant = |event: &Event| *event.queue == *key.queue && *event.id == *key.id;
            let page = page::decode(&page).into_iter().filter(meant);
            events.extend(page.filter(|event| told.insert((event.at, event.number))));
            while events.len() > MAX_EVENTS {
                events.pop_front();
                truncated = true;
            }
        }
        Ok(MessageHistory {
            events: events.into(),
            truncated,
        })
    }

    /// The newest pages that may tell of a message, and whether there are others.
    async fn pages_of(&self, key: &MessageKey) -> Result<(VecDeque<Place>, bool), StoreError> {
        let hash = segment::hash(&key.queue, &key.id);
        let mut range = segment::index_of(hash);
        let (mut pages, mut truncated) = (VecDeque::new(), false);
        loop {
            let entries = self.store.range(&self.shard, range.clone(), KEYS).await?;
            let full = entries.len() == KEYS;
            for entry in entries {
                let found = segment::pages_in(&entry.value, hash);
                let segment = SegmentId::of_index_key(&entry.key);
                pages.extend(found.filter_map(|page| Some((segment?, page))));
                range = range.after(entry.key);
                while pages.len() > MAX_PAGES {
                    pages.pop_front();
                    truncated = true;
                }
            }
            if !full {
                return Ok((pages, truncated));
            }
        }
    }

    /// A page of what happened.
    pub(crate) async fn find(&self, search: &EventSearch) -> Result<FoundEvents, TimestoneError> {
        if search.limit == 0 || search.limit > limits::MAX_PAGE {
            let problem = format!(
                "asks for {} events; from 1 to {}",
                search.limit,
                limits::MAX_PAGE
            );
            return Err(TimestoneError::Refused(CallRefusal::from(problem)));
        }
        if search.cursor.is_empty() {
            self.flush().await;
        }
        let mut place = Progress::begin(search)?;
        let mut events = Vec::new();
        for _ in 0..MAX_LOOKED_AT / PAGES {
            let pages = self.store.range(&self.shard, place.range.clone(), PAGES);
            let pages = pages.await.map_err(unavailable)?;
            let full = pages.len() == PAGES;
            for page in pages {
                let is_late = SegmentId::of_key(&page.key).zip(search.until);
                if is_late.is_some_and(|(id, until)| id.at >= until) {
                    return Ok(FoundEvents { events, next: None });
                }
                place.enter(&page.key);
                for event in page::decode(&page.value).into_iter().skip(place.skip) {
                    if events.len() == search.limit as usize {
                        let next = Some(place.cursor(&page.key));
                        return Ok(FoundEvents { events, next });
                    }
                    place.skip += 1;
                    events.extend(means(search, &event).then_some(event));
                }
                place.pass(page.key);
            }
            if !full {
                return Ok(FoundEvents { events, next: None });
            }
        }
        let next = place.last.clone().map(|last| place.cursor(&last));
        Ok(FoundEvents { events, next })
    }
}

/// A page of a segment.
type Place = (SegmentId, u8);

/// How far a search has come.
struct Progress {
    range: KeyRange,
    /// Events of the page at hand that were looked at.
    skip: usize,
    /// The page that an earlier answer ended in.
    resumed: Option<Bytes>,
    last: Option<Bytes>,
}

impl Progress {
    fn begin(search: &EventSearch) -> Result<Self, TimestoneError> {
        // A segment goes on for a while after its first event.
        let since = search.since.unwrap_or(0).saturating_sub(SPAN_MS);
        let begun = segment::pages_since(since);
        let (range, resumed, skip) = match search.cursor.len() {
            0 => (begun, None, 0),
            CURSOR => {
                let mut key = search.cursor.clone();
                let skip = key.split_off(PAGE_KEY);
                let range = KeyRange {
                    start: std::ops::Bound::Included(key.clone()),
                    ..begun
                };
                (
                    range,
                    Some(key),
                    usize::from(u16::from_be_bytes([skip[0], skip[1]])),
                )
            }
            _ => {
                return Err(TimestoneError::Refused(CallRefusal::from(
                    "cursor is not of this search; begin anew",
                )));
            }
        };
        Ok(Self {
            range,
            skip,
            resumed,
            last: None,
        })
    }

    /// The page that an answer ended in may be gone meanwhile.
    fn enter(&mut self, key: &Bytes) {
        if self.resumed.take().is_some_and(|resumed| resumed != *key) {
            self.skip = 0;
        }
    }

    fn pass(&mut self, key: Bytes) {
        self.range = self.range.clone().after(key.clone());
        (self.last, self.skip) = (Some(key), 0);
    }

    /// Goes on within this page, or behind it where nothing of it was looked at.
    fn cursor(&self, key: &Bytes) -> Bytes {
        let is_passed = self.last.as_ref() == Some(key);
        let skip = if is_passed {
            usize::from(u16::MAX)
        } else {
            self.skip
        };
        let mut cursor = BytesMut::from(&key[..]);
        cursor.put_u16(u16::try_from(skip).unwrap_or(u16::MAX));
        cursor.freeze()
    }
}

fn means(search: &EventSearch, event: &Event) -> bool {
    let queue = search.queue.as_deref();
    let owner = search.owner.as_deref();
    let code = search.error_code.as_deref();
    queue.is_none_or(|queue| *event.queue == *queue)
        && (search.happenings.is_empty() || search.happenings.contains(&event.happening))
        && owner.is_none_or(|owner| event.owner.as_deref() == Some(owner))
        && search.since.is_none_or(|since| event.at >= since)
        && search.until.is_none_or(|until| event.at < until)
        && code.is_none_or(|code| error_code(event).as_deref() == Some(code))
}

fn error_code(event: &Event) -> Option<String> {
    let error = base::Error::decode_from_slice(event.error.as_ref()?).ok()?;
    Some(error.code)
}

fn unavailable(why: StoreError) -> TimestoneError {
    TimestoneError::Unavailable(format!("its history cannot be read: {why}"))
}
