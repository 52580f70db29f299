use std::time::Duration;

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream};
use futures::StreamExt;
use optimus::{Caller, Page, Requests};
use rpc::{refuse, refuse_one};

use super::ves::VesService;
use super::views;
use crate::wire::{
    AwaitRequestRequest, AwaitRequestResponse, CancelRequestRequest, CancelRequestResponse,
    EncodeVideoRequest, EncodeVideoResponse, GetRequestRequest, GetRequestResponse,
    ListRequestsRequest, ListRequestsResponse, VideoEncodingService, WatchRequestRequest,
    WatchRequestResponse,
};

/// The longest trace context that is handed on, in bytes.
const MAX_TRACEPARENT: usize = 128;

/// The service's methods over gRPC and JSON.
pub struct VesRpc {
    requests: Requests<VesService>,
}

impl VesRpc {
    /// The methods over these requests.
    pub fn new(requests: Requests<VesService>) -> Self {
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
impl VideoEncodingService for VesRpc {
    async fn encode_video(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, EncodeVideoRequest>,
    ) -> ServiceResult<EncodeVideoResponse> {
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
        Response::ok(EncodeVideoResponse {
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

    async fn watch_request(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, WatchRequestRequest>,
    ) -> ServiceResult<ServiceStream<WatchRequestResponse>> {
        let WatchRequestRequest { request_id, .. } = request.to_owned_message();
        let states = self.requests.watch(&request_id).await.map_err(refuse_one)?;
        Response::stream_ok(states.map(|view| match view {
            Ok(view) => Ok(WatchRequestResponse {
                view: Some(view.into()).into(),
                ..Default::default()
            }),
            Err(problem) => Err(refuse_one(problem)),
        }))
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
