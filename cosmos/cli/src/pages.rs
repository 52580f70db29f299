//! Completions for shells and manual pages, made from the command line's own description.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use errors::Class;

/// A shell with completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
}

/// Settings of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Install them once, for example:
  bash  source <(ves completions bash)        in ~/.bashrc
  zsh   ves completions zsh > ~/.zfunc/_ves   with ~/.zfunc in fpath
  fish  ves completions fish > ~/.config/fish/completions/ves.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub shell: CompletedShell,
}

/// Settings of `man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Read it at once, or install all pages:
  ves man | man -l -
  ves man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder to write a page per subcommand to; without it the main page goes to standard output
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The completions of `command` for a shell.
pub(crate) fn completions(mut command: Command, shell: CompletedShell) -> Vec<u8> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// The manual: the main page on standard output, or every page in a folder.
pub(crate) fn manual(command: Command, dir: Option<&Path>) -> io::Result<()> {
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            clap_mangen::generate_to(command, dir)
        }
        None => show(&page(command)?),
    }
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

/// Writes to standard output. A reader that has seen enough is no failure.
pub(crate) fn show(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The command `completions`.
pub(crate) fn completions_main(command: Command, args: &CompletionsArgs) -> ExitCode {
    status(show(&completions(command, args.shell)))
}

/// The command `man`.
pub(crate) fn man_main(command: Command, args: &ManArgs) -> ExitCode {
    status(manual(command, args.dir.as_deref()))
}

fn status(written: io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::from(Class::Platform.exit_status())
        }
    }
}
