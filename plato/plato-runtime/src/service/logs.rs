//! What functions said, read out of the blob store.

use blob::{BlobError, Blobs};
use connectrpc::ConnectError;
use errors::Error;
use plato::Phase;
use plato::limits::{LOG_END_BYTES, LOGS, MAX_LOG_BYTES, MAX_LOGS};
use proto::plato::v1 as wire;
use store::StoreError;

use super::{PlatoServer, Workflows, unreadable};
use crate::{FunctionLog, LogSearch, Standing};

impl PlatoServer {
    /// A page of logs of a workflow that is served here.
    pub(super) async fn logs(
        &self,
        request: &wire::ListFunctionLogsRequest,
    ) -> Result<wire::ListFunctionLogsResponse, ConnectError> {
        let (workflows, _) = self.find(&request.workflow_id).await?;
        let (limit, search) = search(request)?;
        let reader = &workflows.reader;
        let found = reader.logs(&request.workflow_id, search, limit).await;
        let found = found.map_err(unreadable)?;
        let (logs, cursor) = found.ok_or_else(|| {
            let error = Error::user("INVALID_ARGUMENT", "is none of an earlier answer");
            rpc::refuse_one(error.at("cursor").hint("leave it out to begin"))
        })?;
        let next_cursor = match logs.len() == limit {
            true => cursor.to_vec(),
            false => Vec::new(),
        };
        let mut told = Vec::new();
        for log in logs {
            told.push(outward(&workflows.blobs, log, bytes(request)).await);
        }
        Ok(wire::ListFunctionLogsResponse {
            logs: told,
            next_cursor,
            ..Default::default()
        })
    }

    /// The log of an invocation of a workflow that is served here.
    pub(super) async fn log(
        &self,
        request: &wire::ListFunctionLogsRequest,
    ) -> Result<Option<wire::ListFunctionLogsResponse>, ConnectError> {
        for workflows in &self.services {
            let log = workflows.reader.log(&request.invocation_id).await;
            if let Some(log) = log.map_err(unreadable)? {
                // One that is forgotten may still have its logs.
                self.find(&log.workflow).await?;
                return Ok(Some(wire::ListFunctionLogsResponse {
                    logs: vec![outward(&workflows.blobs, log, bytes(request)).await],
                    ..Default::default()
                }));
            }
        }
        Ok(None)
    }
}

/// The end of what the function said whose try failed the workflow.
pub(super) async fn failed(
    workflows: &Workflows,
    standing: &Standing,
) -> Result<Option<wire::FunctionLog>, StoreError> {
    if standing.phase() != Phase::Failed {
        return Ok(None);
    }
    Ok(match workflows.reader.failed_log(standing.id()).await? {
        Some(log) => Some(outward(&workflows.blobs, log, LOG_END_BYTES).await),
        None => None,
    })
}

/// Nobody knows of it.
pub(super) fn no_log(invocation: &str) -> Error {
    let message = format!("no log of invocation {} is kept", invocation.escape_debug());
    Error::user("LOG_NOT_FOUND", message)
        .at("invocation_id")
        .hint("logs are kept of tries that failed, and of others where the agent is told to")
}

fn search(request: &wire::ListFunctionLogsRequest) -> Result<(usize, LogSearch<'_>), ConnectError> {
    let limit = match usize::try_from(request.limit).unwrap_or(usize::MAX) {
        0 => LOGS,
        limit @ 1..=MAX_LOGS => limit,
        limit => {
            let error = Error::user(
                "INVALID_ARGUMENT",
                format!("is {limit}; from 1 to {MAX_LOGS}"),
            );
            return Err(rpc::refuse_one(error.at("limit")));
        }
    };
    if request.element.is_some() && request.node.is_empty() {
        let error = Error::user("INVALID_ARGUMENT", "is an element of no node");
        let error = error.at("element").hint("say which node");
        return Err(rpc::refuse_one(error));
    }
    let search = LogSearch {
        node: &request.node,
        element: request.element,
        cursor: &request.cursor,
    };
    Ok((limit, search))
}

/// The most bytes of a text that are asked for.
fn bytes(request: &wire::ListFunctionLogsRequest) -> usize {
    match usize::try_from(request.text_bytes).unwrap_or(MAX_LOG_BYTES) {
        0 => MAX_LOG_BYTES,
        bytes => bytes,
    }
}

/// The log with up to so many bytes of its end.
async fn outward(blobs: &Blobs, log: FunctionLog, bytes: usize) -> wire::FunctionLog {
    let read = blobs.get(&log.log, MAX_LOG_BYTES as u64).await;
    let (text, is_cut, unreadable) = match read {
        Ok(said) => {
            let end = end_of(&said, bytes);
            (
                String::from_utf8_lossy(end).into_owned(),
                end.len() < said.len(),
                String::new(),
            )
        }
        Err(error) => (String::new(), false, why(&error)),
    };
    wire::FunctionLog {
        invocation_id: log.invocation(),
        workflow_id: log.workflow,
        node: log.node,
        element: log.element,
        generation: log.generation,
        at_unix_ms: log.at_ms,
        error: log.error.map(Into::into).into(),
        log: Some(log.log.into()).into(),
        text,
        is_cut,
        unreadable,
        ..Default::default()
    }
}

fn why(error: &BlobError) -> String {
    format!("its text cannot be read: {error}")
}

/// The last bytes, from where a character begins.
fn end_of(said: &[u8], bytes: usize) -> &[u8] {
    let mut start = said.len().saturating_sub(bytes);
    while said.get(start).is_some_and(|byte| byte & 0xc0 == 0x80) {
        start += 1;
    }
    &said[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_begins_with_a_character() {
        assert_eq!(end_of("aäb".as_bytes(), 9), "aäb".as_bytes());
        assert_eq!(end_of("aäb".as_bytes(), 3), "äb".as_bytes());
        assert_eq!(end_of("aäb".as_bytes(), 2), b"b");
        assert_eq!(end_of(b"", 2), b"");
    }
}
