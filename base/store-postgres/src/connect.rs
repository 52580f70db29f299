use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use store::StoreError;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls, Statement};

use crate::error::reading;

/// The most connections one store keeps open, without those of snapshots.
const CONNECTIONS: usize = 16;
/// How long a call waits for a free connection, or for a new one.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may take to accept a connection, unless the
/// configuration says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long sent data may stay unacknowledged before a connection counts as lost,
/// unless the configuration says otherwise.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// What every session relies on, whatever the server's defaults. A stronger
/// `synchronous_commit` than `on` is kept. Every statement follows a primary key;
/// without statistics the planner would now and then read a whole table instead.
const SESSION: &str = "
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SELECT set_config('synchronous_commit', 'on', false)
     WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Prepares connections; none is made yet.
pub(crate) fn pool(config: &str) -> Result<Pool, StoreError> {
    let manager = Manager::from_config(
        parse(config)?,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                client
                    .batch_execute(SESSION)
                    .await
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| StoreError::Invalid(error.to_string().into()))
}

/// The statement, prepared once per connection: planning one costs several times
/// what running it does. An error means that it was not run.
pub(crate) async fn prepared(
    client: &ClientWrapper,
    sql: &str,
    types: &[Type],
) -> Result<Statement, StoreError> {
    client
        .prepare_typed_cached(sql, types)
        .await
        .map_err(reading)
}

fn parse(config: &str) -> Result<Config, StoreError> {
    // The text may hold a password, so it is not repeated.
    let mut config: Config = config.parse().map_err(|error: tokio_postgres::Error| {
        StoreError::Invalid(format!("the PostgreSQL configuration: {error}").into())
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    if config.get_application_name().is_none() {
        config.application_name("cosmos");
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_given_up() {
        let config = parse("host=db.example user=me").unwrap();
        assert_eq!(config.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(config.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED));
        let config = parse("host=db.example connect_timeout=60").unwrap();
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(60)));
    }

    #[test]
    fn a_bad_configuration_is_not_repeated() {
        let error = parse("host=db.example password=secret colour=blue")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
