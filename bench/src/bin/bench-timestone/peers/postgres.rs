//! A table of PostgreSQL as a queue: SKIP LOCKED, fenced by a token.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use async_trait::async_trait;
use bench::server::free_port;
use store_postgres::testing::{Programs, Server};
use tempfile::TempDir;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::queue::{Connection, Message, Queue};

const SCHEMA: &str = "
    CREATE TABLE message (
        id bigint PRIMARY KEY, priority int NOT NULL, payload bytea NOT NULL,
        lease_until timestamptz, token bigint);
    CREATE SEQUENCE tokens CACHE 1000;
    CREATE INDEX ready ON message (priority, id) WHERE lease_until IS NULL;";

const ENQUEUE: &str = "
    INSERT INTO message (id, priority, payload)
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::bytea[])";

const LEASE: &str = "
    UPDATE message SET lease_until = now() + interval '30 seconds', token = nextval('tokens')
    WHERE id = ANY(ARRAY(
        SELECT id FROM message WHERE lease_until IS NULL
        ORDER BY priority, id LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING id, token, payload";

const COMPLETE: &str = "
    DELETE FROM message USING unnest($1::bigint[], $2::bigint[]) AS held (id, token)
    WHERE message.id = held.id AND message.token = held.token";

/// Every commit waits for its sync; those at the same time share one.
const SETTINGS: [&str; 4] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
];

pub struct Postgres {
    process: u32,
    config: String,
    version: String,
    // Before its files.
    _server: Server,
    _folder: TempDir,
}

impl Postgres {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let programs = Programs::find().map_err(|why| anyhow!(why))?;
        let folder = tempfile::tempdir_in(scratch)?;
        hand_over(&programs, folder.path(), scratch)?;
        let data = folder.path().join("data");
        programs.init(&data, &[])?;
        let port = free_port()?;
        let port_setting = format!("port={port}");
        let settings = [&SETTINGS[..], &[&port_setting]].concat();
        let server = Server::start(&programs, &data, folder.path(), &settings)?;
        let config = format!("host=127.0.0.1 port={port} user=cosmos dbname=postgres");
        let client = connect(&config).await?;
        client.batch_execute(SCHEMA).await?;
        let version = client.query_one("SHOW server_version", &[]).await?.get(0);
        Ok(Self {
            process: postmaster(&data)?,
            config,
            version,
            _server: server,
            _folder: folder,
        })
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

pub fn postmaster(data: &Path) -> Result<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid"))?;
    let first = file.lines().next().context("postmaster.pid is empty")?;
    Ok(first.trim().parse()?)
}

async fn connect(config: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[async_trait]
impl Queue for Postgres {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let mut connections: Vec<Box<dyn Connection>> = Vec::new();
        for _ in 0..clients {
            let client = connect(&self.config).await?;
            connections.push(Box::new(Worker {
                enqueue: client.prepare(ENQUEUE).await?,
                lease: client.prepare(LEASE).await?,
                complete: client.prepare(COMPLETE).await?,
                client,
                held: (Vec::new(), Vec::new()),
            }));
        }
        Ok(connections)
    }

    fn process(&self) -> Option<u32> {
        Some(self.process)
    }

    fn version(&self) -> String {
        format!("PostgreSQL {}", self.version)
    }

    fn has_batches(&self) -> bool {
        true
    }

    /// Such queues ask again and again.
    fn can_wait(&self) -> bool {
        false
    }
}

fn id_and_token(row: &Row) -> (i64, i64) {
    (row.get(0), row.get(1))
}

struct Worker {
    client: Client,
    enqueue: Statement,
    lease: Statement,
    complete: Statement,
    /// Ids and tokens of the messages in hand.
    held: (Vec<i64>, Vec<i64>),
}

#[async_trait]
impl Connection for Worker {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        let ids: Vec<i64> = messages.iter().map(|m| m.number as i64).collect();
        let priorities: Vec<i32> = messages.iter().map(|m| m.priority as i32).collect();
        let payloads: Vec<&[u8]> = messages.iter().map(|m| &m.payload[..]).collect();
        let values: [&(dyn ToSql + Sync); 3] = [&ids, &priorities, &payloads];
        let added = self.client.execute(&self.enqueue, &values).await?;
        ensure!(added == ids.len() as u64, "not every row was added");
        Ok(())
    }

    async fn lease(&mut self, max: usize) -> Result<usize> {
        let max = i64::try_from(max)?;
        let rows = self.client.query(&self.lease, &[&max]).await?;
        self.held = rows.iter().map(id_and_token).unzip();
        Ok(rows.len())
    }

    async fn complete(&mut self) -> Result<()> {
        let (ids, tokens) = std::mem::take(&mut self.held);
        let ended = self
            .client
            .execute(&self.complete, &[&ids, &tokens])
            .await?;
        ensure!(ended == ids.len() as u64, "a lease was lost");
        Ok(())
    }
}
