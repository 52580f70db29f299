//! The index of a request, followed through calls that end and servers that go away for a while.

use std::time::Duration;

use clock::{Clock, SystemClock, Timestamp};
use connectrpc::client::{CallOptions, ClientTransport, ServerStream};
use errors::Error;
use ves_api::wire::{FollowIndexRequest, FollowIndexResponseView};
use ves_assembly::{ChunkPart, Part};

use crate::output::Output;
use crate::stop::Stop;
use crate::ves::remote::follow::{PATIENCE, PAUSE, is_time_up};
use crate::ves::remote::server::{Server, may_pass};

/// How long one call follows; then the next one goes on.
const CALL: Duration = Duration::from_secs(300);

type Call = ServerStream<
    <rpc::Transport as ClientTransport>::ResponseBody,
    FollowIndexResponseView<'static>,
>;

/// The parts of an index, each once.
pub(super) struct Parts<'a> {
    server: &'a Server,
    id: &'a str,
    output: &'a Output,
    call: Option<Call>,
    heard: Heard,
    /// Whether the server has answered a call.
    was_there: bool,
    /// Since when the server is away.
    away: Option<Timestamp>,
}

/// What was heard, so that another call can go on there.
#[derive(Debug, Default)]
struct Heard {
    /// From where on chunks are asked for.
    from: u64,
    has_head: bool,
    /// The chunk that is told next, or goes on; `None` before the first.
    chunk: Option<u64>,
    /// Units of it that were heard.
    units: usize,
    /// Units of it that this call has told.
    told: usize,
    /// One past the last frame that was heard.
    end: u64,
}

impl<'a> Parts<'a> {
    pub(super) fn new(server: &'a Server, id: &'a str, from: u64, output: &'a Output) -> Self {
        Self {
            server,
            id,
            output,
            call: None,
            heard: Heard {
                from,
                ..Heard::default()
            },
            was_there: false,
            away: None,
        }
    }

    /// The next part.
    pub(super) async fn next(&mut self) -> Result<Part, Stop> {
        loop {
            match self.hear().await {
                Ok(Some(part)) => {
                    self.away = None;
                    if let Some(news) = self.heard.news(part) {
                        return Ok(news);
                    }
                }
                Ok(None) => self.call = None,
                Err(errors) => {
                    self.call = None;
                    self.wait(errors).await?;
                }
            }
        }
    }

    async fn hear(&mut self) -> Result<Option<Part>, Vec<Error>> {
        let told = |refusal| self.server.told(&refusal);
        let call = match &mut self.call {
            Some(call) => call,
            none => {
                let request = FollowIndexRequest {
                    request_id: self.id.to_owned(),
                    first_frame: self.heard.again(),
                    ..Default::default()
                };
                let options = CallOptions::default().with_timeout(CALL);
                let assembly = &self.server.assembly;
                let call = assembly.follow_index_with_options(request, options).await;
                let call = call.map_err(told)?;
                self.was_there = true;
                none.insert(call)
            }
        };
        let Some(part) = call.message().await.map_err(told)? else {
            return Ok(None);
        };
        let part = Part::try_from(part.to_owned_message());
        part.map(Some).map_err(|error| vec![error])
    }

    /// Waits for a server that went away, for a while, unless it never was there.
    async fn wait(&mut self, errors: Vec<Error>) -> Result<(), Stop> {
        if is_time_up(&errors) {
            return Ok(());
        }
        let now = SystemClock.now();
        let since = *self.away.get_or_insert(now);
        if !self.was_there || !may_pass(&errors) || now.since(since) > PATIENCE {
            return Err(errors.into());
        }
        if since == now {
            self.output.say("the server is away; trying again");
        }
        SystemClock.sleep(PAUSE).await;
        Ok(())
    }
}

impl Heard {
    /// From which frame another call goes on; what it tells twice is passed over.
    fn again(&mut self) -> u64 {
        self.told = 0;
        self.from
    }

    /// What of a part was not heard yet.
    fn news(&mut self, part: Part) -> Option<Part> {
        match part {
            Part::Head(_) if std::mem::replace(&mut self.has_head, true) => None,
            Part::Chunk(chunk) => self.news_of_chunk(chunk).map(Part::Chunk),
            part => Some(part),
        }
    }

    fn news_of_chunk(&mut self, mut part: ChunkPart) -> Option<ChunkPart> {
        let next = *self.chunk.get_or_insert(part.index);
        if part.index < next {
            return None;
        }
        let again = self.units.saturating_sub(self.told).min(part.units.len());
        self.told += part.units.len();
        part.units.drain(..again);
        self.units = self.units.max(self.told);
        let frames = part.units.iter().map(|unit| unit.frame + 1);
        self.end = frames.fold(self.end, u64::max);
        if part.is_last {
            // Behind the last chunk there is nothing to ask for.
            (self.chunk, self.from) = (Some(next + 1), self.end.saturating_sub(1));
            (self.units, self.told) = (0, 0);
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use blob::{BlobRef, Digest};
    use ves_assembly::AccessUnit;

    use super::*;

    fn part(index: u64, frames: std::ops::Range<u64>, is_last: bool) -> Part {
        let unit = |frame| AccessUnit {
            frame,
            offset: 0,
            size: 1,
            random_access: false,
            pts: 0,
            dts: 0,
            duration: 1,
            decode_duration: 1,
        };
        Part::Chunk(ChunkPart {
            index,
            blob: BlobRef {
                store: "local".into(),
                digest: Digest::of(b""),
                size: 1,
                content_type: String::new(),
            },
            units: frames.map(unit).collect(),
            is_last,
        })
    }

    fn frames(heard: &mut Heard, told: Part) -> Option<Vec<u64>> {
        match heard.news(told)? {
            Part::Chunk(part) => Some(part.units.iter().map(|unit| unit.frame).collect()),
            _ => None,
        }
    }

    #[test]
    fn another_call_goes_on_in_the_middle_of_a_chunk() {
        let mut heard = Heard {
            from: 70,
            ..Heard::default()
        };
        assert_eq!(heard.again(), 70);
        assert_eq!(
            frames(&mut heard, part(1, 60..80, false)),
            Some((60..80).collect())
        );
        // The call is cut; the next one tells the chunk from its beginning, in other parts.
        assert_eq!(heard.again(), 70);
        assert_eq!(frames(&mut heard, part(1, 60..70, false)), Some(vec![]));
        assert_eq!(
            frames(&mut heard, part(1, 70..90, false)),
            Some((80..90).collect())
        );
        assert_eq!(
            frames(&mut heard, part(1, 90..100, true)),
            Some((90..100).collect())
        );
        assert_eq!(heard.again(), 99);
        assert_eq!(frames(&mut heard, part(1, 60..100, true)), None);
        assert_eq!(frames(&mut heard, part(2, 100..101, true)), Some(vec![100]));
    }

    #[test]
    fn chunks_that_were_heard_whole_are_no_news() {
        let mut heard = Heard::default();
        assert!(frames(&mut heard, part(0, 0..5, true)).is_some());
        heard.again();
        assert!(frames(&mut heard, part(0, 0..5, true)).is_none());
        assert_eq!(frames(&mut heard, part(1, 5..6, true)), Some(vec![5]));
    }
}
