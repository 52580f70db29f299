//! What an engine keeps, asked without the platform's own client.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use serde_json::Value;

/// Containers, networks and volumes, by their ids.
#[derive(Debug)]
pub(super) struct Traces(BTreeSet<String>);

impl Traces {
    pub(super) fn of(socket: &str) -> Result<Self> {
        let owned = "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22cosmos.owner%22%5D%7D";
        let (containers, networks) = (ask(socket, owned)?, ask(socket, "/networks")?);
        let volumes = ask(socket, "/volumes")?["Volumes"].take();
        let all = [
            ("container", containers, "Id"),
            ("network", networks, "Id"),
            ("volume", volumes, "Name"),
        ];
        let all = all.into_iter().flat_map(|(kind, list, key)| {
            let list = list.as_array().cloned().unwrap_or_default();
            list.into_iter()
                .map(move |one| format!("{kind} {}", one[key]))
        });
        Ok(Self(all.collect()))
    }

    /// Those that were not there before.
    pub(super) fn beyond(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

fn ask(socket: &str, path: &str) -> Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    serde_json::from_str(body).with_context(|| format!("{path}: {body}"))
}
