//! The arguments of `cosmos function`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use stratum::{CanonicalJson, FileName, limits};

use super::versions::args::{PromoteArgs, PublishArgs, RemoveArgs, RollbackArgs, VersionsArgs};
use crate::cosmos::queue::args::ServerArgs;
use crate::cosmos::workflow::args::ServerArgs as WorkflowServerArgs;

/// Settings of `cosmos function`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FunctionArgs {
    #[command(subcommand)]
    pub command: FunctionCommand,

    /// Report as JSON on standard output; the help of each command documents it
    #[arg(long, global = true, help_heading = "Reporting")]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cosmos function run functions/poster --input film.mov -o poster
  cosmos function build functions/poster
  cosmos function list --config cosmos.yaml
  cosmos function publish functions/poster --channel canary --percent 10
  cosmos function logs 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10

A function is a folder with a function.yaml and any program.";

/// What to do with functions.
#[derive(Debug, Subcommand)]
pub(crate) enum FunctionCommand {
    /// Try a function on local files, without any server
    Run(RunArgs),
    /// Build an image of a function, from its Dockerfile or on its `base`
    Build(BuildArgs),
    /// Publish the image of a function at a registry
    Push(PushArgs),
    /// List the functions of this installation, with what is in their queues
    List(ListArgs),
    /// Print what functions said that a workflow ran
    Logs(LogsArgs),
    /// Make a version of a function known, for work that begins from now on
    Publish(PublishArgs),
    /// Have a channel name a version
    Promote(PromoteArgs),
    /// Have a channel name what it named before
    Rollback(RollbackArgs),
    /// List the versions that are published, with the channels that name them
    Versions(VersionsArgs),
    /// Forget a version that no channel names
    Remove(RemoveArgs),
}

/// Settings of `cosmos function logs`.
#[derive(Debug, Args)]
#[command(after_help = LOGS)]
pub(crate) struct LogsArgs {
    /// Workflow, one node of it, or one task of that; or the id of an invocation
    #[arg(value_name = "WORKFLOW[/NODE[/TASK]]|INVOCATION")]
    pub target: Target,

    /// Print the last lines of each alone
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub lines: Option<usize>,

    #[command(flatten)]
    pub server: WorkflowServerArgs,
}

const LOGS: &str = "\
Examples:
  cosmos function logs 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10
  cosmos function logs 0198c6f0-7a53-7cc1-a2f4-3d1c6f3a9b10/encode/17 --lines 20
  cosmos function logs a1e0b43c5b0f4f0b8a0f3e6f4f2f9d10

Kept are the logs of tries that failed, and of those that succeeded where the agent is told to
(`stratum: keep_logs` of the configuration), as long as their workflow is remembered. Of a workflow
of rules a node is a rule, and a task the number of a firing. An invocation is named as the message
in the queue of its function.

JSON, an object a line; fields without a value are left out:
  workflow, node, task, try: from 1, invocation, at_unix_ms, outcome: succeeded or failed,
  error: {class, code, message, field, hint}, digest, bytes: of all that was kept, text,
  unreadable: why there is no text";

/// Whose logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub workflow: String,
    /// Empty = of all nodes.
    pub node: String,
    pub task: Option<u64>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next();
        let (workflow, node, task) = (next(), next(), next());
        let task = task.map(str::parse).transpose();
        let task = task.map_err(|_| "a task is a number; write WORKFLOW/NODE/TASK")?;
        let empty = [workflow, node].contains(&Some(""));
        match workflow.filter(|_| !empty) {
            None => Err("write WORKFLOW, WORKFLOW/NODE or WORKFLOW/NODE/TASK".into()),
            Some(workflow) => Ok(Self {
                workflow: workflow.into(),
                node: node.unwrap_or_default().into(),
                task,
            }),
        }
    }
}

/// Settings of `cosmos function build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD)]
pub(crate) struct BuildArgs {
    /// Folder with a function.yaml
    pub function: PathBuf,

    /// Image to build on: BASE to a Dockerfile; without one, in place of `base`
    #[arg(long, value_name = "IMAGE", value_parser = base)]
    pub base: Option<String>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// It becomes a line of a Dockerfile.
fn base(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && !text.contains(|c: char| c <= ' ');
    let named = plain.then(|| text.to_owned());
    named.ok_or_else(|| "name an image: debian:trixie-slim".into())
}

const BUILD: &str = "\
Examples:
  cosmos function build functions/poster
  cosmos function build services/ves/functions/avc --base ves-tools:1
  cosmos function build functions/poster --json | jq -r .image

The folder's own Dockerfile is used; without one the folder becomes /function of an image on the
`base` of its function.yaml, which must have the tools. A program that is not in the folder, as of
functions that come with cosmos, is taken from beside this command. The image is named NAME:VERSION. What is
told last goes into function.yaml where this host alone has to find the image.

JSON, one document:
  function, version, tag, image: its id";

/// Settings of `cosmos function push`.
#[derive(Debug, Args)]
#[command(after_help = PUSH)]
pub(crate) struct PushArgs {
    /// Folder with a function.yaml, whose image was built
    pub function: PathBuf,

