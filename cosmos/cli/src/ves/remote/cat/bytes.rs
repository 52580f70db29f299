//! The bytes of a chunk, read through calls that end and servers that go away for a while.

use std::time::Duration;

use clock::{Clock, SystemClock, Timestamp};
use connectrpc::client::{CallOptions, ClientTransport, ServerStream};
use errors::Error;
use ves_api::wire::{ReadChunkRequest, ReadChunkResponseView};

use crate::stop::Stop;
use crate::ves::remote::follow::{PATIENCE, PAUSE, is_time_up};
use crate::ves::remote::server::{Server, may_pass};

/// How long one call reads; then the next one goes on.
const CALL: Duration = Duration::from_secs(300);
/// The most bytes of one access unit.
const UNIT_BYTES: u64 = 1 << 30;

type Call =
    ServerStream<<rpc::Transport as ClientTransport>::ResponseBody, ReadChunkResponseView<'static>>;

/// Reads a chunk from somewhere on.
pub(super) struct ChunkBytes<'a> {
    server: &'a Server,
    id: &'a str,
    chunk: u64,
    call: Option<Call>,
    /// What came and was not asked for yet.
    ahead: Vec<u8>,
    /// Where in the chunk that begins.
    at: u64,
    /// Since when the server is away.
    away: Option<Timestamp>,
}

impl<'a> ChunkBytes<'a> {
    pub(super) fn new(server: &'a Server, id: &'a str, chunk: u64) -> Self {
        Self {
            server,
            id,
            chunk,
            call: None,
            ahead: Vec::new(),
            at: 0,
            away: None,
        }
    }

    /// The bytes at this place. What is read in order is asked for once.
    pub(super) async fn read(&mut self, offset: u64, size: u64) -> Result<Vec<u8>, Stop> {
        let size = usize::try_from(size.min(UNIT_BYTES)).unwrap_or(usize::MAX);
        if offset != self.at {
            (self.call, self.at) = (None, offset);
            self.ahead.clear();
        }
        while self.ahead.len() < size {
            match self.hear().await {
                Ok(Some(bytes)) => {
                    self.away = None;
                    self.ahead.extend(bytes);
                }
                Ok(None) => return Err(cut_short(self.chunk).into()),
                Err(errors) => {
                    self.call = None;
                    self.wait(errors).await?;
                }
            }
        }
        self.at += size as u64;
        let rest = self.ahead.split_off(size);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    async fn hear(&mut self) -> Result<Option<Vec<u8>>, Vec<Error>> {
        let told = |refusal| self.server.told(&refusal);
        let call = match &mut self.call {
            Some(call) => call,
            none => {
                let request = ReadChunkRequest {
                    request_id: self.id.to_owned(),
                    chunk: self.chunk,
                    offset: self.at + self.ahead.len() as u64,
                    ..Default::default()
                };
                let options = CallOptions::default().with_timeout(CALL);
                let assembly = &self.server.assembly;
                let call = assembly.read_chunk_with_options(request, options).await;
                none.insert(call.map_err(told)?)
            }
        };
        let piece = call.message().await.map_err(told)?;
        Ok(piece.map(|piece| piece.to_owned_message().data))
    }

    async fn wait(&mut self, errors: Vec<Error>) -> Result<(), Stop> {
        if is_time_up(&errors) {
            return Ok(());
        }
        let now = SystemClock.now();
        let since = *self.away.get_or_insert(now);
        if !may_pass(&errors) || now.since(since) > PATIENCE {
            return Err(errors.into());
        }
        SystemClock.sleep(PAUSE).await;
        Ok(())
    }
}

fn cut_short(chunk: u64) -> Error {
    Error::platform(
        "CUT_SHORT",
        format!("chunk {chunk} is shorter than the index says"),
    )
}
