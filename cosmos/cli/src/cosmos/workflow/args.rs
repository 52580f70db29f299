//! The arguments of `cosmos workflow`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use proto::plato::v1::WorkflowState;

/// Settings of `cosmos workflow`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = long())]
pub(crate) struct WorkflowArgs {
    #[command(subcommand)]
    pub command: WorkflowCommand,

    #[command(flatten)]
    pub server: ServerArgs,

    /// Report as JSON on standard output, one object a line; `cosmos workflow --help` documents them
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cosmos workflow list --state failed
  cosmos workflow explain 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10
  cosmos workflow retry 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10
  cosmos workflow graph --definition ves.encode --svg > encode.svg
  cosmos workflow start shelf.label --input '{\"title\":\"heron\"}'
  cosmos workflow assert library Title id=t1 source=a.mov --rules example.freshness

The id of a request, as `ves submit` prints it, is the id of its workflow.";

const EXIT_STATUS: &str = "\
Exit status: 0 done; 2 the command line or the configuration is wrong, or what was asked for is
not there or in another state; 5 the server is away, or nobody owns the workflow; 130 interrupted.";

const DOCUMENTED: &str = "\
JSON objects, one a line. Times are Unix milliseconds, fields without a value are left out:
  list, show, start, pause, resume, retry, signal, cancel, assert, retract:
    workflow, service, definition, definition_version, state, stopping, paused, attributes,
    functions: {name: digest of the version that it is pinned to},
    nodes: [{node, state, total, done, running, retries, from_memo, cpu_ms, output_bytes,
    lost, speculated, skipped, children}], rules: {facts, fired, running, halted}, output,
    error, events, at_unix_ms, retries, tenant, priority, deadline_unix_ms,
    forgotten_at_unix_ms, parent, parent_node; of one that failed, show and explain tell log:
    what the function said last that failed it, as `cosmos function logs` tells it
  facts:
    number, type, fields
  history:
    number, at_unix_ms, event, node, details: the event as it is journaled
  watch:
    event: state, with the fields of show; or event: happening, with those of history, whose
    event is named happening
  explain:
    the fields of show, waiting: [{node, reasons: [{code, text, tasks, at_unix_ms, queue}]}],
    firings: [{firing, rule, state, holds, at_unix_ms, text}],
    rule_standings: [{rule, matches, waiting, pattern: the one that stands against it, text}]
  graph:
    the definition: name, version, nodes, output; of rules: name, version, facts, rules
  any, at its failure:
    event: failed, errors: [{class, code, message, field, hint, causes}]";

fn long() -> String {
    format!("{EXAMPLES}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}")
}

/// Which server, and how to get in; wherever it stands on the line.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Configuration file that names server and token; without one the defaults hold
    #[arg(short, long, global = true, value_name = "FILE")]
    #[arg(env = "COSMOS_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    /// URL of the server [default: the configuration's, else http://127.0.0.1:7400]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,

    /// File with the server's token [default: the configuration's, else ./cosmos-data/token]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// What to do with workflows.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// List workflows, those that run first in each group
    List(ListArgs),
    /// Say how a workflow and each of its nodes are doing
    Show(IdArgs),
    /// Follow what happens to a workflow, until it ends or Ctrl-C
    Watch(IdArgs),
    /// Print what happened to a workflow: its whole journal
    History(IdArgs),
    /// Say why a workflow waits, node by node, and why its rules fired
    Explain(ExplainArgs),
    /// Draw what a workflow is made of
    Graph(GraphArgs),

    /// List the facts of a workflow of rules
    Facts(FactsArgs),

    /// Begin a workflow, of a graph or of rules
    Start(StartArgs),
    /// Tell a workflow of rules a fact; one whose key is known is updated
    Assert(AssertArgs),
    /// Take a fact of a workflow of rules away
    Retract(RetractArgs),
    /// Have a workflow hand nothing out; what runs goes on
    Pause(PauseArgs),
    /// Have a paused workflow, or halted rules, go on
    Resume(IdArgs),
    /// Have a failed workflow go on: what failed is tried again, what is done is kept
    Retry(RetryArgs),
    /// Bring a node what it waits for
    Signal(SignalArgs),
    /// End a workflow early; what runs is told to stop
    Cancel(CancelArgs),
}

/// Settings of `cosmos workflow list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cosmos workflow list --state running,failed
  cosmos workflow list --where title=heron --where owner=ana
  cosmos workflow list --state failed --json | jq -r .workflow")]
pub(crate) struct ListArgs {
    /// Only workflows with this attribute; all must hold where it is given several times
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = attribute)]
    pub attributes: Vec<(String, String)>,

    /// Only workflows in one of these states
    #[arg(long, value_enum, value_name = "STATE,…", value_delimiter = ',')]
    pub state: Vec<StateName>,

    /// Only workflows of this definition
    #[arg(long, value_name = "NAME")]
    pub definition: Option<String>,

    /// Only workflows of this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// The most workflows to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
}