    /// Registry, and where in it
    #[arg(short, long, value_name = "HOST[:PORT][/PATH]")]
    pub registry: String,

    #[command(flatten)]
    pub engine: EngineArgs,
}

const PUSH: &str = "\
Examples:
  cosmos function push functions/poster --registry registry.example.org/video

It is published as REGISTRY/NAME:VERSION; what is told last goes into function.yaml, for every host.
No password is shown to the registry: to one that wants it, push by your engine's own command.

JSON, one document:
  function, version, tag, image: its name and digest there";

/// Settings of `cosmos function list`.
#[derive(Debug, Args)]
#[command(after_help = LIST)]
pub(crate) struct ListArgs {
    /// Folder of a service whose functions count as installed; may be given several times
    #[arg(long = "service", value_name = "FOLDER")]
    pub services: Vec<PathBuf>,

    /// URL of the server of the API, which knows what is published [default: the configuration's,
    /// else http://127.0.0.1:7400]
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,

    #[command(flatten)]
    pub server: ServerArgs,
}

const LIST: &str = "\
Examples:
  cosmos function list --config cosmos.yaml
  cosmos function list --json | jq -r 'select(.queue.errored > 0).function'

They are those that an agent with this configuration would run here: of the services that it names,
and of those that are built in. CHANNELS are those that name a published version, and which one;
without `stable`, work gets the installed one. What no server tells is shown as ?.

JSON, an object a line:
  function, version, input: file, stream or frames, package: digest of the declaration, the
  program and its tools, image: what it runs in, shapes: those that routing may choose, in the order of its rules,
  queue: {waiting, running, errored}, left out where no server answers,
  published: {versions: [{digest, version, published_at_unix_ms}], channels: [{channel, digest,
  percent, earlier}]}, left out where no server of the API answers";

/// Settings of `cosmos function run`.
#[derive(Debug, Args)]
#[command(after_help = RUN, after_long_help = run_long())]
pub(crate) struct RunArgs {
    /// Folder with a function.yaml, or the name of an installed function
    pub function: String,

    #[command(flatten)]
    pub given: Given,

    /// Folder to keep the outputs in; it must be new or empty [default: they are shown, not kept]
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,

    /// Folder of a service whose functions count as installed; may be given several times
    #[arg(long = "service", value_name = "FOLDER", help_heading = "Installation")]
    pub services: Vec<PathBuf>,

    /// Configuration file that names services; without one the defaults hold
    #[arg(short, long, value_name = "FILE", help_heading = "Installation")]
    #[arg(env = "COSMOS_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// What an invocation is given.
#[derive(Clone, Debug, Args)]
pub(crate) struct Given {
    /// File to read, as input/NAME; may be given several times [default NAME: the file's own].
    /// Where the function declares `input: stream`, the first one is decoded, and its frames are
    /// input/NAME [default: source.y4m]
    #[arg(short, long = "input", value_name = "[NAME=]FILE")]
    pub inputs: Vec<InputArg>,

    /// Parameters, which the function finds in params.json; @FILE reads them from a file
    #[arg(short, long, value_name = "JSON|@FILE", default_value = "{}")]
    pub params: Params,

    /// Fact for routing to a shape; may be given several times
    #[arg(short, long = "attribute", value_name = "NAME=VALUE")]
    pub attributes: Vec<Attribute>,

    /// The frames to decode, half-open: 0..48 [default: all]
    #[arg(long, value_name = "START..END")]
    pub range: Option<Range>,

    /// Sample layout of decoded frames, in FFmpeg's words [default: the source's own]
    #[arg(long, value_name = "NAME")]
    pub pixel_format: Option<String>,
}

impl Given {
    /// By their names.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        let pair = |fact: &Attribute| (fact.name.clone(), fact.value.clone());
        self.attributes.iter().map(pair).collect()
    }
}

/// Which container engine.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// Socket of the container engine
    #[arg(long, value_name = "SOCKET", default_value = "/var/run/docker.sock")]
    #[arg(
        env = "DOCKER_HOST",
        hide_env_values = true,
        help_heading = "Installation"
    )]
    pub docker: EngineSocket,
}

/// The path of a container engine's socket; `unix://` before it is what Docker writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineSocket(pub PathBuf);

impl FromStr for EngineSocket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        match path.contains("://") || path.is_empty() {
            true => {
                Err("functions share the files of their host: name a socket of this one".into())
            }
            false => Ok(Self(path.into())),
        }
    }
}

const RUN: &str = "\
Examples:
  cosmos function run functions/poster --input film.mov -o poster
  cosmos function run functions/poster --input source=film.mov --params '{\"width\": 320}'
  cosmos function run functions/grain --input film.mov --range 0..48 --attribute height=2160";

