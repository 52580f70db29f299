//! One Plato process of the proof.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use clock::SystemClock;
use plato::{Definition, NodeCode, NodeDef, Registry, TaskContext};
use plato_rules::{RuleBase, RuleRegistry};
use plato_runtime::{Definitions, PlatoRuntime, RuntimeConfig};
use proto::stratum::v1::Invocation;
use rpc::Token;
use store_postgres::PostgresStore;
use timestone_client::Client;

use super::{GROUPS, OWNERSHIP, SERVICE};
use crate::wide_map::open_blobs;

pub(super) const ORDER: &str = "probe.order";
pub(super) const RULES: &str = "probe.fresh";
pub(super) const FUNCTION: &str = "probe-noop";

/// Every item has an order, which is done once.
const BASE: &str = r#"
name: probe.fresh
version: 1
facts:
  Item: {key: [id], fields: {id: string}}
  Work: {key: [id], fields: {id: string, state: string}}
rules:
  - name: work
    match:
      - {fact: Item, as: item, where: {id: $id}}
      - {not: Work, where: {id: $id}}
    action:
      record:
        - assert: {fact: Work, as: work, fields: {id: id, state: '"running"'}}
      run:
        workflow: {definition: probe.order}
        params: {id: id}
    reaction:
      - update: {fact: work, fields: {state: '"done"'}}
    error:
      - update: {fact: work, fields: {state: '"failed"'}}
"#;

/// What the program of this proof is told to be.
#[derive(Subcommand)]
pub enum Part {
    /// One Plato process of the proof; it is started by the proof itself
    Node(NodeArgs),
}

/// Where a Plato process finds what it shares with the other.
#[derive(Args)]
pub struct NodeArgs {
    #[arg(long)]
    store: String,
    #[arg(long)]
    timestone: String,
    #[arg(long)]
    token: PathBuf,
    #[arg(long)]
    blobs: PathBuf,
    #[arg(long)]
    name: String,
}

/// Runs one Plato process until it is killed.
pub async fn node(args: NodeArgs) -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let config = RuntimeConfig {
        groups: GROUPS,
        ttl: OWNERSHIP,
        ..RuntimeConfig::new(SERVICE, args.name)
    };
    let store = Arc::new(PostgresStore::connect(&args.store).await?);
    let timestone = Client::connect(&args.timestone, &Token::load(&args.token)?)?;
    let (blobs, clock) = (open_blobs(&args.blobs)?, Arc::new(SystemClock));
    let _runtime =
        PlatoRuntime::start(config, store, timestone, blobs, definitions()?, clock).await?;
    std::future::pending().await
}

fn definitions() -> Result<Definitions> {
    let definition = Definition {
        name: ORDER.into(),
        version: 1,
        nodes: vec![
            NodeDef::function("check", FUNCTION),
            NodeDef::function("pack", FUNCTION).after(["check"]),
            NodeDef::inline("tell").after(["pack"]),
        ],
        output: "tell".into(),
    };
    let ask = || NodeCode::function(|_: &TaskContext| Ok(Invocation::default()));
    let tell = |task: &TaskContext| Ok(task.output("pack")?.clone());
    let mut graphs = Registry::new();
    let code = [
        ("check", ask()),
        ("pack", ask()),
        ("tell", NodeCode::inline(tell)),
    ];
    graphs.register(definition, code)?;
    let mut rules = RuleRegistry::default();
    let base = RuleBase::of_yaml(BASE).map_err(anyhow::Error::msg)?;
    rules.register(base, Vec::<(String, NodeCode)>::new())?;
    Ok(Definitions {
        graphs: graphs.into(),
        rules: rules.into(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definitions_are_valid() {
        assert!(super::definitions().is_ok());
    }
}
