//! A queue server, and what went wrong on the way to it.

use std::path::PathBuf;
use std::time::Duration;

use daemon::Config;
use errors::{Class, Error};
use timestone::{MessageKey, MessageView, QueueConfig, QueueView, Refusal, Search};
use timestone_client::wire::to_outcome;
use timestone_client::{RemoteTimestone, Timestone, TimestoneError};

use super::args::ServerArgs;
use crate::cosmos::VALID_CONFIG;
use crate::explain::one_line;
use crate::server;

/// What would do where nobody answers.
const NOBODY: &str = "start one with `cosmos up` or `cosmos run timestone`, or name another with \
                      --server or --config";
/// A server that was there may be away for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A queue server.
pub(in crate::cosmos) struct Server {
    pub queues: RemoteTimestone,
    url: String,
    token: PathBuf,
}

impl Server {
    /// Nothing is sent yet. Must be called on the runtime.
    pub(in crate::cosmos) fn of(args: &ServerArgs) -> Result<Self, Error> {
        let config = configuration(args)?;
        let url = args.server.clone();
        let url = url.unwrap_or_else(|| config.timestone_url());
        let path = args.token_file.clone();
        let path = path.unwrap_or_else(|| config.token_path());
        let token = server::token(&path)?;
        let queues = RemoteTimestone::connect(&url, &token);
        Ok(Self {
            queues: queues
                .map_err(|error| error.at("--server"))?
                .patient(Duration::ZERO),
            url,
            token: path,
        })
    }

    /// The same, which waits for a server that goes away.
    pub(super) fn patient(&self) -> Self {
        Self {
            queues: self.queues.clone().patient(PATIENCE),
            url: self.url.clone(),
            token: self.token.clone(),
        }
    }

    /// What a call was answered with, in the words of somebody at a terminal.
    pub(in crate::cosmos) fn told(&self, error: TimestoneError) -> Error {
        match error {
            TimestoneError::Unavailable(why) if why.contains("; try again") => {
                Error::platform("UNAVAILABLE", said(&why))
                    .at("--server")
                    .hint("try again: the server is there, but has no store for the moment")
            }
            TimestoneError::Unavailable(why) => server::unreachable(&self.url, said(&why), NOBODY),
            TimestoneError::Refused(refusal) => match refusal.code.as_str() {
                "UNAUTHENTICATED" => server::token_refused(&self.url, &self.token),
                "INVALID_ARGUMENT" => invalid(said(&refusal.problem)),
                code => Error::user(code, said(&refusal.problem)),
            },
        }
    }

    /// A queue that must be there.
    pub(super) async fn queue(&self, queue: &str) -> Result<QueueView, Error> {
        let known = self.known_queue(queue).await?;
        known.ok_or_else(|| no_queue(queue))
    }

    pub(super) async fn known_queue(&self, queue: &str) -> Result<Option<QueueView>, Error> {
        let view = self.queues.queue(queue).await;
        view.map_err(|error| self.told(error))
    }

    pub(super) async fn put(&self, queue: &str, config: QueueConfig) -> Result<(), Error> {
        let put = self.queues.put_queue(queue, config).await;
        put.map_err(|error| self.told(error))
    }

    /// A page of messages.
    pub(super) async fn find(&self, search: Search) -> Result<timestone::Found, Error> {
        let found = self.queues.find(search).await;
        found.map_err(|error| self.told(error))
    }

    pub(super) async fn message(&self, key: &MessageKey) -> Result<Option<MessageView>, Error> {
        let view = self.queues.get(key).await;
        view.map_err(|error| self.told(error))
    }
}

pub(in crate::cosmos) fn configuration(args: &ServerArgs) -> Result<Config, Error> {
    let read = args.config.as_deref().map(Config::read);
    read.unwrap_or_else(|| Ok(Config::default()))
        .map_err(|why| {
            Error::user("CONFIG_UNUSABLE", format!("{why:#}"))
                .at("--config")
                .hint(VALID_CONFIG)
        })
}

pub(super) fn no_queue(queue: &str) -> Error {
    let queue = one_line(queue);
    Error::user("QUEUE_NOT_FOUND", format!("there is no queue {queue}"))
        .at("QUEUE")
        .hint("`cosmos queue list` shows those that are there")
}