const RUN_LONG: &str = "\
The host agent of an installation runs it, with a queue of its own in this process: sandbox,
limits, layout of files, environment and shape are those of an installation. One that has an image
runs in a container of the engine at --docker. The agent gives away
what the shape has, whether or not this machine has so much. It is run once: what a workflow
would do after a failure is told. It works in a folder below TMPDIR, which is gone afterwards.

Exit status: 0 it went well; else the class of its error: 2 user, or the command line is wrong;
3 source; 4 function; 5 platform; 130 interrupted.

JSON, one document:
  function, version, package: digest of the declaration, the program and its tools
  image: what it ran in
  shape: {group, cpus, memory_mb, disk_mb}, why: the rule of routing that chose it
  outcome: succeeded or failed
  error: {class, code, message, field, hint, causes}, then: what a workflow would do about it
  result: what output/result.json holds
  elements: how many lines output/elements.ndjson has
  outputs: [{name, bytes, digest, content_type, path}]
  usage: {cpu_ms, decode_cpu_ms, wall_ms, peak_memory_bytes}
  log: what it wrote to standard error and standard output
Fields without a value are left out. What keeps it from running at all is told as
  event: failed, errors: [{class, code, message, field, hint, causes}]";

fn run_long() -> String {
    format!("{RUN}\n\n{RUN_LONG}")
}

/// A file to read, and its name below `input/`.
#[derive(Clone, Debug)]
pub(crate) struct InputArg {
    pub name: Option<FileName>,
    pub file: PathBuf,
}

impl FromStr for InputArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            None => (None, text),
            Some((name, file)) => {
                let name = FileName::new(name).map_err(|error| error.to_string())?;
                (Some(name), file)
            }
        };
        match file {
            "" => Err("no file is named; write FILE or NAME=FILE".into()),
            _ => Ok(Self {
                name,
                file: file.into(),
            }),
        }
    }
}

/// The parameters of an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Params(pub CanonicalJson);

impl FromStr for Params {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let json = match text.strip_prefix('@') {
            None => text.as_bytes().to_owned(),
            Some(file) => {
                std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))?
            }
        };
        if json.len() > limits::PARAMETERS {
            let limit = limits::PARAMETERS;
            return Err(format!("{} bytes; at most {limit} are allowed", json.len()));
        }
        let params = CanonicalJson::parse(&json).map_err(|error| error.to_string())?;
        match params.as_bytes().first() {
            Some(b'{') => Ok(Self(params)),
            _ => Err("parameters are a JSON object".into()),
        }
    }
}

/// A fact about an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub name: String,
    pub value: String,
}

impl FromStr for Attribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or("write NAME=VALUE, as in height=2160")?;
        Ok(Self {
            name: name.into(),
            value: value.into(),
        })
    }
}

/// Frames, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub start: u64,
    pub end: u64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.split_once("..").and_then(|(start, end)| {
            let (start, end) = (start.parse().ok()?, end.parse().ok()?);
            (start < end).then_some(Self { start, end })
        });
        ends.ok_or_else(|| format!("`{text}` is no range of frames; write START..END, as in 0..48"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn inputs_have_a_name_or_their_own() {
        let read = |text: &str| {
            let input: InputArg = text.parse().ok()?;
            let name = input.name.map(|name| name.to_string());
            Some((name, input.file.display().to_string()))
        };
        assert_eq!(read("a.mov"), Some((None, "a.mov".into())));
        let named = Some((Some("source".into()), "x=y.mov".into()));
        assert_eq!(read("source=x=y.mov"), named);
        for wrong in ["", "a=", "../a=b", "=b"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_are_a_small_object() {
        assert!("{\"a\": 1}".parse::<Params>().is_ok());
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(limits::PARAMETERS));
        for wrong in ["[]", "{", "1", "@/not/there", &large] {
            assert!(wrong.parse::<Params>().is_err());
        }
    }

    #[test]
    fn logs_are_of_a_workflow_a_node_or_a_task() {
        let read = |text: &str| {
            let target: Target = text.parse().ok()?;
            Some((target.workflow, target.node, target.task))
        };
        let target = |node: &str, task| Some(("w".into(), node.into(), task));
        assert_eq!(read("w"), target("", None));
        assert_eq!(read("w/encode"), target("encode", None));
        assert_eq!(read("w/encode/7"), target("encode", Some(7)));
        for wrong in [
            "",
            "/encode",
            "w/",
            "w//7",
            "w/encode/",
            "w/encode/a",
            "w/encode/7/8",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_engine_is_a_socket_of_this_host() {
        let socket = |text: &str| text.parse::<EngineSocket>().map(|socket| socket.0);
        assert_eq!(socket("unix:///run/d.sock"), Ok("/run/d.sock".into()));
        assert_eq!(socket("/run/d.sock"), Ok("/run/d.sock".into()));
        for wrong in ["", "tcp://10.0.0.1:2375", "ssh://host"] {
            assert!(socket(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_half_open_and_not_empty() {
        assert_eq!("3..5".parse(), Ok(Range { start: 3, end: 5 }));
        for wrong in ["", "3", "3..", "..5", "5..5", "5..3", "a..b"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
