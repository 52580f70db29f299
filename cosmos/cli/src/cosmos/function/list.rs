//! `cosmos function list`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use daemon::functions;
use errors::Error;
use proto::stratum::v1::PublishedFunction;
use serde::Serialize;
use stratum::{Image, InputKind, Package, Registry};
use timestone::{QueueCount, QueueView, limits};
use timestone_client::{Timestone, names};

use super::Desk;
use super::args::ListArgs;
use super::find::{configuration, unusable};
use super::versions::published;
use super::versions::show::Published;
use crate::cosmos::queue::server::Server;
use crate::cosmos::workflow::args::ServerArgs;
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table, Tone};

/// What is in the queue of a function.
type Counts = BTreeMap<String, QueueCount>;

/// A function of the installation.
#[derive(Serialize)]
struct Listed<'a> {
    function: &'a str,
    version: &'a str,
    input: &'static str,
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    shapes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Published<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Waiting {
    waiting: u64,
    running: u64,
    errored: u64,
}

pub(super) async fn list(desk: &Desk, args: &ListArgs) -> Result<(), Stop> {
    let registry = installed(desk, args.server.config.as_deref(), &args.services)?;
    let counts = counts(args).await;
    if let Err(why) = &counts {
        desk.output.say(&format!(
            "what waits is not known: {}",
            one_line(&why.message)
        ));
    }
    let published = published(&catalog(args), None).await;
    if let Err(whys) = &published {
        let why = whys.first().map_or("", |why| &*why.message);
        let why = one_line(why);
        desk.output
            .say(&format!("what is published is not known: {why}"));
    }
    let (counts, published) = (counts.ok(), published.ok());
    let packages = registry.packages();
    let listed: Vec<_> = packages
        .map(|package| Listed::of(package, counts.as_ref(), published.as_deref()))
        .collect();
    match (desk.json, listed.is_empty()) {
        (true, _) => listed.iter().for_each(|listed| desk.output.item(listed)),
        (false, true) => desk.output.say("no functions"),
        (false, false) => desk
            .output
            .result(&(), || table(&listed).render(desk.paint)),
    }
    Ok(())
}

/// The server of the API beside that of queues: one installation has one token.
fn catalog(args: &ListArgs) -> ServerArgs {
    ServerArgs {
        config: args.server.config.clone(),
        server: args.api.clone(),
        token_file: args.server.token_file.clone(),
    }
}

/// Those of services, and those that are built in where their programs are.
pub(in crate::cosmos) fn installed(
    desk: &Desk,
    config: Option<&Path>,
    services: &[PathBuf],
) -> Result<Registry, Error> {
    let config = configuration(config, services)?;
    let mut registry = functions::of_services(&config).map_err(unusable)?;
    match functions::built_in() {
        Ok(built_in) => registry.append(built_in).map_err(unusable)?,
        Err(why) => {
            let why = one_line(&format!("{why:#}"));
            desk.output.say(&format!(
                "the functions that are built in are not listed: {why}"
            ));
        }
    }
    Ok(registry)
}

/// Of every queue of functions, by its name.
async fn counts(args: &ListArgs) -> Result<Counts, Error> {
    let server = Server::of(&args.server)?;
    let (prefix, mut counts) = (names::function(""), Counts::new());
    loop {
        let after = counts
            .last_key_value()
            .map_or("", |(name, _)| name.as_str())
            .to_owned();
        let page = server
            .queues
            .list_queues(&prefix, &after, limits::MAX_PAGE)
            .await;
        let page: Vec<QueueView> = page.map_err(|error| server.told(error))?;
        let was_last = page.len() < limits::MAX_PAGE as usize;
        let page = page
            .into_iter()
            .map(|view| (view.count.queue.clone(), view.count));
        counts.extend(page);
        if was_last {
            return Ok(counts);
        }
    }
}

impl<'a> Listed<'a> {
    /// A function without a queue has nothing in it.
    fn of(
        package: &'a Package,
        counts: Option<&Counts>,
        published: Option<&'a [PublishedFunction]>,
    ) -> Self {
        let function = &package.function;
        let name = function.name.as_str();
        let queue = names::function(name);
        let waiting = |counts: &Counts| Waiting::of(counts.get(&queue));
        // Of what was never published, nothing is.
        let own = |all: &'a [PublishedFunction]| {
            let own = all.iter().find(|of| of.function == name);
            own.map(Published::from).unwrap_or_default()
        };
        Self {
            function: name,
            version: &function.version,
            input: input(function.input),
            package: package.digest.to_string(),
            image: function.image.as_ref().map(Image::as_str),
            shapes: chosen(package).collect(),
            queue: counts.map(waiting),
            published: published.map(own),
        }
    }
}

impl Waiting {
    fn of(count: Option<&QueueCount>) -> Self {
        Self {
            waiting: count.map_or(0, |count| count.pending + count.invisible),
            running: count.map_or(0, |count| count.running),
            errored: count.map_or(0, |count| count.errored),
        }
    }
}

fn input(kind: InputKind) -> &'static str {
    match kind {
        InputKind::File => "file",
        InputKind::Stream => "stream",
        InputKind::Frames => "frames",
    }
}

/// The shapes that its rules may choose, each once, in their order.
pub(in crate::cosmos) fn chosen(package: &Package) -> impl Iterator<Item = &str> {
    let routing = &package.function.routing;
    let mut shapes: Vec<&str> = Vec::new();
    for rule in routing.rules() {
        if !shapes.contains(&rule.shape.as_str()) {
            shapes.push(&rule.shape);
        }
    }
    if shapes.is_empty() {
        shapes.extend(routing.shapes().first().map(|shape| shape.group.as_str()));
    }
    shapes.into_iter()
}

fn table(listed: &[Listed]) -> Table {
    let mut table = Table::new(&[
        Column::name("FUNCTION"),
        Column::text("VERSION"),
        Column::text("INPUT"),
        Column::text("CHANNELS"),
        Column::cut("SHAPES"),
        Column::number("WAITING"),
        Column::number("RUNNING"),
        Column::number("ERRORED"),
    ]);
    for function in listed {
        let number = |of: fn(Waiting) -> u64, tone| match function.queue {
            None => Cell::toned("?", Tone::Faint),
            Some(queue) => Cell::count(of(queue), tone),
        };
        table.row([
            Cell::from(function.function),
            Cell::from(one_line(function.version)),
            Cell::from(function.input),
            match &function.published {
                None => Cell::toned("?", Tone::Faint),
                Some(published) => Cell::from(published.in_words()),
            },
            Cell::from(one_line(&function.shapes.join(" "))),
            number(|queue| queue.waiting, Tone::Plain),
            number(|queue| queue.running, Tone::Notable),
            number(|queue| queue.errored, Tone::Bad),
        ]);
    }
    table
}
