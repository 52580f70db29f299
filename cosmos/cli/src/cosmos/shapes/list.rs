//! `cosmos shapes list`.

use serde::Serialize;
use stratum::{Registry, Shape};

use super::args::ListArgs;
use crate::cosmos::function::Desk;
use crate::cosmos::function::find::unusable;
use crate::cosmos::function::list::{chosen, installed};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::table::{Cell, Column, Table};

/// A shape, and who may get it.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    size: Size,
    functions: Vec<String>,
}

/// A shape in numbers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Size {
    pub(super) shape: String,
    pub(super) cpus: u32,
    pub(super) memory_mb: u64,
    network_mbps: u64,
    disk_mb: u64,
}

impl From<&Shape> for Size {
    fn from(shape: &Shape) -> Self {
        Self {
            shape: shape.group.clone(),
            cpus: shape.cpus,
            memory_mb: shape.memory_mb,
            network_mbps: shape.network_mbps,
            disk_mb: shape.disk_mb,
        }
    }
}

pub(super) fn list(desk: &Desk, args: &ListArgs) -> Result<(), Stop> {
    let at = &args.installation;
    let registry = installed(desk, at.config.as_deref(), &at.services)?;
    let shipped = Shape::shipped().map_err(unusable)?;
    let listed = shapes(&shipped, &registry);
    match desk.json {
        true => listed.iter().for_each(|shape| desk.output.item(shape)),
        false => desk
            .output
            .result(&(), || table(&listed).render(desk.paint)),
    }
    Ok(())
}

/// Those that are shipped, then those of functions; each size once.
fn shapes(shipped: &[Shape], registry: &Registry) -> Vec<Listed> {
    let mut listed: Vec<Listed> = shipped
        .iter()
        .map(|shape| listed_as(shape.into()))
        .collect();
    for package in registry.packages() {
        let routing = &package.function.routing;
        for shape in chosen(package).filter_map(|group| routing.shape(group)) {
            let size = Size::from(shape);
            let at = listed.iter().position(|listed| listed.size == size);
            let at = at.unwrap_or_else(|| {
                listed.push(listed_as(size));
                listed.len() - 1
            });
            let name = package.function.name.to_string();
            listed[at].functions.push(name);
        }
    }
    listed
}

fn listed_as(size: Size) -> Listed {
    Listed {
        size,
        functions: vec![],
    }
}

fn table(listed: &[Listed]) -> Table {
    let mut table = Table::new(&[
        Column::name("SHAPE"),
        Column::number("CPUS"),
        Column::number("MEMORY MB"),
        Column::number("NETWORK MBPS"),
        Column::number("DISK MB"),
        Column::cut("FUNCTIONS"),
    ]);
    for Listed { size, functions } in listed {
        let bound = |amount: u64| match amount {
            0 => "-".to_owned(),
            amount => amount.to_string(),
        };
        table.row([
            Cell::from(one_line(&size.shape)),
            Cell::from(size.cpus.to_string()),
            Cell::from(size.memory_mb.to_string()),
            Cell::from(bound(size.network_mbps)),
            Cell::from(bound(size.disk_mb)),
            Cell::from(functions.join(" ")),
        ]);
    }
    table
}
