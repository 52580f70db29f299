//! The index of a request, told as it grows.

use std::collections::VecDeque;

use errors::Error;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use optimus::{State, View};
use ves_api::wire;

use crate::chunks::{Chunk, Chunks};
use crate::encodes::Encodes;
use crate::index::ChunkPart;
use crate::limits::UNITS_IN_PART;
use crate::wire::Part;

pub(crate) type RequestView = View<wire::EncodeRequest, wire::EncodeResponse>;

/// Who follows an index.
pub(crate) struct Follow {
    encodes: Encodes,
    id: String,
    first_frame: u64,
    /// The request, as it changes: each change may mean that a chunk is done.
    views: BoxStream<'static, Result<RequestView, Error>>,
    view: Option<RequestView>,
    chunks: Option<Chunks>,
    /// The chunk that is told next.
    next: u64,
    is_head_told: bool,
    told: VecDeque<Part>,
    has_ended: bool,
}

impl Follow {
    pub(crate) fn new(
        encodes: Encodes,
        id: String,
        first_frame: u64,
        views: BoxStream<'static, Result<RequestView, Error>>,
    ) -> Self {
        Self {
            encodes,
            id,
            first_frame,
            views,
            view: None,
            chunks: None,
            next: 0,
            is_head_told: false,
            told: VecDeque::new(),
            has_ended: false,
        }
    }

    /// The parts as they come.
    pub(crate) fn parts(self) -> impl Stream<Item = Result<Part, Error>> + Send + 'static {
        stream::try_unfold(self, async |mut follow: Self| {
            let part = follow.part().await?;
            Ok(part.map(|part| (part, follow)))
        })
    }

    async fn part(&mut self) -> Result<Option<Part>, Error> {
        loop {
            if let Some(part) = self.told.pop_front() {
                return Ok(Some(part));
            }
            if self.has_ended {
                return Ok(None);
            }
            // In this order: what is there is told also of a request that has failed since.
            if self.read_on().await? || self.end()? {
                continue;
            }
            let view = self.views.next().await;
            self.view = Some(view.ok_or_else(lost)??);
        }
    }

    /// Reads the next chunk, and says whether it was there.
    async fn read_on(&mut self) -> Result<bool, Error> {
        if self.chunks.is_none() {
            let is_at_work = self.view.as_ref().is_some_and(is_at_work);
            self.chunks = plan(&self.encodes, &self.id, is_at_work).await?;
            self.next = match &self.chunks {
                Some(chunks) => chunks.holding(self.first_frame)?,
                None => 0,
            };
        }
        let Some(chunks) = &mut self.chunks else {
            return Ok(false);
        };
        let Some(chunk) = chunks.get(self.next).await? else {
            return Ok(false);
        };
        if !std::mem::replace(&mut self.is_head_told, true) {
            self.told.extend(chunks.head().map(Part::Head));
        }
        self.told.extend(parts(self.next, chunk).map(Part::Chunk));
        self.next += 1;
        Ok(true)
    }

    /// Whether the request has ended, which is told then.
    fn end(&mut self) -> Result<bool, Error> {
        let Some(view) = &self.view else {
            return Ok(false);
        };
        match view.state {
            State::Accepted | State::Running => Ok(false),
            State::Succeeded if !self.is_complete() => Err(gone()),
            State::Succeeded | State::Failed | State::Canceled => {
                self.told.push_back(Part::End(view.error.clone()));
                self.has_ended = true;
                Ok(true)
            }
        }
    }

    fn is_complete(&self) -> bool {
        let count = self.chunks.as_ref().map(Chunks::count);
        count.is_some_and(|count| self.next >= count)
    }
}

async fn plan(encodes: &Encodes, id: &str, is_at_work: bool) -> Result<Option<Chunks>, Error> {
    match encodes.find(id).await? {
        Some(encode) => Chunks::planned(encodes, &encode).await,
        None if is_at_work => Err(unseen()),
        None => Ok(None),
    }
}

/// Whether its workflow was heard of, and goes on.
fn is_at_work(view: &RequestView) -> bool {
    !view.stages.is_empty() && !view.state.is_final()
}

fn parts(index: u64, chunk: Chunk) -> impl Iterator<Item = ChunkPart> {
    let Chunk { blob, units } = chunk;
    let count = units.len().div_ceil(UNITS_IN_PART);
    (0..count).map(move |part| {
        let from = part * UNITS_IN_PART;
        let to = units.len().min(from + UNITS_IN_PART);
        ChunkPart {
            index,
            blob: blob.clone(),
            units: units[from..to].to_vec(),
            is_last: to == units.len(),
        }
    })
}

/// Its workflow was forgotten, and what it came to with it.
fn gone() -> Error {
    let message = "the chunks of this encode are not kept any more";
    Error::user("CHUNKS_GONE", message).hint("read the file that they were assembled to")
}

fn unseen() -> Error {
    let message = "this server does not see the workflow of the request";
    Error::user("WORKFLOW_UNSEEN", message)
        .hint("ask a server that runs every role (`cosmos up`), or have the roles share a database")
}

fn lost() -> Error {
    Error::platform("LOST", "the request's state was lost").hint("ask again")
}
