//! `ves cat`: a request's video on standard output, while it is encoded.

mod bytes;
mod entrance;
mod film;
mod lines;
mod out;
mod parts;

use std::io::IsTerminal;
use std::process::ExitCode;

use errors::Error;
use ves_assembly::{AccessUnit, Head, Part};

use self::bytes::ChunkBytes;
use self::entrance::Entrance;
use self::film::Film;
use self::lines::Line;
use self::parts::Parts;
use super::args::CatArgs;
use super::server::Server;
use crate::colour::{ColourChoice, Paint};
use crate::output::{Output, ended};
use crate::stop::Stop;
use crate::{logging, signals};

/// `ves cat ID`
pub(in crate::ves) fn cat(args: &CatArgs, colour: ColourChoice) -> ExitCode {
    logging::start("off", colour);
    let output = Output::new(false, Paint::for_errors(colour));
    ended(run(args, &output), &output)
}

fn run(args: &CatArgs, output: &Output) -> Result<(), Stop> {
    if !args.index && std::io::stdout().is_terminal() {
        return Err(on_a_terminal().into());
    }
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let done = runtime.block_on(async {
        let stop = signals::stop();
        tokio::select! {
            biased;
            done = play(args, output) => done,
            () = out::reader_gone() => Ok(()),
            () = stop.cancelled() => Err(Stop::Interrupted),
        }
    });
    // A write to a reader that takes nothing is not waited for.
    runtime.shutdown_background();
    done
}

async fn play(args: &CatArgs, output: &Output) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    let parts = Parts::new(&server, &args.id, args.from, output);
    let played = match args.index {
        true => list(parts, args.from).await,
        false => write(&server, args, parts, output).await,
    };
    match played {
        // A reader that has seen enough is no failure.
        Err(Failure::ReaderGone) => Ok(()),
        Err(Failure::Stop(stop)) => Err(stop),
        Ok(()) => Ok(()),
    }
}

/// Why not all was written.
enum Failure {
    ReaderGone,
    Stop(Stop),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stop(error.into())
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The index, a line for each of its parts and units.
async fn list(mut parts: Parts<'_>, from: u64) -> Result<(), Failure> {
    let mut entrance = Entrance::at(from);
    loop {
        let lines: Vec<String> = match parts.next().await? {
            Part::Head(head) => vec![Line::head(&head)],
            Part::Chunk(part) => {
                let (index, blob, is_last) = (part.index, part.blob.clone(), part.is_last);
                let units = entrance.let_in(part.units, is_last);
                let units = units.iter().map(|unit| Line::unit(index, unit));
                let chunk = Line::chunk(index, &blob);
                match units.len() {
                    0 => vec![],
                    _ => [chunk].into_iter().chain(units).collect(),
                }
            }
            Part::End(None) => {
                return out::write((Line::end() + "\n").into()).await;
            }
            Part::End(Some(error)) => return Err(error.into()),
        };
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        out::write(text.into()).await?;
    }
}

/// The video, as fragmented MP4.
async fn write(
    server: &Server,
    args: &CatArgs,
    mut parts: Parts<'_>,
    output: &Output,
) -> Result<(), Failure> {
    let mut entrance = Entrance::at(args.from);
    let mut film: Option<Film> = None;
    loop {
        match parts.next().await? {
            Part::Head(head) => film = Some(begin(head).await?),
            Part::Chunk(part) => {
                let (index, is_last) = (part.index, part.is_last);
                let units = entrance.let_in(part.units, is_last);
                say_where(&units, args.from, &film, output);
                let Some(film) = &mut film else {
                    return Err(headless().into());
                };
                let mut bytes = ChunkBytes::new(server, &args.id, index);
                film.play(&units, &mut bytes).await?;
                if is_last {
                    out::write(film.flush()?).await?;
                }
                if is_last && film.is_over(index) {
                    out::close();
                }
            }
            Part::End(None) => return Ok(()),
            Part::End(Some(error)) => return Err(error.into()),
        }
    }
}

async fn begin(head: Head) -> Result<Film, Failure> {
    let film = Film::new(head)?;
    out::write(film.head()?).await?;
    Ok(film)
}

/// Where the video begins, if that is not where it was asked to.
fn say_where(units: &[AccessUnit], from: u64, film: &Option<Film>, output: &Output) {
    let begins = film.as_ref().is_some_and(Film::has_begun);
    let first = units.first().filter(|_| !begins).map(|unit| unit.frame);
    if let Some(first) = first.filter(|first| *first != from) {
        output.say(&format!(
            "begins at frame {first}, where decoding can start before frame {from}"
        ));
    }
}

fn headless() -> Error {
    Error::platform("MALFORMED_INDEX", "the index has chunks before its head")
        .hint("see whether client and server are of one version")
}

fn on_a_terminal() -> Error {
    Error::user("TO_A_TERMINAL", "a video is not written to a terminal")
        .hint("give it to a player, as in `ves cat ID | mpv -`, or look at --index")
}
