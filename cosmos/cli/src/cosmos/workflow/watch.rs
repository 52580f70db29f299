//! `cosmos workflow watch`: how it is doing, then what happens, as it happens.

use std::io::{self, Write};
use std::time::Duration;

use connectrpc::ErrorCode;
use connectrpc::client::CallOptions;
use errors::{Class, Error};
use proto::plato::v1::{WatchWorkflowRequest, WatchWorkflowResponse, Workflow, WorkflowHappening};
use tokio::time::{Instant, sleep};

use super::args::IdArgs;
use super::{Desk, json, words};
use crate::explain::one_line;
use crate::signals;
use crate::stop::Stop;
use crate::table::Tone;
use crate::units::local_time;

/// How long one call follows; then the next one goes on.
const CALL: Duration = Duration::from_secs(300);
/// A server that goes away may be away for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// It is called again after this time.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn watch(desk: &Desk, args: &IdArgs) -> Result<(), Stop> {
    desk.server.workflow(&args.id).await?;
    let stop = signals::stop();
    tokio::select! {
        ended = follow(desk, &args.id) => ended,
        () = stop.cancelled() => Err(Stop::Interrupted),
    }
}

/// Until it has ended, or nobody reads.
async fn follow(desk: &Desk, id: &str) -> Result<(), Stop> {
    let mut watch = Watch { desk, told: 0 };
    let mut away: Option<Instant> = None;
    loop {
        let before = watch.told;
        match watch.once(id).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(errors) => {
                let since = *away
                    .filter(|_| watch.told == before)
                    .get_or_insert_with(Instant::now);
                if !may_pass(&errors) || since.elapsed() > PATIENCE {
                    return Err(errors.into());
                }
                away = Some(since);
                sleep(PAUSE).await;
            }
        }
    }
}

fn may_pass(errors: &[Error]) -> bool {
    let first = errors.first();
    first.is_some_and(|error| error.class == Class::Platform)
}

struct Watch<'a> {
    desk: &'a Desk,
    /// Events that were told; of the journal as well, as it begins with 0.
    told: u64,
}

impl Watch<'_> {
    /// One call; whether there is no more to tell.
    async fn once(&mut self, id: &str) -> Result<bool, Vec<Error>> {
        let request = WatchWorkflowRequest {
            workflow_id: id.to_owned(),
            ..Default::default()
        };
        let options = CallOptions::default().with_timeout(CALL);
        let server = &self.desk.server;
        let told = |refusal| server.told(&refusal);
        let call = server.client.watch_workflow_with_options(request, options);
        let mut stream = call.await.map_err(told)?;
        loop {
            match stream.message().await {
                Ok(Some(said)) => {
                    if self.tell(said.to_owned_message()) {
                        return Ok(true);
                    }
                }
                Ok(None) => return Ok(false),
                Err(refusal) if refusal.code == ErrorCode::DeadlineExceeded => return Ok(false),
                Err(refusal) => return Err(told(refusal)),
            }
        }
    }

    /// Whether to end.
    fn tell(&mut self, said: WatchWorkflowResponse) -> bool {
        let Some(workflow) = said.workflow.into_option() else {
            return false;
        };
        let first = self.told == 0;
        let mut new = said
            .happenings
            .iter()
            .filter(|happening| happening.number >= self.told);
        let read = new.all(|happening| self.happening(happening));
        self.told = workflow.events;
        let ended = words::has_ended(&workflow);
        let read = match first || ended {
            true => read && self.state(&workflow),
            false => read,
        };
        ended || !read
    }

    fn state(&self, workflow: &Workflow) -> bool {
        let about = match workflow.rules.is_set() {
            true => words::progress(workflow),
            false => format!("{} nodes are through", words::progress(workflow)),
        };
        let name = words::state(workflow);
        self.line(
            workflow.at_unix_ms,
            name,
            words::tone(workflow),
            "",
            &about,
            || json::Watched::State(Box::new(workflow.into())),
        )
    }

    fn happening(&self, happening: &WorkflowHappening) -> bool {
        let (name, about) = (&happening.event, words::about(happening));
        let tone = match name.as_str() {
            "task_failed" | "node_failed" | "failing" | "failed" | "halted" => Tone::Bad,
            "node_succeeded" | "succeeded" => Tone::Good,
            "paused" | "resumed" | "retried" | "signaled" | "fired" => Tone::Notable,
            _ => Tone::Plain,
        };
        self.line(
            happening.at_unix_ms,
            name,
            tone,
            &happening.node,
            &about,
            || happening.into(),
        )
    }

    /// Whether somebody reads on.
    fn line<'w>(
        &self,
        at_ms: i64,
        name: &str,
        tone: Tone,
        node: &str,
        about: &str,
        json: impl FnOnce() -> json::Watched<'w>,
    ) -> bool {
        let line = match self.desk.json {
            true => serde_json::to_string(&json()).unwrap_or_default(),
            false => {
                let time = local_time(at_ms);
                let time = time.split(' ').next_back().unwrap_or_default().to_owned();
                let name = tone.paint(&format!("{name:16}"), self.desk.paint);
                let node = one_line(node);
                format!(
                    "{}  {name}  {node:12}  {about}",
                    self.desk.paint.faint(&time)
                )
            }
        };
        let mut out = io::stdout().lock();
        let line = line.trim_end();
        writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
    }
}
