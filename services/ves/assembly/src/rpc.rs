//! The index and the chunks, over gRPC and JSON.

use std::sync::Arc;

use blob::BlobRef;
use connectrpc::{
    ConnectError, RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use optimus::Requests;
use rpc::refuse_one;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ves_api::function::STREAM;
use ves_api::service::VesService;
use ves_api::wire::{
    FollowIndexRequest, FollowIndexResponse, ReadChunkRequest, ReadChunkResponse,
    VirtualAssemblyService,
};

use crate::encodes::Encodes;
use crate::follow::Follow;
use crate::limits::{MAX_FOLLOWERS, MAX_READERS};
use crate::read::read;

/// The methods of the virtual assembly.
pub struct AssemblyRpc {
    requests: Requests<VesService>,
    encodes: Encodes,
    followers: Arc<Semaphore>,
    readers: Arc<Semaphore>,
}

impl AssemblyRpc {
    /// The methods over these requests, and the encodes that they start.
    pub fn new(requests: Requests<VesService>, encodes: Encodes) -> Self {
        Self {
            requests,
            encodes,
            followers: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
        }
    }

    async fn follow(&self, request: FollowIndexRequest) -> Result<Follow, Error> {
        let FollowIndexRequest {
            request_id,
            first_frame,
            ..
        } = request;
        let views = self.requests.watch(&request_id).await?;
        let encodes = self.encodes.clone();
        Ok(Follow::new(encodes, request_id, first_frame, views))
    }

    /// Where the bytes of a chunk are that is done.
    async fn chunk(&self, request_id: &str, chunk: u64) -> Result<BlobRef, Error> {
        let view = self.requests.get(request_id).await?;
        let not_there = || {
            let message = format!("there is no chunk {chunk} of request {}", view.id);
            Error::user("CHUNK_NOT_FOUND", message)
                .at("chunk")
                .hint("read chunks that the index has told")
        };
        let encode = self.encodes.find(&view.id).await?.ok_or_else(not_there)?;
        let value = self.encodes.results(&encode).get(chunk).await?;
        let blob = value.and_then(|value| value.blob(STREAM).cloned());
        blob.ok_or_else(not_there)
    }
}

/// Room for one more.
fn room(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let permit = Arc::clone(of).try_acquire_owned();
    permit.map_err(|_| {
        let message = "as many callers as there is room for read encodes already";
        Error::platform("READERS_EXHAUSTED", message).hint("try again later")
    })
}

fn refused(problem: Error) -> ConnectError {
    refuse_one(problem)
}

#[allow(
    refining_impl_trait,
    reason = "the answers are whole messages; naming them is clearer than hiding them"
)]
impl VirtualAssemblyService for AssemblyRpc {
    async fn follow_index(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, FollowIndexRequest>,
    ) -> ServiceResult<ServiceStream<FollowIndexResponse>> {
        let permit = room(&self.followers).map_err(refused)?;
        let follow = self.follow(request.to_owned_message()).await;
        let parts = follow.map_err(refused)?.parts();
        Response::stream_ok(parts.map(move |part| {
            let _held = &permit;
            part.map(FollowIndexResponse::from).map_err(refused)
        }))
    }

    async fn read_chunk(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, ReadChunkRequest>,
    ) -> ServiceResult<ServiceStream<ReadChunkResponse>> {
        let ReadChunkRequest {
            request_id,
            chunk,
            offset,
            ..
        } = request.to_owned_message();
        let permit = room(&self.readers).map_err(refused)?;
        let blob = self.chunk(&request_id, chunk).await.map_err(refused)?;
        let pieces = read(self.encodes.blobs(), &blob, offset).await;
        let pieces = pieces.map_err(refused)?;
        Response::stream_ok(pieces.map(move |data| {
            let _held = &permit;
            let data = data.map_err(refused)?;
            Ok(ReadChunkResponse {
                data,
                ..Default::default()
            })
        }))
    }
}