/// What an error says, without its code and what would do.
fn said(text: &str) -> &str {
    let code = text.rfind(" [").unwrap_or(text.len());
    &text[..code]
}

/// Fields of the API and the argument that sets them.
const ARGUMENTS: [(&str, &str); 16] = [
    ("config.lease_ms", "--lease"),
    ("config.invisible_ms", "--delay"),
    ("config.attempts", "--attempts"),
    ("config.retention_ms", "--retention"),
    ("config.max_depth", "--depth"),
    ("config.exclusive.key", "--exclusive"),
    ("config.dead_letter.queue", "--dead-letter"),
    ("config.indexed", "--index"),
    ("config.partitions", "--partitions"),
    ("config.fairness.key", "--fair"),
    ("config.fairness.weights", "--weight"),
    ("filter", "--where"),
    ("attempts", "--attempts"),
    ("reason", "--reason"),
    ("id", "ID"),
    ("queue", "QUEUE"),
];

/// A refusal begins with the field that it is about.
fn invalid(said: &str) -> Error {
    let field = said.split_once(' ');
    let named = field.and_then(|(field, problem)| {
        let known = ARGUMENTS.iter().find(|(name, _)| *name == field);
        let argument = known.map(|(_, argument)| *argument)?;
        is_about(problem).then_some((argument, problem))
    });
    match named {
        Some((argument, problem)) => Error::user("INVALID_ARGUMENT", problem).at(argument),
        None => Error::user("INVALID_ARGUMENT", said),
    }
}

/// Whether it is the rest of "FIELD is …", not of a sentence about a queue of some name.
fn is_about(problem: &str) -> bool {
    ["is ", "has ", "would "]
        .iter()
        .any(|verb| problem.starts_with(verb))
}

/// Why one message or queue was refused, and what would do here.
pub(super) fn refused(refusal: Refusal) -> Error {
    let hint = match &refusal {
        Refusal::NotFound(_) => {
            "`cosmos queue find` shows those that are there; ended ones are forgotten after a while"
        }
        Refusal::NotWaiting(_) => "`cosmos queue message` says what became of it",
        Refusal::Canceled(_) => "it stays canceled; its work must come again under another id",
        Refusal::QueueNotEmpty { .. } => {
            "wait until it is empty (`cosmos queue drain`), or add --force to cancel what is there"
        }
        Refusal::Invalid { field, problem } => return invalid(&format!("{field} {problem}")),
        _ => return wire_error(refusal),
    };
    let code = refusal.code();
    // Not this command was canceled.
    let code = if code == "CANCELED" {
        "MESSAGE_CANCELED"
    } else {
        code
    };
    Error::new(Class::User, code, refusal.to_string()).hint(hint)
}

fn wire_error(refusal: Refusal) -> Error {
    let said = refusal.to_string();
    let error = to_outcome(Err(refusal)).error.into_option();
    error.map_or_else(|| Error::user("REFUSED", said), Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_argument() {
        let table = [
            (
                "config.lease_ms is 5; from 100 to 86400000",
                "--lease: is 5; from 100 to 86400000 [INVALID_ARGUMENT]",
            ),
            ("queue is full", "QUEUE: is full [INVALID_ARGUMENT]"),
            (
                "queue jobs is being deleted",
                "queue jobs is being deleted [INVALID_ARGUMENT]",
            ),
            ("what else", "what else [INVALID_ARGUMENT]"),
        ];
        for (said, expected) in table {
            assert_eq!(invalid(said).to_string(), expected);
        }
    }

    #[test]
    fn a_canceled_message_is_no_canceled_command() {
        let key = MessageKey {
            queue: "q".into(),
            id: "m".into(),
        };
        let error = refused(Refusal::Canceled(key));
        assert_eq!(
            (error.class, &*error.code),
            (Class::User, "MESSAGE_CANCELED")
        );
    }

    #[test]
    fn codes_are_not_said_twice() {
        assert_eq!(said("it is away [UNAVAILABLE]; try again"), "it is away");
        assert_eq!(said("it is away"), "it is away");
    }
}
