//! One delivery of an invocation, from the lease to its end.

use std::sync::Arc;

use errors::Error;
use proto::base::v1::Envelope;
use proto::stratum::v1 as wire;
use stratum::{Function, Invocation, InvocationResult, Package, Shape, Usage};
use timestone::{LeaseToken, LeasedMessage};
use timestone_client::envelope;

use crate::context::Context;
use crate::execute;
use crate::feed::Feed;
use crate::stop::{Reason, Stop};
use crate::{memo, settle, versions};

/// What was leased, understood.
pub(crate) struct Delivery {
    pub(crate) message: LeasedMessage,
    pub(crate) envelope: Envelope,
    pub(crate) invocation: Invocation,
    /// What will run, or why it cannot.
    target: Result<Target, Error>,
    pub(crate) stop: Stop,
}

/// The package to run and the shape to run it in.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) package: Arc<Package>,
    pub(crate) shape: Shape,
}

impl Target {
    pub(crate) fn function(&self) -> &Function {
        &self.package.function
    }
}

/// The payload is no invocation, so nobody can be told of its end but the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Envelope(#[from] envelope::EnvelopeError),
    #[error(transparent)]
    Invocation(#[from] stratum::InvalidInvocation),
}

impl Delivery {
    pub(crate) async fn new(
        context: &Context,
        message: LeasedMessage,
        stop: Stop,
    ) -> Result<Self, Unreadable> {
        let envelope = envelope::of_payload(&message.payload)?;
        let invocation = Invocation::try_from(envelope::open::<wire::Invocation>(&envelope)?)?;
        Ok(Self {
            target: target(context, &invocation).await,
            message,
            envelope,
            invocation,
            stop,
        })
    }

    pub(crate) fn token(&self) -> &LeaseToken {
        &self.message.token
    }

    /// Nothing, when there is nothing to run.
    pub(crate) fn shape(&self) -> Option<&Shape> {
        self.target.as_ref().ok().map(|target| &target.shape)
    }

    /// When the work has lost its worth, in Unix milliseconds.
    pub(crate) fn deadline(&self) -> Option<i64> {
        (self.envelope.deadline_unix_ms > 0).then_some(self.envelope.deadline_unix_ms)
    }
}

async fn target(context: &Context, invocation: &Invocation) -> Result<Target, Error> {
    let package = package(context, invocation).await?;
    let routing = &package.function.routing;
    let shape = routing
        .choose(&invocation.attributes)
        .map_err(|error| Error::user("NO_SHAPE", error.to_string()))?;
    Ok(Target {
        shape: routing.larger(shape, invocation.outgrown).clone(),
        package,
    })
}

/// The version that the invocation is pinned to: the installed one, or one that is published.
async fn package(context: &Context, invocation: &Invocation) -> Result<Arc<Package>, Error> {
    let name = &invocation.function;
    let installed = context.registry.get(name).ok_or_else(|| {
        let message = format!("agent {} has no function `{name}`", context.config.name);
        Error::platform("NO_SUCH_FUNCTION", message)
    })?;
    let wanted = invocation.function_digest.unwrap_or(installed.digest);
    if wanted == installed.digest {
        return Ok(installed.clone());
    }
    let published = context.versions.get(name, wanted).await?;
    published.ok_or_else(|| {
        let message = format!(
            "the version {wanted} of `{name}`, which the work is pinned to, is not published, and \
             agent {} has {} installed",
            context.config.name, installed.digest
        );
        Error::platform("VERSION_MISSING", message).hint(versions::PUBLISH)
    })
}

/// Runs the invocation to its end and tells it, unless it is told to stop.
pub(crate) async fn run(context: &Context, mut delivery: Delivery) {
    match result(context, &mut delivery).await {
        Ok(result) => settle::complete(context, &mut delivery, result).await,
        Err(Reason::Shutdown) => settle::release(context, &delivery).await,
        Err(Reason::LeaseLost) => settle::lost(context, &delivery),
        Err(Reason::Canceled) => settle::canceled(context, &delivery),
    }
}

async fn result(context: &Context, delivery: &mut Delivery) -> Result<InvocationResult, Reason> {
    if let Some(reason) = delivery.stop.reason() {
        return Err(reason);
    }
    let target = match delivery.target.clone() {
        Ok(target) => target,
        Err(error) => return Ok(failed(context, delivery, error)),
    };
    if let Err(late) = in_time(context, delivery) {
        return Ok(failed(context, delivery, late));
    }
    let feed = match Feed::load(context, delivery, &target).await {
        Ok(feed) => feed,
        Err(error) => return Ok(failed(context, delivery, error)),
    };
    let key = memo::key(delivery, &target, feed.as_ref());
    if let Some(remembered) = memo::look_up(context, key).await {
        return Ok(from_memo(context, delivery, remembered));
    }
    let done = execute::execute(context, delivery, &target, feed.as_ref()).await?;
    memo::remember(context, key, &done.outcome).await;
    Ok(executed(context, delivery, done))
}

fn in_time(context: &Context, delivery: &Delivery) -> Result<(), Error> {
    let now = context.clock.now().unix_ms();
    match delivery.deadline() {
        Some(deadline) if deadline <= now => Err(past_deadline()),
        _ => Ok(()),
    }
}

pub(crate) fn past_deadline() -> Error {
    let message = "the deadline passed before the function had ended";
    Error::new(errors::Class::Deadline, "DEADLINE", message)
}

fn failed(context: &Context, delivery: &Delivery, error: Error) -> InvocationResult {
    InvocationResult {
        invocation_id: delivery.invocation.id.clone(),
        outcome: Err(error),
        usage: Usage::default(),
        from_memo: false,
        agent: context.config.name.clone(),
        log: None,
    }
}

fn from_memo(context: &Context, delivery: &Delivery, value: blob::Value) -> InvocationResult {
    context.counters.from_memo.count();
    let invocation = &delivery.invocation;
    tracing::info!(
        invocation = invocation.id,
        function = invocation.function.as_str(),
        workflow = invocation.workflow,
        node = invocation.node,
        element = invocation.element,
        "invocation remembered"
    );
    InvocationResult {
        invocation_id: invocation.id.clone(),
        outcome: Ok(value),
        usage: Usage::default(),
        from_memo: true,
        agent: context.config.name.clone(),
        log: None,
    }
}

fn executed(context: &Context, delivery: &Delivery, done: execute::Done) -> InvocationResult {
    context.counters.executed.count();
    let invocation = &delivery.invocation;
    let error = done.outcome.as_ref().err();
    tracing::info!(
        invocation = invocation.id,
        function = invocation.function.as_str(),
        workflow = invocation.workflow,
        node = invocation.node,
        element = invocation.element,
        generation = invocation.generation,
        delivery = delivery.message.token.delivery,
        cpu_ms = done.usage.cpu_ms,
        decode_cpu_ms = done.usage.decode_cpu_ms,
        wall_ms = done.usage.wall_ms,
        error = error.map(tracing::field::display),
        "invocation executed"
    );
    InvocationResult {
        invocation_id: invocation.id.clone(),
        outcome: done.outcome,
        usage: done.usage,
        from_memo: false,
        agent: context.config.name.clone(),
        log: done.log,
    }
}
