//! The arguments of what changes queues and messages.

use clap::{ArgGroup, Args};

use super::{MeantArgs, Moment, help, parse};
use crate::units::Age;

/// Settings of `cosmos queue redrive`.
#[derive(Debug, Args)]
#[command(after_help = help::REDRIVE, override_usage = help::REDRIVE_USAGE)]
#[command(group = ArgGroup::new("which").args(["ids", "all"]).required(true))]
pub(crate) struct RedriveArgs {
    /// Name of the queue
    pub queue: String,

    /// Ids of the messages
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,

    /// Every errored message of the queue
    #[arg(long)]
    pub all: bool,

    #[command(flatten)]
    pub meant: MeantArgs,

    /// Deliveries allowed from now on [default: the queue's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempts: Option<u32>,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `cosmos queue reschedule`.
#[derive(Debug, Args)]
#[command(after_help = help::RESCHEDULE, override_usage = help::RESCHEDULE_USAGE)]
#[command(group = ArgGroup::new("what").args(["priority", "at", "later"]).required(true).multiple(true))]
pub(crate) struct RescheduleArgs {
    /// Name of the queue
    pub queue: String,

    /// Id of the message
    pub id: String,

    /// Its priority from now on; lower is more urgent
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub priority: Option<i64>,

    /// When it may be leased: `now`, 2026-08-01T12:00:00Z, or 2026-08-01 12:00 here
    #[arg(long, value_name = "TIME", conflicts_with = "later")]
    pub at: Option<Moment>,

    /// How long it may not be leased yet: 30s, 5m, 2h
    #[arg(long = "in", value_name = "TIME")]
    pub later: Option<Age>,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `cosmos queue cancel`.
#[derive(Debug, Args)]
#[command(after_help = help::CANCEL)]
pub(crate) struct CancelArgs {
    /// Name of the queue
    pub queue: String,

    /// Ids of the messages
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,

    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    pub reason: String,

    /// Cancel also what is not there yet: should it come, it is refused
    #[arg(long)]
    pub unseen: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `cosmos queue block` and `cosmos queue unblock`.
#[derive(Debug, Args)]
#[command(after_help = help::BLOCK)]
pub(crate) struct BlockArgs {
    /// Name of the queue
    pub queue: String,

    /// Only what comes in: producers are refused while it is blocked
    #[arg(long)]
    pub enqueue: bool,

    /// Only what goes out: nothing is leased while it is blocked; what is leased goes on
    #[arg(long)]
    pub dequeue: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `cosmos queue drain`.
#[derive(Debug, Args)]
#[command(after_help = help::DRAIN)]
pub(crate) struct DrainArgs {
    /// Name of the queue
    pub queue: String,

    /// Wait no longer than this [default: as long as it takes]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Age>,

    /// How often to look
    #[arg(short, long, value_name = "TIME", default_value = "1s")]
    pub interval: Age,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `cosmos queue put`.
#[derive(Debug, Args)]
#[command(after_help = help::PUT)]
pub(crate) struct PutArgs {
    /// Name of the queue
    pub queue: String,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub timing: TimingArgs,

    #[command(flatten)]
    pub order: OrderArgs,

    #[command(flatten)]
    pub letters: LetterArgs,
}

/// How often, how long, how many.
#[derive(Debug, Args)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct TimingArgs {
    /// How long a worker may hold a message before it must say that it still works: 30s
    #[arg(long, value_name = "TIME")]
    pub lease: Option<Age>,

    /// How long a message that says nothing itself waits first: 0s
    #[arg(long, value_name = "TIME")]
    pub delay: Option<Age>,

    /// Deliveries of a message before it ends errored
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,

    /// How long ended messages are remembered, so that none is done twice: 1d
    #[arg(long, value_name = "TIME")]
    pub retention: Option<Age>,

    /// Messages that may wait or run; producers are refused beyond
    #[arg(long, value_name = "N")]
    pub depth: Option<u64>,
}

/// What comes next.
#[derive(Debug, Args)]
#[command(next_help_heading = "Order")]
pub(crate) struct OrderArgs {
    /// Lease one message at a time of each value of this metadata key
    #[arg(long, value_name = "KEY", conflicts_with = "no_exclusive")]
    pub exclusive: Option<String>,

    /// Messages exclude one another no more
    #[arg(long)]
    pub no_exclusive: bool,

    /// Let the values of this metadata key take turns, so that none starves another
    #[arg(long, value_name = "KEY", conflicts_with = "no_fair")]
    pub fair: Option<String>,

    /// Turns of a value for each turn of another; 1 forgets it. May be given several times
    #[arg(long = "weight", value_name = "VALUE=N", value_parser = parse::weight)]
    #[arg(conflicts_with = "no_fair")]
    pub weights: Vec<(String, u32)>,

    /// Values take turns no more
    #[arg(long)]
    pub no_fair: bool,

    /// Metadata keys by which messages are found without looking at each
    #[arg(
        long,
        value_name = "KEY,…",
        value_delimiter = ',',
        conflicts_with = "no_index"
    )]
    pub index: Vec<String>,

    /// Index no metadata keys
    #[arg(long)]
    pub no_index: bool,

    /// Shards that messages are spread over by their ids, from 1 to 16, where one server is too
    /// slow for all of them; settled until the queue is deleted
    #[arg(long, value_name = "N")]
    pub partitions: Option<u32>,
}

/// Where failures go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Failures")]
pub(crate) struct LetterArgs {
    /// Queue to which messages go that end errored
    #[arg(long, value_name = "QUEUE", conflicts_with = "no_dead_letter")]
    pub dead_letter: Option<String>,

    /// Leave the payloads of errored messages behind as well
    #[arg(long, conflicts_with = "no_dead_letter")]
    pub dead_letter_copy: bool,

    /// Errored messages stay where they are
    #[arg(long)]
    pub no_dead_letter: bool,
}

/// Settings of `cosmos queue delete`.
#[derive(Debug, Args)]
#[command(after_help = help::DELETE)]
pub(crate) struct DeleteArgs {
    /// Name of the queue
    pub queue: String,

    /// Also if messages wait or run: they are canceled
    #[arg(long)]
    pub force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}
