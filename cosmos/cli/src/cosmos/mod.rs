//! The `cosmos` command: run an installation or one role of it, look after its queues and
//! workflows, try functions, begin a service.

mod args;
mod blobs;
mod function;
mod new;
mod queue;
mod shapes;
mod simulate;
mod workflow;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches};
use daemon::Config;
use errors::Class;
use tokio_util::sync::CancellationToken;

use self::args::{Command, Common, Cosmos, Role};
use crate::colour::{self, ColourChoice, Paint};
use crate::explain::printable;
use crate::{logging, pages, signals};

/// What would do where a configuration is wrong.
const VALID_CONFIG: &str = "`cosmos config` prints one that is valid, with explanations";

/// Runs the command and says how it ended.
pub fn main() -> ExitCode {
    let command = Cosmos::command().color(colour::for_help(std::env::args_os()));
    let Cosmos { command, color } = match Cosmos::from_arg_matches(&command.get_matches()) {
        Ok(cosmos) => cosmos,
        Err(error) => error.exit(),
    };
    let ended = match command {
        Command::Queue(args) => return queue::main(&args, color),
        Command::Workflow(args) => return workflow::main(&args, color),
        Command::Blobs(args) => return blobs::main(&args, color),
        Command::Function(args) => return function::main(&args, color),
        Command::Shapes(args) => return shapes::main(&args, color),
        Command::New(args) => return new::main(&args, color),
        Command::Simulate(args) => return simulate::main(&args, color),
        Command::Config => {
            let written = pages::show(daemon::DEFAULT_CONFIG.as_bytes());
            written.map_err(|error| Failed::from(anyhow::Error::from(error)))
        }
        Command::Completions(args) => return pages::completions_main(Cosmos::command(), &args),
        Command::Man(args) => return pages::man_main(Cosmos::command(), &args),
        Command::Up { common, services } => serve(common, color, async |mut config, stop| {
            config.services.extend(services);
            daemon::up(&config, stop).await
        }),
        Command::Run { role, name, common } => serve(common, color, async |mut config, stop| {
            rename(&mut config, role, name);
            daemon::run(role.into(), &config, stop).await
        }),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.tell(Paint::for_errors(color)),
    }
}

/// Why it ended, and what would do.
struct Failed {
    class: Class,
    error: anyhow::Error,
    hint: Option<&'static str>,
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self {
            class: Class::Platform,
            error,
            hint: None,
        }
    }
}

impl Failed {
    fn tell(&self, paint: Paint) -> ExitCode {
        let error = printable(&format!("{:#}", self.error));
        eprintln!("{} {error}", paint.bad("error:"));
        if let Some(hint) = self.hint {
            eprintln!("  {} {hint}", paint.good("help:"));
        }
        ExitCode::from(self.class.exit_status())
    }
}

fn configuration(common: &Common) -> Result<Config, Failed> {
    let read = common.config.as_deref().map(Config::read);
    read.unwrap_or_else(|| Ok(Config::default()))
        .map_err(|error| Failed {
            class: Class::User,
            hint: Some(VALID_CONFIG),
            ..Failed::from(error)
        })
}

fn serve(
    common: Common,
    colour: ColourChoice,
    role: impl AsyncFnOnce(Config, CancellationToken) -> Result<()>,
) -> Result<(), Failed> {
    logging::start("info", colour);
    let config = configuration(&common)?;
    let runtime = crate::runtime().map_err(anyhow::Error::from)?;
    Ok(runtime.block_on(async { role(config, signals::stop()).await })?)
}

fn rename(config: &mut Config, role: Role, name: Option<String>) {
    match role {
        Role::Plato => config.plato.name = name.or(config.plato.name.take()),
        Role::Stratum => config.stratum.name = name.or(config.stratum.name.take()),
        Role::Timestone | Role::Optimus => {}
    }
}

impl From<Role> for daemon::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Timestone => Self::Timestone,
            Role::Optimus => Self::Optimus,
            Role::Plato => Self::Plato,
            Role::Stratum => Self::Stratum,
        }
    }
}
