//! One attempt at an invocation: stage, run, publish, clean up.

use std::path::Path;
use std::time::Duration;

use blob::{BlobRef, Value};
use errors::Error;
use stratum::{Image, Usage};
use stratum_init::{Container, Exit, Running, Spec};

use crate::context::Context;
use crate::delivery::{self, Delivery, Target};
use crate::feed::Feed;
use crate::inputs::{self, Staged};
use crate::numbered::{self, CODESTREAM};
use crate::stop::Reason;
use crate::work_dir::WorkDir;
use crate::{command, error_json, exit, logs, outputs, progress, stream};

/// The function ended, well or badly.
pub(crate) struct Done {
    pub(crate) outcome: Result<Value, Error>,
    pub(crate) usage: Usage,
    pub(crate) log: Option<BlobRef>,
}

/// Why an attempt goes no further.
#[derive(Debug)]
pub(crate) enum Halt {
    Failed(Error),
    Stopped(Reason),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs the function once and publishes what it wrote; the reason when it was
/// told to stop, and nothing of it remains.
pub(crate) async fn execute(
    context: &Context,
    delivery: &Delivery,
    target: &Target,
    feed: Option<&Feed>,
) -> Result<Done, Reason> {
    let began = context.clock.now();
    let dir = match WorkDir::create(context, &delivery.invocation.id).await {
        Ok(dir) => dir,
        Err(error) => return Ok(Done::unstarted(error)),
    };
    let mut attempt = Attempt {
        context,
        delivery,
        target,
        dir: &dir,
        usage: Usage::default(),
    };
    let result = attempt.run(feed).await;
    let mut usage = attempt.usage;
    usage.wall_ms = u64::try_from(context.clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
    let ended = match result {
        Ok(value) => Ok(Ok(value)),
        Err(Halt::Failed(error)) => Ok(Err(error)),
        Err(Halt::Stopped(reason)) => Err(reason),
    };
    let log = match &ended {
        Ok(outcome) if outcome.is_err() || context.config.keep_logs => {
            logs::keep(context, &dir).await
        }
        _ => None,
    };
    dir.discard(context).await;
    ended.map(|outcome| Done {
        outcome,
        usage,
        log,
    })
}

impl Done {
    fn unstarted(error: Error) -> Self {
        Self {
            outcome: Err(error),
            usage: Usage::default(),
            log: None,
        }
    }
}

pub(crate) struct Attempt<'a> {
    pub(crate) context: &'a Context,
    pub(crate) delivery: &'a Delivery,
    pub(crate) target: &'a Target,
    pub(crate) dir: &'a WorkDir,
    pub(crate) usage: Usage,
}

impl Attempt<'_> {
    async fn run(&mut self, feed: Option<&Feed>) -> Result<Value, Halt> {
        let invocation = &self.delivery.invocation;
        let mut staged = inputs::stage(self.context, self.dir, invocation).await?;
        staged.decoder = feed.is_some_and(|feed| feed.codestreams.is_none());
        self.dir.write_params(invocation.params.as_bytes())?;
        let ran = match feed.zip(staged.frames.as_deref()) {
            Some((feed, name)) => {
                feed.describe(&self.dir.input())?;
                self.run_on_frames(&staged, feed, name).await
            }
            None => self.run_function(&staged).await,
        };
        // A source that changed explains whatever else went wrong.
        staged.unchanged().await?;
        ran?;
        Ok(outputs::publish(self.context, self.dir, &self.target.shape).await?)
    }

    async fn run_on_frames(
        &mut self,
        staged: &Staged,
        feed: &Feed,
        name: &Path,
    ) -> Result<(), Halt> {
        let Some(spans) = &feed.codestreams else {
            return stream::run(self, staged, feed, name).await;
        };
        let _files = numbered::lay(self.dir, name, feed.source.path(), spans, CODESTREAM).await?;
        self.run_function(staged).await
    }

    /// Runs the function to its end.
    pub(crate) async fn run_function(&mut self, staged: &Staged) -> Result<(), Halt> {
        let running = self.spawn(staged).await?;
        let exit = self.wait(running).await?;
        self.judge(&exit)
    }

    pub(crate) async fn spawn(&self, staged: &Staged) -> Result<Running, Error> {
        let spec = command::spec(self.target, self.dir, staged, self.wall());
        let spawned = match &self.target.function().image {
            None => self.context.init.spawn(&spec).await,
            Some(image) => self.launch(image, &spec).await,
        };
        spawned.map_err(|error| exit::sandbox(&error))
    }

    async fn launch(&self, image: &Image, spec: &Spec) -> Result<Running, stratum_init::Error> {
        let containers = self.context.config.containers.as_ref();
        // An agent without an engine does not start with such a function.
        let none = || stratum_init::Error::Engine("there is no container engine".into());
        let control = self.dir.control();
        let container = Container {
            image: image.as_str(),
            cpus: self.target.shape.cpus,
            control: &control,
        };
        containers.ok_or_else(none)?.launch(container, spec).await
    }

    /// Waits for the end of the function; kills it when told to stop.
    pub(crate) async fn wait(&mut self, mut running: Running) -> Result<Exit, Halt> {
        let mut stop = self.delivery.stop.clone();
        let progress = progress::relay(self.context, self.delivery, running.progress());
        let exit = tokio::select! {
            biased;
            exit = running.wait() => exit,
            reason = stop.stopped() => {
                running.kill();
                // Nothing of it may run when its directory is removed.
                let _ = running.wait().await;
                return Err(Halt::Stopped(reason));
            }
            never = progress => match never {},
        };
        let exit = exit.map_err(|error| exit::sandbox(&error))?;
        self.usage.cpu_ms += millis(exit.cpu());
        self.usage.peak_memory_bytes = self.usage.peak_memory_bytes.max(exit.peak_memory);
        Ok(exit)
    }

    /// What the end of the function means, and what it says about that itself.
    pub(crate) fn judge(&self, exit: &Exit) -> Result<(), Halt> {
        let Some(mut error) = exit::error(exit, &self.target.shape) else {
            return Ok(());
        };
        if exit.reason == stratum_init::Reason::WallTime && self.is_late() {
            return Err(delivery::past_deadline().into());
        }
        if let (stratum_init::Reason::Ended, stratum_init::Status::Code(status)) =
            (exit.reason, exit.status)
        {
            let own = outputs::error_json(self.dir);
            error = own
                .and_then(|json| error_json::read(&json, status))
                .unwrap_or_else(|| with_last_line(error, self.dir));
        }
        Err(error.into())
    }

    /// Until the function's timeout or the deadline of the work, whichever comes first.
    pub(crate) fn wall(&self) -> Duration {
        let timeout = self.target.function().timeout;
        let deadline = self.delivery.deadline().map(clock::Timestamp::from_unix_ms);
        let left = deadline.map(|deadline| deadline.since(self.context.clock.now()));
        left.map_or(timeout, |left| left.min(timeout))
    }

    /// Init's clock and ours need not agree to the millisecond.
    fn is_late(&self) -> bool {
        let soon = self.context.clock.now() + Duration::from_secs(1);
        let deadline = self.delivery.deadline();
        deadline.is_some_and(|deadline| deadline <= soon.unix_ms())
    }
}

fn with_last_line(mut error: Error, dir: &WorkDir) -> Error {
    if let Some(line) = logs::last_line(dir) {
        error.message = format!("{}; it said: {line}", error.message);
    }
    error
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
