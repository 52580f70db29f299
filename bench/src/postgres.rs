//! A PostgreSQL server of one measurement, its files below a folder that is on a disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use store_postgres::testing::{Programs, Server};
use tempfile::TempDir;

use crate::server::free_port;

/// Every commit waits for its sync; those at the same time share one.
const SETTINGS: [&str; 4] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
];

/// A running server. Dropped, it is gone with its files.
pub struct Postgres {
    /// The first process of the server.
    pub process: u32,
    /// Where it listens, on loopback.
    pub port: u16,
    // Before its files.
    _server: Server,
    _folder: TempDir,
}

impl Postgres {
    /// Starts one with an empty cluster below `scratch`.
    pub fn start(scratch: &Path) -> Result<Self> {
        let programs = Programs::find().map_err(|why| anyhow!(why))?;
        let folder = tempfile::tempdir_in(scratch)?;
        hand_over(&programs, folder.path(), scratch)?;
        let data = folder.path().join("data");
        programs.init(&data, &[])?;
        let port = free_port()?;
        let port_setting = format!("port={port}");
        let settings = [&SETTINGS[..], &[&port_setting]].concat();
        let server = Server::start(&programs, &data, folder.path(), &settings)?;
        Ok(Self {
            process: postmaster(&data)?,
            port,
            _server: server,
            _folder: folder,
        })
    }

    /// How clients connect.
    pub fn config(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=cosmos dbname=postgres",
            self.port
        )
    }
}

/// The server refuses to be root: then it runs as an account, to which its files belong.
pub fn hand_over(programs: &Programs, folder: &Path, scratch: &Path) -> Result<()> {
    if let Some((user, group)) = programs.account() {
        fs::set_permissions(scratch, Permissions::from_mode(0o755))?;
        chown(folder, Some(user), Some(group))?;
    }
    Ok(())
}

/// The first process of the server whose files are in `data`.
pub fn postmaster(data: &Path) -> Result<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid"))?;
    let first = file.lines().next().context("postmaster.pid is empty")?;
    Ok(first.trim().parse()?)
}
