//! Filters, searches and their pages.

use proto::timestone::v1 as wire;
use timestone::{Clause, Filter, Found, Search};

use super::convert::{Inward, Outward, Problem, all, each, required};
use super::message::{of_state, some, to_state};

/// Messages on a page where the caller does not say.
const PAGE: u32 = 100;

impl Outward for Clause {
    type Wire = wire::Clause;

    fn outward(self) -> wire::Clause {
        wire::Clause {
            key: self.key,
            any_of: self.any_of,
            ..Default::default()
        }
    }
}

impl Inward<wire::Clause> for Clause {
    fn inward(clause: wire::Clause) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            key: clause.key,
            any_of: clause.any_of,
        })
    }
}

impl Outward for Filter {
    type Wire = wire::Filter;

    fn outward(self) -> wire::Filter {
        let states = self.states.into_iter();
        wire::Filter {
            metadata: all(self.metadata),
            states: states.map(|state| to_state(state).into()).collect(),
            ..Default::default()
        }
    }
}

impl Inward<wire::Filter> for Filter {
    fn inward(filter: wire::Filter) -> Result<Self, Vec<Problem>> {
        let states = filter.states.iter().enumerate().map(|(index, state)| {
            let field = format!("states[{index}]");
            required(&field, state.as_known().and_then(of_state))
        });
        Ok(Self {
            states: states.collect::<Result<_, _>>()?,
            metadata: each("metadata", filter.metadata)?,
        })
    }
}

impl Outward for Search {
    type Wire = wire::FindMessagesRequest;

    fn outward(self) -> wire::FindMessagesRequest {
        wire::FindMessagesRequest {
            queue: self.queue,
            filter: Some(self.filter.outward()).into(),
            cursor: self.cursor.to_vec(),
            limit: self.limit,
            ..Default::default()
        }
    }
}

impl Inward<wire::FindMessagesRequest> for Search {
    fn inward(request: wire::FindMessagesRequest) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            queue: request.queue,
            filter: Filter::inward(request.filter.into_option().unwrap_or_default())?,
            cursor: request.cursor.into(),
            limit: some(request.limit).unwrap_or(PAGE),
        })
    }
}

impl Outward for Found {
    type Wire = wire::FindMessagesResponse;

    fn outward(self) -> wire::FindMessagesResponse {
        wire::FindMessagesResponse {
            messages: all(self.messages),
            next_cursor: self.next.unwrap_or_default().to_vec(),
            ..Default::default()
        }
    }
}

impl Inward<wire::FindMessagesResponse> for Found {
    fn inward(found: wire::FindMessagesResponse) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            messages: each("messages", found.messages)?,
            next: some(found.next_cursor).map(Into::into),
        })
    }
}
