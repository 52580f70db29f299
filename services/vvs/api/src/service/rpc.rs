use std::time::Duration;

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use optimus::{Caller, Page, Requests};
use rpc::{refuse, refuse_one};

use super::views;
use super::vvs::VvsService;
use crate::wire::{
    AwaitRequestRequest, AwaitRequestResponse, CancelRequestRequest, CancelRequestResponse,
    GetRequestRequest, GetRequestResponse, ListRequestsRequest, ListRequestsResponse,
    ValidateVideoRequest, ValidateVideoResponse, VideoValidationService,
};

/// The longest trace context that is handed on, in bytes.
const MAX_TRACEPARENT: usize = 128;

/// The service's methods over gRPC and JSON.
pub struct VvsRpc {
    requests: Requests<VvsService>,
}

impl VvsRpc {
    /// The methods over these requests.
    pub fn new(requests: Requests<VvsService>) -> Self {
        Self { requests }
    }
}

/// Who calls, as far as the call says.
fn caller(context: &RequestContext) -> Caller {
    let traceparent = context
        .header("traceparent")
        .and_then(|value| value.to_str().ok());
    let traceparent = traceparent.filter(|text| text.len() <= MAX_TRACEPARENT);
    Caller {
        traceparent: traceparent.unwrap_or_default().to_owned(),
        ..Caller::default()
    }
}

#[allow(
    refining_impl_trait,
    reason = "the answers are whole messages; naming them is clearer than hiding them"
)]
impl VideoValidationService for VvsRpc {
    async fn validate_video(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, ValidateVideoRequest>,
    ) -> ServiceResult<ValidateVideoResponse> {
        let caller = caller(&context);
        let request = request
            .to_owned_message()
            .request
            .into_option()
            .unwrap_or_default();
        let request_id = self
            .requests
            .submit(&caller, request)
            .await
            .map_err(refuse)?;
        Response::ok(ValidateVideoResponse {
            request_id,
            ..Default::default()
        })
    }

    async fn get_request(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, GetRequestRequest>,
    ) -> ServiceResult<GetRequestResponse> {
        let GetRequestRequest { request_id, .. } = request.to_owned_message();
        let view = self.requests.get(&request_id).await.map_err(refuse_one)?;
        Response::ok(GetRequestResponse {
            view: Some(view.into()).into(),
            ..Default::default()
        })
    }

    async fn await_request(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, AwaitRequestRequest>,
    ) -> ServiceResult<AwaitRequestResponse> {
        let AwaitRequestRequest {
            request_id,
            wait_ms,
            ..
        } = request.to_owned_message();
        let wait = Duration::from_millis(wait_ms);
        let view = self
            .requests
            .wait(&request_id, wait)
            .await
            .map_err(refuse_one)?;
        Response::ok(AwaitRequestResponse {
            view: Some(view.into()).into(),
            ..Default::default()
        })
    }

    async fn cancel_request(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, CancelRequestRequest>,
    ) -> ServiceResult<CancelRequestResponse> {
        let CancelRequestRequest {
            request_id, reason, ..
        } = request.to_owned_message();
        let view = self
            .requests
            .cancel(&request_id, &reason)
            .await
            .map_err(refuse_one)?;
        Response::ok(CancelRequestResponse {
            view: Some(view.into()).into(),
            ..Default::default()
        })
    }

    async fn list_requests(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, ListRequestsRequest>,
    ) -> ServiceResult<ListRequestsResponse> {
        let ListRequestsRequest {
            page_size,
            page_token,
            ..
        } = request.to_owned_message();
        let page = Page {
            size: page_size,
            token: page_token,
        };
        let listing = self.requests.list(&page).await.map_err(refuse_one)?;
        Response::ok(ListRequestsResponse {
            views: listing.views.into_iter().map(views::brief).collect(),
            next_page_token: listing.next_token,
            ..Default::default()
        })
    }
}
