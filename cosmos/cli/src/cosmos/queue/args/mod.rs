//! The arguments of `cosmos queue`.

mod change;
mod help;
mod parse;

pub(crate) use change::{
    BlockArgs, CancelArgs, DeleteArgs, DrainArgs, LetterArgs, OrderArgs, PutArgs, RedriveArgs,
    RescheduleArgs, TimingArgs,
};
pub(crate) use parse::Moment;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use timestone::{Clause, Filter, Happening, MessageState};

use crate::units::Age;

/// Settings of `cosmos queue`.
#[derive(Debug, Args)]
#[command(after_help = help::QUEUE, after_long_help = help::long())]
pub(crate) struct QueueArgs {
    #[command(subcommand)]
    pub command: QueueCommand,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output, one object a line; `cosmos queue --help` documents them
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,
}

/// Which server, and how to get in; wherever it stands on the line.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Configuration file that names server and token; without one the defaults hold
    #[arg(short, long, global = true, value_name = "FILE")]
    #[arg(env = "COSMOS_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    /// URL of the queue server [default: the configuration's, else http://127.0.0.1:7401]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,

    /// File with the server's token [default: the configuration's, else ./cosmos-data/token]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// What to do with queues.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List queues with what they hold
    List(ListArgs),
    /// Say how a queue is configured and what it holds
    Show(ShowArgs),
    /// Show the messages that would be leased next, with what they carry
    Peek(PeekArgs),
    /// Follow what changes in a queue, until Ctrl-C
    Tail(TailArgs),
    /// Find messages by metadata and state
    Find(FindArgs),
    /// Find what happened to messages, and when
    Events(EventsArgs),
    /// Say everything known of one message
    Message(MessageArgs),

    /// Put errored messages back, to be tried again
    Redrive(RedriveArgs),
    /// Change the priority or the time of a message that waits
    Reschedule(RescheduleArgs),
    /// Cancel messages; their workers are told to stop
    Cancel(CancelArgs),

    /// Let a queue take no messages, or give none
    Block(BlockArgs),
    /// Let a queue take and give messages again
    Unblock(BlockArgs),
    /// Block a queue for new messages, and wait until nothing waits or runs in it
    Drain(DrainArgs),
    /// Create a queue, or change how it is configured
    Put(PutArgs),
    /// Delete a queue and forget its messages
    Delete(DeleteArgs),
}

/// Settings of `cosmos queue list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cosmos queue list
  cosmos queue list stratum/
  cosmos queue list --json | jq -r 'select(.errored > 0).queue'")]
pub(crate) struct ListArgs {
    /// Only queues whose names begin like this
    #[arg(default_value = "", hide_default_value = true)]
    pub prefix: String,

    /// The most queues to list
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub limit: u64,
}

/// Settings of `cosmos queue show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of the queue
    pub queue: String,
}

/// Settings of `cosmos queue peek`.
#[derive(Debug, Args)]
#[command(after_help = help::PEEK)]
pub(crate) struct PeekArgs {
    /// Name of the queue
    pub queue: String,

    /// The most messages to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

/// Settings of `cosmos queue tail`.
#[derive(Debug, Args)]
#[command(after_help = help::TAIL)]
pub(crate) struct TailArgs {
    /// Name of the queue
    pub queue: String,

    /// How often to tell the counts, at most
    #[arg(short, long, value_name = "TIME", default_value = "1s")]
    pub interval: Age,
}

/// Settings of `cosmos queue find`.
#[derive(Debug, Args)]
#[command(after_help = help::FIND)]
pub(crate) struct FindArgs {
    /// Name of the queue
    pub queue: String,

    #[command(flatten)]
    pub meant: MeantArgs,

    /// Only messages in one of these states
    #[arg(long, value_enum, value_name = "STATE,…", value_delimiter = ',')]
    pub state: Vec<StateName>,

    /// The most messages to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub limit: u64,
}

/// Settings of `cosmos queue events`.
#[derive(Debug, Args)]
#[command(after_help = help::EVENTS)]
pub(crate) struct EventsArgs {
    /// Name of the queue; without it all are meant
    pub queue: Option<String>,

    /// Only these events
    #[arg(long, value_name = "EVENT,…", value_delimiter = ',', value_parser = parse::happening)]
    pub happened: Vec<Happening>,

    /// Only what this worker did, or what happened to what it had
    #[arg(long, value_name = "WORKER")]
    pub by: Option<String>,

    /// Only with an error of this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,

    /// Only from this time back: 10m, 2h, 1d
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    pub last: Option<Age>,

    /// Not before this: 2026-08-01T12:00:00Z, or 2026-08-01 12:00 here
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,

    /// Not from this on
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,

    /// The most events to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub limit: u64,
}

/// Which messages are meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MeantArgs {
    /// Only messages with one of these values; all must hold where it is given several times
    #[arg(long = "where", value_name = "KEY=VALUE,…", value_parser = parse::clause)]
    pub clauses: Vec<Clause>,
}

impl MeantArgs {
    pub(crate) fn filter(&self, states: impl IntoIterator<Item = MessageState>) -> Filter {
        Filter {
            metadata: self.clauses.clone(),
            states: states.into_iter().collect(),
        }
    }
}

/// Settings of `cosmos queue message`.
#[derive(Debug, Args)]
pub(crate) struct MessageArgs {
    /// Name of the queue
    pub queue: String,

    /// Id of the message
    pub id: String,
}

/// States of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// Waits for its time
    Invisible,
    /// May be leased
    Pending,
    /// Is leased
    Running,
    /// Ended well
    Completed,
    /// Ended by cancellation
    Canceled,
    /// Ended by failure, or for want of attempts
    Errored,
}

impl From<StateName> for MessageState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Invisible => Self::Invisible,
            StateName::Pending => Self::Pending,
            StateName::Running => Self::Running,
            StateName::Completed => Self::Completed,
            StateName::Canceled => Self::Canceled,
            StateName::Errored => Self::Errored,
        }
    }
}
