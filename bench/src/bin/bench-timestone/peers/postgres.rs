//! A table of PostgreSQL as a queue: SKIP LOCKED, fenced by a token.

use std::path::Path;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use bench::postgres::Postgres as Server;
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

pub struct Postgres {
    server: Server,
    version: String,
}

impl Postgres {
    pub async fn start(scratch: &Path) -> Result<Self> {
        let server = Server::start(scratch)?;
        let client = connect(&server.config()).await?;
        client.batch_execute(SCHEMA).await?;
        let version = client.query_one("SHOW server_version", &[]).await?.get(0);
        Ok(Self { server, version })
    }
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
            let client = connect(&self.server.config()).await?;
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
        Some(self.server.process)
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
