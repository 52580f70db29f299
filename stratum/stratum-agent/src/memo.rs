//! Outputs of earlier, equal invocations (seam S6): the chunk cache.

use blob::list::ListReader;
use blob::{BlobError, Digest, Value};
use buffa::Message;
use errors::Error;
use proto::base::v1 as base;
use stratum::memo_key;

use crate::context::Context;
use crate::delivery::{Delivery, Target};
use crate::feed::Feed;

/// Under what the output is remembered; `None` when it is not to be.
pub(crate) fn key(delivery: &Delivery, target: &Target, feed: Option<&Feed>) -> Option<Digest> {
    if !delivery.invocation.memo {
        return None;
    }
    let tenant = &delivery.envelope.tenant;
    let invocation = &delivery.invocation;
    let package = target.package.digest;
    Some(memo_key(tenant, package, invocation, |_| feed?.digest))
}

/// What is remembered, if all that it refers to is still there: it is touched, as it is about to
/// be referred to anew.
pub(crate) async fn look_up(context: &Context, key: Option<Digest>) -> Option<Value> {
    let value = match context.blobs.home().memo_get(key?).await {
        Ok(value) => value?,
        Err(error) => return warn(error),
    };
    let value = base::Value::decode_from_slice(&value).ok()?;
    let value = Value::try_from(value).ok()?;
    match touch(context, &value).await {
        Ok(true) => Some(value),
        Ok(false) => None,
        Err(error) => warn(error),
    }
}

/// Remembers a good output. A store that cannot only costs time later.
pub(crate) async fn remember(
    context: &Context,
    key: Option<Digest>,
    outcome: &Result<Value, Error>,
) {
    let (Some(key), Ok(value)) = (key, outcome) else {
        return;
    };
    let bytes = base::Value::from(value.clone()).encode_to_vec();
    if let Err(error) = context.blobs.home().memo_put(key, bytes.into()).await {
        warn::<()>(error);
    }
}

fn warn<T>(error: BlobError) -> Option<T> {
    tracing::warn!(%error, "a memo cannot be used");
    None
}

async fn touch(context: &Context, value: &Value) -> Result<bool, BlobError> {
    for named in &value.blobs {
        let store = context.blobs.store(&named.blob.store)?;
        if !store.touch(&named.blob).await? {
            return Ok(false);
        }
    }
    let Some(list) = value.list.clone() else {
        return Ok(true);
    };
    match ListReader::open(&context.blobs, list).await {
        Ok(reader) => reader.touch().await,
        Err(_) => Ok(false),
    }
}
