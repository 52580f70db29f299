//! What is published of functions, in words and as JSON.

use proto::stratum::v1::{FunctionVersion, PublishedFunction};
use serde::Serialize;

use crate::colour::Paint;
use crate::explain::one_line;
use crate::table::{Cell, Column, Table};
use crate::units::local_time;

/// A function, for machines.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    function: &'a str,
    #[serde(flatten)]
    published: Published<'a>,
}

/// What is published of a function.
#[derive(Default, Serialize)]
pub(in super::super) struct Published<'a> {
    versions: Vec<Version<'a>>,
    channels: Vec<Channel<'a>>,
}

#[derive(Serialize)]
struct Version<'a> {
    digest: &'a str,
    version: &'a str,
    published_at_unix_ms: i64,
}

#[derive(Serialize)]
struct Channel<'a> {
    channel: &'a str,
    digest: &'a str,
    percent: u32,
    earlier: u32,
}

impl<'a> From<&'a PublishedFunction> for Shown<'a> {
    fn from(of: &'a PublishedFunction) -> Self {
        Self {
            function: &of.function,
            published: of.into(),
        }
    }
}

impl<'a> From<&'a PublishedFunction> for Published<'a> {
    fn from(of: &'a PublishedFunction) -> Self {
        let versions = of.versions.iter().map(|version| Version {
            digest: &version.digest,
            version: &version.version,
            published_at_unix_ms: version.published_at_unix_ms,
        });
        let channels = of.channels.iter().map(|channel| Channel {
            channel: &channel.name,
            digest: &channel.digest,
            percent: channel.percent,
            earlier: channel.earlier,
        });
        Self {
            versions: versions.collect(),
            channels: channels.collect(),
        }
    }
}

impl Published<'_> {
    /// Each channel with the version that it names: "canary 10 % 1.2.0, stable 1.1.0".
    pub(in super::super) fn in_words(&self) -> String {
        let named = self.channels.iter().map(|channel| {
            let version = self
                .versions
                .iter()
                .find(|one| one.digest == channel.digest);
            let version = version.map_or_else(|| short(channel.digest), |one| one.version.into());
            match channel.percent {
                0 => format!("{} {version}", channel.channel),
                percent => format!("{} {percent} % {version}", channel.channel),
            }
        });
        one_line(&named.collect::<Vec<_>>().join(", "))
    }
}

/// Versions line by line, with the channels that name them.
pub(super) fn table(functions: &[PublishedFunction], paint: Paint) -> String {
    let mut table = Table::new(&[
        Column::name("FUNCTION"),
        Column::text("VERSION"),
        Column::text("DIGEST"),
        Column::text("PUBLISHED"),
        Column::text("CHANNELS"),
    ]);
    for of in functions {
        for version in &of.versions {
            table.row([
                Cell::from(one_line(&of.function)),
                Cell::from(one_line(&version.version)),
                Cell::from(short(&version.digest)),
                Cell::from(local_time(version.published_at_unix_ms)),
                Cell::from(one_line(&channels(of, version))),
            ]);
        }
    }
    table.render(paint)
}

/// The beginning of a digest, by which a version can be named.
fn short(digest: &str) -> String {
    let digits = digest.strip_prefix("sha256/").unwrap_or(digest);
    one_line(digits.get(..12).unwrap_or(digits))
}

/// "canary 10 %, next"
fn channels(of: &PublishedFunction, version: &FunctionVersion) -> String {
    let named = of.channels.iter();
    let named = named.filter(|channel| channel.digest == version.digest);
    let named = named.map(|channel| match channel.percent {
        0 => channel.name.clone(),
        percent => format!("{} {percent} %", channel.name),
    });
    named.collect::<Vec<_>>().join(", ")
}
