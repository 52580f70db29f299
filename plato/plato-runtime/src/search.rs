//! Workflows found by what they are like, page by page: through the rows of one of the
//! attributes, or through all that live and all that have ended.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use plato::{Phase, State};
use store::{Entry, KeyRange, StoreError};

use crate::{Standing, WorkflowReader, keys, records};

/// Rows looked at for one page, at most.
const MAX_LOOKS: usize = 2_000;
/// Rows read at a time.
const READ: usize = 100;

/// Which workflows are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowSearch {
    /// With all of these.
    pub attributes: BTreeMap<String, String>,
    /// In one of these; empty = in any.
    pub phases: Vec<Phase>,
    /// Empty = of any.
    pub definition: String,
    /// The most workflows of a page.
    pub limit: usize,
    /// From an earlier page; empty begins.
    pub cursor: Bytes,
}

/// A page of workflows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundWorkflows {
    pub states: Vec<Standing>,
    /// `None`: there are no more. A page may hold none, and yet be followed by others.
    pub next: Option<Bytes>,
}

impl WorkflowSearch {
    fn means(&self, standing: &Standing) -> bool {
        let header = standing.header();
        let has = |(name, value)| header.attributes.get(name) == Some(value);
        let is_of = self.definition.is_empty() || header.definition == self.definition;
        let is_in = self.phases.is_empty() || self.phases.contains(&standing.phase());
        is_of && is_in && self.attributes.iter().all(has)
    }

    /// What is looked through in each group, one after the other.
    fn ranges(&self) -> Vec<KeyRange> {
        match self.attributes.first_key_value() {
            Some((name, value)) => vec![KeyRange::prefix(&keys::attribute(name, value))],
            None => vec![
                keys::all_snapshots(),
                keys::all_rules_snapshots(),
                keys::all_ended(),
                keys::all_rules_ended(),
            ],
        }
    }
}

/// Where to go on: in this group, in this of its ranges, after this key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    group: u32,
    range: u8,
    after: Bytes,
}

impl Place {
    fn encode(&self) -> Bytes {
        [&self.group.to_be_bytes()[..], &[self.range], &self.after]
            .concat()
            .into()
    }

    fn decode(bytes: &Bytes) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (group, rest) = bytes.split_first_chunk::<4>()?;
        let (range, after) = rest.split_first()?;
        Some(Self {
            group: u32::from_be_bytes(*group),
            range: *range,
            after: bytes.slice_ref(after),
        })
    }

    /// The rest of a range.
    fn rest(&self, range: KeyRange) -> KeyRange {
        match self.after.is_empty() {
            true => range,
            false => KeyRange {
                start: Bound::Excluded(self.after.clone()),
                ..range
            },
        }
    }

    /// Where the next range begins.
    fn skip(&mut self, ranges: usize) {
        self.after = Bytes::new();
        self.range += 1;
        if usize::from(self.range) >= ranges {
            (self.range, self.group) = (0, self.group + 1);
        }
    }
}

impl WorkflowReader {
    /// A page of the workflows that are meant; `None` when `search.cursor` is none of ours.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(
        &self,
        search: &WorkflowSearch,
    ) -> Result<Option<FoundWorkflows>, StoreError> {
        let Some(mut place) = Place::decode(&search.cursor) else {
            return Ok(None);
        };
        let ranges = search.ranges();
        let (mut states, mut looks) = (Vec::new(), 0);
        while place.group < self.groups {
            let Some(range) = ranges.get(usize::from(place.range)) else {
                return Ok(None);
            };
            let rows = self
                .rows(place.group, place.rest(range.clone()), READ)
                .await?;
            let was_last = rows.len() < READ;
            for row in rows {
                if states.len() >= search.limit || looks >= MAX_LOOKS {
                    let next = Some(place.encode());
                    return Ok(Some(FoundWorkflows { states, next }));
                }
                looks += 1;
                place.after = row.key.clone();
                states.extend(self.read(&row).await?.filter(|state| search.means(state)));
            }
            if was_last {
                place.skip(ranges.len());
            }
        }
        Ok(Some(FoundWorkflows { states, next: None }))
    }

    /// The workflow that a row is of; none where it ended while we looked.
    async fn read(&self, row: &Entry) -> Result<Option<Standing>, StoreError> {
        let graph = |state: State| Some(Standing::Graph(state.into()));
        let rules = |state: plato_rules::State| Some(Standing::Rules(state.into()));
        match row.key.first() {
            Some(b'e') => records::decode_state(&row.value).map(graph),
            Some(b's') => self.live(&row.value).await.map(graph),
            Some(b'w') => records::decode_rules(&row.value).map(rules),
            Some(b'l') => self.live_rules(&row.value).await.map(rules),
            _ => match keys::after_attribute(&row.key) {
                Some(id) => self.standing(id).await,
                None => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_read_back_and_go_on() {
        let mut place = Place {
            group: 3,
            range: 1,
            after: Bytes::from_static(b"e123"),
        };
        assert_eq!(Place::decode(&place.encode()).unwrap(), place);
        place.skip(2);
        assert_eq!((place.group, place.range, place.after.len()), (4, 0, 0));
        assert_eq!(Place::decode(&Bytes::new()).unwrap(), Place::default());
        assert_eq!(Place::decode(&Bytes::from_static(b"x")), None);
    }
}
