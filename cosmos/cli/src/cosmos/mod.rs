//! The `cosmos` command: run an installation, or one role of it.

mod args;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use daemon::Config;
use tokio_util::sync::CancellationToken;

use self::args::{Command, Common, Cosmos, Role};
use crate::{logging, signals};

/// Runs the command and says how it ended.
pub fn main() -> ExitCode {
    let Cosmos { command } = Cosmos::parse();
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(errors::Class::Platform.exit_status())
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Config => {
            print!("{}", daemon::DEFAULT_CONFIG);
            Ok(())
        }
        Command::Up(common) => serve(common, async |config, stop| daemon::up(&config, stop).await),
        Command::Run { role, name, common } => serve(common, async |mut config, stop| {
            rename(&mut config, role, name);
            daemon::run(role.into(), &config, stop).await
        }),
    }
}

fn serve(
    common: Common,
    role: impl AsyncFnOnce(Config, CancellationToken) -> Result<()>,
) -> Result<()> {
    logging::start("info");
    let config = common
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    crate::runtime()?.block_on(async { role(config, signals::stop()).await })
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
