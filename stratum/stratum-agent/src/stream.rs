//! Decoded frames as a stream: a FIFO that the function reads while a decoder, in
//! a sandbox of its own, fills it. A function that reads its stream twice gets a file, and one
//! that reads single frames a file of each.
//!
//! What was decoded is checked frame by frame; if it was not exactly the range,
//! it is decoded again by counting from the first frame, and the function runs again.

use std::fs;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use errors::Error;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use stratum::InputKind;
use stratum_frames::{DecodeOptions, Decoded, Method, Plan, Tools, decode_range};
use stratum_init::{Exit, Running};

use crate::execute::{Attempt, Halt, millis};
use crate::feed::Feed;
use crate::inputs::Staged;
use crate::numbered::{self, Numbered, PLANAR};
use crate::{exit, text, work_dir};

/// What ffmpeg says when its reader is gone.
const READER_GONE: &str = "Broken pipe";

/// Makes the FIFO that the function will read.
fn make_fifo(path: &Path) -> Result<(), Error> {
    let made = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
    made.map_err(|error| work_dir::io("create", path, &error.into()))
}

/// Runs the function on exactly the frames of `feed`, as the input `name`.
pub(crate) async fn run(
    attempt: &mut Attempt<'_>,
    staged: &Staged,
    feed: &Feed,
    name: &Path,
) -> Result<(), Halt> {
    let single = attempt.target.function().input == InputKind::Frames;
    let decoded = attempt.dir.decoded();
    let once = Pass {
        feed,
        name,
        output: if single { &decoded } else { name },
        single,
        plan: feed.plan,
        tools: tools(attempt)?,
    };
    let problem = match once.run(attempt, staged).await? {
        Fed::Exactly => return Ok(()),
        Fed::Wrongly(problem) if feed.plan.method == Method::Linear => {
            return Err(damaged(feed, problem).into());
        }
        Fed::Wrongly(problem) => problem,
    };
    let (start, end) = (feed.plan.start, feed.plan.end);
    tracing::warn!(
        start,
        end,
        problem,
        "a range is decoded again from the first frame"
    );
    attempt.dir.clear()?;
    let again = Pass {
        plan: feed.plan.linear(),
        ..once
    };
    match again.run(attempt, staged).await? {
        Fed::Exactly => Ok(()),
        Fed::Wrongly(problem) => Err(damaged(feed, problem).into()),
    }
}

fn tools(attempt: &Attempt<'_>) -> Result<Tools, Error> {
    let tools = Tools::with_init(attempt.context.init.clone());
    let tools = tools.map_err(|error| Error::platform("NO_DECODER", error.to_string()))?;
    Ok(Tools {
        memory: attempt.target.shape.decoder_memory(),
        ..tools
    })
}

fn damaged(feed: &Feed, problem: String) -> Error {
    let message = format!("the source does not decode to the frames of its table: {problem}");
    Error::source("DAMAGED_FRAMES", message).frames(feed.plan.start, feed.plan.end)
}

/// Whether the function was given what it was promised.
enum Fed {
    Exactly,
    /// What it made of it is worthless.
    Wrongly(String),
}

/// One decode of the range and one run of the function on it.
struct Pass<'a> {
    feed: &'a Feed,
    /// Below `input/`.
    name: &'a Path,
    /// What the decoder writes.
    output: &'a Path,
    /// Whether each frame is a file.
    single: bool,
    plan: Plan,
    tools: Tools,
}

/// How long a function may take to end that has closed its input.
const ENDING: Duration = Duration::from_secs(10);

type DecodeResult = Result<Decoded, stratum_frames::Error>;

