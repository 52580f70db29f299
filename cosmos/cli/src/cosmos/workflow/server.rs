//! A server of workflows, and what went wrong on the way to it.

use std::path::PathBuf;

use connectrpc::{ConnectError, ErrorCode};
use daemon::Config;
use errors::{Class, Error};
use proto::plato::v1::{FunctionLog, GetWorkflowRequest, PlatoServiceClient, Workflow};

use super::args::ServerArgs;
use crate::cosmos::VALID_CONFIG;
use crate::server;

/// What would do where nobody answers.
const NOBODY: &str = "start one with `cosmos up`, or name another with --server or --config";
/// What would do where somebody else answers.
const NO_WORKFLOWS: &str = "`cosmos up` serves workflows at its API, `cosmos run plato` where \
                            `plato: listen` of the configuration says";

/// A server of workflows.
pub(in crate::cosmos) struct Server {
    pub client: PlatoServiceClient<rpc::Transport>,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(in crate::cosmos) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let config = configuration(args)?;
        let url = args.server.clone();
        let url = url.unwrap_or_else(|| config.workflows_url());
        let path = args.token_file.clone();
        let path = path.unwrap_or_else(|| config.token_path());
        let token = server::token(&path)?;
        let channel = rpc::connect(&url, &token).map_err(|error| error.at("--server"))?;
        Ok(Self {
            client: PlatoServiceClient::new(channel.transport, channel.config),
            url,
            token: path,
        })
    }

    /// What a call was answered with, in the words of somebody at a terminal.
    pub(in crate::cosmos) fn told(&self, refusal: &ConnectError) -> Vec<Error> {
        match refusal.code {
            // An answer from the service itself has details.
            ErrorCode::Unavailable if refusal.details.is_empty() => {
                let why = refusal.message.as_deref().unwrap_or("no answer");
                vec![server::unreachable(&self.url, why, NOBODY)]
            }
            ErrorCode::Unauthenticated => vec![server::token_refused(&self.url, &self.token)],
            ErrorCode::Unimplemented => vec![self.no_workflows()],
            _ => rpc::told(refusal).into_iter().map(in_our_words).collect(),
        }
    }

    fn no_workflows(&self) -> Error {
        let message = format!("the server at {} serves no workflows", self.url);
        Error::user("NO_WORKFLOWS", message)
            .at("--server")
            .hint(NO_WORKFLOWS)
    }

    /// How a workflow is doing.
    pub(super) async fn workflow(&self, id: &str) -> Result<Workflow, Vec<Error>> {
        Ok(self.workflow_and_log(id).await?.0)
    }

    /// How a workflow is doing; of one that failed, also what its function said last.
    pub(super) async fn workflow_and_log(
        &self,
        id: &str,
    ) -> Result<(Workflow, Option<FunctionLog>), Vec<Error>> {
        let request = GetWorkflowRequest {
            workflow_id: id.to_owned(),
            ..Default::default()
        };
        let answer = self.client.get_workflow(request).await;
        let answer = answer.map_err(|refusal| self.told(&refusal))?;
        let answer = answer.into_owned();
        Ok((
            told_of(answer.workflow.into_option())?,
            answer.log.into_option(),
        ))
    }
}

/// The workflow that an answer tells of.
pub(super) fn told_of(workflow: Option<Workflow>) -> Result<Workflow, Vec<Error>> {
    workflow.ok_or_else(|| {
        vec![Error::platform(
            "MALFORMED_ANSWER",
            "the server told of no workflow",
        )]
    })
}

/// The server speaks otherwise than this command.
pub(super) fn malformed(error: serde_json::Error) -> Error {
    Error::platform("MALFORMED_ANSWER", format!("the definition: {error}"))
        .hint("use a command of the server's version")
}

/// Fields of the API as arguments, and hints as commands.
fn in_our_words(mut error: Error) -> Error {
    error.field = match error.field.as_deref() {
        Some("workflow_id") => Some("ID".into()),
        Some("node") => Some("NODE".into()),
        Some("definition") => Some("--definition".into()),
        Some("limit") => Some("--limit".into()),
        Some("rules") => Some("--rules".into()),
        Some("facts[0]") => Some("FIELD".into()),
        _ => error.field,
    };
    match (error.code.as_str(), error.class) {
        ("WORKFLOW_NOT_FOUND", _) => {
            error.hint("`cosmos workflow list` shows those that are there")
        }
        ("WORKFLOW_ENDED", Class::User) if error.hint.is_some() => {
            error.hint("`cosmos workflow retry` has it go on")
        }
        _ => error,
    }
}

fn configuration(args: &ServerArgs) -> Result<Config, Error> {
    let read = args.config.as_deref().map(Config::read);
    read.unwrap_or_else(|| Ok(Config::default()))
        .map_err(|why| {
            Error::user("CONFIG_UNUSABLE", format!("{why:#}"))
                .at("--config")
                .hint(VALID_CONFIG)
        })
}
