//! `cosmos new`: a service to begin with.

pub(super) mod args;
mod help;
mod name;
mod source;
mod template;
mod tree;

use std::fs;
use std::process::ExitCode;

use errors::Error;
use serde::Serialize;

use self::args::{Command, NewArgs, ServiceArgs};
use self::source::Source;
use self::tree::File;
use crate::colour::{ColourChoice, Paint};
use crate::output::{Output, ended};
use crate::stop::Stop;

/// The answer.
#[derive(Serialize)]
struct Made<'a> {
    service: &'a str,
    template: &'a str,
    folder: String,
    files: Vec<&'a str>,
    dry_run: bool,
}

/// `cosmos new`
pub(super) fn main(args: &NewArgs, colour: ColourChoice) -> ExitCode {
    let Command::Service(args) = &args.command;
    let output = Output::new(args.json, Paint::for_errors(colour));
    ended(make(args, &output), &output)
}

fn make(args: &ServiceArgs, output: &Output) -> Result<(), Stop> {
    let files = files(args)?;
    if !args.dry_run {
        tree::write(&args.name, &files).map_err(|error| unwritable(&args.name, &error))?;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let made = Made {
        service: &args.name,
        template: args.template.name(),
        folder: here.join(&args.name).display().to_string(),
        files: files.iter().map(|file| file.path.as_str()).collect(),
        dry_run: args.dry_run,
    };
    output.result(&made, || in_words(args, &files));
    Ok(())
}

/// The files of the service, or everything that is wrong with what was asked for.
fn files(args: &ServiceArgs) -> Result<Vec<File>, Vec<Error>> {
    let mut problems: Vec<Error> = [name::problem(&args.name), there_already(&args.name)]
        .into_iter()
        .flatten()
        .collect();
    let source = args.template.is_rust();
    let source = source.then(|| Source::of(args.cosmos.as_deref()));
    let source = source.transpose().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    match problems.is_empty() {
        true => Ok(texts(args, source.as_ref())),
        false => Err(problems),
    }
}

fn texts(args: &ServiceArgs, source: Option<&Source>) -> Vec<File> {
    let files = args.template.files();
    let files = files.iter().map(|file| {
        let text = args.template.text(file, &args.name);
        let text = match (file.path, source) {
            ("Cargo.toml", Some(source)) => source.name_crates(&text),
            _ => text,
        };
        File {
            path: file.path.to_owned(),
            bytes: text.into_bytes(),
            is_program: file.is_program,
        }
    });
    let versions = source.and_then(Source::versions).map(|bytes| File {
        path: "Cargo.lock".to_owned(),
        bytes,
        is_program: false,
    });
    let mut files: Vec<File> = files.chain(versions).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn there_already(name: &str) -> Option<Error> {
    let there = !name.is_empty() && fs::symlink_metadata(name).is_ok();
    let error = || Error::user("FOLDER_EXISTS", format!("{name} is there already"));
    there.then(|| {
        error()
            .at("NAME")
            .hint("choose another name, or go to another folder")
    })
}

fn unwritable(name: &str, error: &std::io::Error) -> Error {
    Error::user("UNWRITABLE", format!("{name} cannot be written: {error}"))
        .hint("go to a folder that may be written to")
}

fn in_words(args: &ServiceArgs, files: &[File]) -> String {
    let tree = tree::drawn(&args.name, files);
    let tree = tree.trim_end();
    if args.dry_run {
        return tree.to_owned();
    }
    let (name, test) = (&args.name, args.template.test());
    format!(
        "{tree}\n\nMade. Next:\n  cd {name}\n  {test}\n  cosmos up --service .\n\nREADME.md says more."
    )
}