impl Pass<'_> {
    async fn run(&self, attempt: &mut Attempt<'_>, staged: &Staged) -> Result<Fed, Halt> {
        // Of an earlier pass.
        let _ = fs::remove_file(self.output);
        match self.single || attempt.target.function().two_pass {
            true => self.run_after(attempt, staged).await,
            false => self.run_beside(attempt, staged).await,
        }
    }

    /// The function runs when all frames are in a file.
    async fn run_after(&self, attempt: &mut Attempt<'_>, staged: &Staged) -> Result<Fed, Halt> {
        let made = fs::File::create(self.output);
        made.map_err(|error| work_dir::io("create", self.output, &error))?;
        let mut stop = attempt.delivery.stop.clone();
        let decoded = tokio::select! {
            decoded = self.decode() => decoded,
            reason = stop.stopped() => return Err(Halt::Stopped(reason)),
        };
        match self.judge(attempt, decoded)? {
            Fed::Exactly => {
                let _files = self.files(attempt).await?;
                attempt.run_function(staged).await.map(|()| Fed::Exactly)
            }
            wrongly => Ok(wrongly),
        }
    }

    /// One file for each frame, if it is to be so.
    async fn files(&self, attempt: &Attempt<'_>) -> Result<Option<Numbered>, Error> {
        if !self.single {
            return Ok(None);
        }
        let Plan { start, end, .. } = self.plan;
        let spans = numbered::pictures(self.output, end - start)?;
        let laid = numbered::lay(attempt.dir, self.name, self.output, &spans, PLANAR);
        laid.await.map(Some)
    }

    /// The function runs while the FIFO is filled.
    async fn run_beside(&self, attempt: &mut Attempt<'_>, staged: &Staged) -> Result<Fed, Halt> {
        make_fifo(self.output)?;
        let running = attempt.spawn(staged).await?;
        let (decoded, exit) = self.side_by_side(attempt, running).await;
        self.weigh(attempt, decoded, exit)
    }

    /// The ends of both; nothing for a decoder that did not come to one.
    async fn side_by_side(
        &self,
        attempt: &mut Attempt<'_>,
        running: Running,
    ) -> (Option<DecodeResult>, Result<Exit, Halt>) {
        let clock = &attempt.context.clock;
        let killer = running.killer();
        let (mut decoding, mut function) = (pin!(self.decode()), pin!(attempt.wait(running)));
        tokio::select! {
            biased;
            decoded = &mut decoding => {
                if is_left_unread(&decoded) {
                    // A function that refuses what it read of its input is about to end by itself.
                    tokio::select! {
                        exit = &mut function => return (Some(decoded), exit),
                        () = clock.sleep(ENDING) => {}
                    }
                }
                if !is_exact(&decoded) {
                    // Also frees a function that waits for a writer that will never come.
                    killer.kill();
                }
                (Some(decoded), function.await)
            }
            exit = &mut function => {
                self.free_writer();
                let patience = clock.sleep(patience(&exit));
                tokio::select! {
                    decoded = &mut decoding => (Some(decoded), exit),
                    () = patience => (None, exit),
                }
            }
        }
    }

    async fn decode(&self) -> DecodeResult {
        let options = DecodeOptions {
            pixel_format: self.feed.pixel_format.clone(),
            ..DecodeOptions::default()
        };
        let Feed { source, table, .. } = self.feed;
        decode_range(
            &self.tools,
            source.path(),
            table,
            &self.plan,
            self.output,
            &options,
        )
        .await
    }

    /// A decoder that waits for a reader finds one, and then that it is gone.
    fn free_writer(&self) {
        drop(rustix::fs::open(
            self.output,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        ));
    }

    /// Whether a decode gave what it should, or whose fault it is.
    fn judge(&self, attempt: &mut Attempt<'_>, decoded: DecodeResult) -> Result<Fed, Error> {
        match decoded {
            Ok(decoded) => {
                attempt.usage.decode_cpu_ms += millis(decoded.exit.cpu());
                let mismatch = decoded.verdict.err();
                Ok(mismatch.map_or(Fed::Exactly, |mismatch| Fed::Wrongly(mismatch.to_string())))
            }
            Err(stratum_frames::Error::Init(error)) => Err(exit::sandbox(&error)),
            Err(error @ stratum_frames::Error::Tool { .. }) => tool_failed(&error),
            Err(error) => Ok(Fed::Wrongly(text::line(&error.to_string(), 1_024))),
        }
    }

    /// What the ends of both mean together.
    fn weigh(
        &self,
        attempt: &mut Attempt<'_>,
        decoded: Option<DecodeResult>,
        exit: Result<Exit, Halt>,
    ) -> Result<Fed, Halt> {
        if let Err(Halt::Stopped(reason)) = exit {
            return Err(Halt::Stopped(reason));
        }
        let decoded = decoded.filter(|decoded| !is_left_unread(decoded));
        let Some(decoded) = decoded else {
            attempt.judge(&exit?)?;
            let message = "the function ended well without reading all frames of its input";
            return Err(Error::function("INPUT_NOT_READ", message).into());
        };
        match self.judge(attempt, decoded)? {
            Fed::Exactly => attempt.judge(&exit?).map(|()| Fed::Exactly),
            wrongly => Ok(wrongly),
        }
    }
}

/// How long the decoder may take to end after the function has.
fn patience(exit: &Result<Exit, Halt>) -> Duration {
    match exit {
        Ok(exit) if exit.success() => Duration::from_secs(10),
        Ok(_) | Err(Halt::Failed(_)) => Duration::from_secs(2),
        Err(Halt::Stopped(_)) => Duration::ZERO,
    }
}

fn is_exact(decoded: &DecodeResult) -> bool {
    matches!(decoded, Ok(decoded) if decoded.verdict.is_ok())
}

fn is_left_unread(decoded: &DecodeResult) -> bool {
    matches!(decoded, Err(stratum_frames::Error::Tool { said, .. }) if said.contains(READER_GONE))
}

/// The decoder ended badly: by a limit, by somebody's hand, or because of the source.
fn tool_failed(error: &stratum_frames::Error) -> Result<Fed, Error> {
    let message = text::line(&error.to_string(), 1_024);
    match error {
        stratum_frames::Error::Tool { exit, .. } if exit.starts_with("memory") => {
            let hint = "route the function to a shape with more memory";
            Err(Error::function("DECODER_OUT_OF_MEMORY", message).hint(hint))
        }
        stratum_frames::Error::Tool { exit, .. } if exit == "signal 9" || exit == "signal 15" => {
            Err(Error::platform("DECODER_KILLED", message))
        }
        _ => Ok(Fed::Wrongly(message)),
    }
}
