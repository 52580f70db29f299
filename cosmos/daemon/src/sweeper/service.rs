//! A pass for those who ask.

use std::sync::Arc;

use connectrpc::{RequestContext, Response, Router, ServiceRequest, ServiceResult};
use proto::base::v1::{self as wire, BlobService, BlobServiceExt};
use sweep::Report;

use super::Sweeper;

impl Sweeper {
    /// The service, for [`rpc::Server::services`].
    pub(crate) fn into_services(self) -> Router {
        Arc::new(self).register(Router::new())
    }
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl BlobService for Sweeper {
    async fn sweep_blobs(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::SweepBlobsRequest>,
    ) -> ServiceResult<wire::SweepBlobsResponse> {
        let report = self.pass(request.dry_run).await;
        Response::ok(told(report.map_err(rpc::refuse_one)?))
    }
}

fn told(report: Report) -> wire::SweepBlobsResponse {
    wire::SweepBlobsResponse {
        blobs: report.blobs,
        bytes: report.bytes,
        removed: report.removed,
        removed_bytes: report.removed_bytes,
        young: report.young,
        left: report.left,
        memos: report.memos,
        forgotten_memos: report.forgotten,
        ..Default::default()
    }
}
