//! Stands in where the program was built without a client of RabbitMQ.

use std::path::Path;

use anyhow::{Result, bail};

use crate::measure::{Plan, Run};

pub async fn run(_: &Plan, _: &Path) -> Result<Run> {
    bail!("built without its client; `cargo xtask bench timestone` builds with feature `rabbitmq`")
}