/// Settings of commands that are about one workflow.
#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// Id of the workflow
    pub id: String,
}

/// Settings of `cosmos workflow explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Id of the workflow
    pub id: String,

    /// Of rules: explain this firing, and not the newest ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub firing: Option<u64>,
}

/// Settings of `cosmos workflow facts`.
#[derive(Debug, Args)]
pub(crate) struct FactsArgs {
    /// Id of the workflow
    pub id: String,

    /// Only facts of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,

    /// The most facts to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
}

/// Settings of `cosmos workflow start`.
#[derive(Debug, Args)]
#[command(after_help = "\
Starting again under the same id is nothing new.

Examples:
  cosmos workflow start shelf.label --input '{\"title\":\"heron\"}'
  cosmos workflow start example.freshness --id library")]
pub(crate) struct StartArgs {
    /// The newest version of this definition, or NAME@VERSION
    pub definition: String,

    /// Id of the workflow [default: a new one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// What its nodes are given, as it is written here
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub input: String,

    /// An attribute, by which it is found
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub attributes: Vec<(String, String)>,

    /// Channel of the versions of its functions [default: stable, or canary for its part]
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
}

/// Settings of `cosmos workflow assert`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cosmos workflow assert library Title id=t1 source=a.mov --rules example.freshness
  cosmos workflow assert library Encoder codec=av1 release=2")]
pub(crate) struct AssertArgs {
    #[command(flatten)]
    pub fact: FactArgs,

    /// Start the workflow by these rules, if it is not there yet
    #[arg(long, value_name = "NAME")]
    pub rules: Option<String>,
}

/// Settings of `cosmos workflow retract`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cosmos workflow retract library Title id=t1")]
pub(crate) struct RetractArgs {
    #[command(flatten)]
    pub fact: FactArgs,
}

/// Which fact of which workflow.
#[derive(Debug, Args)]
pub(crate) struct FactArgs {
    /// Id of the workflow
    pub id: String,

    /// Type of the fact
    #[arg(value_name = "TYPE")]
    pub kind: String,

    /// Its fields; bytes are written in hexadecimal, times as 2026-01-31T12:00:00Z
    #[arg(value_name = "FIELD=VALUE", required = true, value_parser = attribute)]
    pub fields: Vec<(String, String)>,
}

/// Settings of `cosmos workflow graph`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["id", "definition"]).required(true))]
pub(crate) struct GraphArgs {
    /// Id of the workflow, whose nodes are then drawn with their states
    pub id: Option<String>,

    /// The newest version of this definition, or NAME@VERSION
    #[arg(long, value_name = "NAME")]
    pub definition: Option<String>,

    /// Draw it as SVG, for a browser
    #[arg(long)]
    pub svg: bool,
}

/// Settings of `cosmos workflow pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Id of the workflow
    pub id: String,

    /// Why, for those who ask later
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub reason: String,
}

/// Settings of `cosmos workflow retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
With --from, the workflow may also have succeeded. It keeps its definition and the versions of
functions that it is pinned to. One that was canceled or has undone something is refused, and so is
one of which a node that can be undone would run again.

Examples:
  cosmos workflow retry 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10
  cosmos workflow retry 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10 --from assemble")]
pub(crate) struct RetryArgs {
    /// Id of the workflow
    pub id: String,

    /// Run this node and all that follow it again, also if they succeeded
    #[arg(long, value_name = "NODE")]
    pub from: Option<String>,
}

/// Settings of `cosmos workflow signal`.
#[derive(Debug, Args)]
#[command(after_help = "\
A node takes one signal; it may come before the workflow has reached the node.

Examples:
  cosmos workflow signal 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10 approve
  cosmos workflow signal 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10 approve --value '{\"by\":\"ana\"}'")]
pub(crate) struct SignalArgs {
    /// Id of the workflow
    pub id: String,

    /// Name of the node that waits
    pub node: String,

    /// What the node puts out, as it is written here
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub value: String,
}

/// Settings of `cosmos workflow cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// Id of the workflow
    pub id: String,

    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// States of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// Has not ended
    Running,
    /// Ended well
    Succeeded,
    /// Ended by failure
    Failed,
    /// Ended by cancellation
    Canceled,
}

impl From<StateName> for WorkflowState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Running => Self::Running,
            StateName::Succeeded => Self::Succeeded,
            StateName::Failed => Self::Failed,
            StateName::Canceled => Self::Canceled,
        }
    }
}

/// `name=value`
fn attribute(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` has no name and value; write name=value"))
}
