use std::collections::BTreeMap;
use std::sync::Arc;

use connectrpc::{
    ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult, ServiceStream,
};
use errors::Error;
use futures::StreamExt;
use timestone_client::{Timestone, TimestoneError};

use crate::activity::activity;
use crate::trigger::Trigger;
use crate::wire::{self, ExternalScaler, ExternalScalerExt};

/// The one metric there is.
const METRIC: &str = "timestone-messages";

/// Tells KEDA how much work there is.
pub struct KedaScaler {
    timestone: Arc<dyn Timestone>,
}

impl KedaScaler {
    pub fn new(timestone: Arc<dyn Timestone>) -> Self {
        Self { timestone }
    }

    /// The service, for [`rpc::Server::services`].
    pub fn into_services(self) -> Router {
        Arc::new(self).register(Router::new())
    }

    async fn work(&self, trigger: &Trigger) -> Result<u64, ConnectError> {
        let counts = self.timestone.count(&trigger.queues).await;
        Ok(trigger.work(&counts.map_err(refuse)?))
    }
}

fn refuse(error: TimestoneError) -> ConnectError {
    rpc::refuse_one(match error {
        TimestoneError::Unavailable(why) => {
            Error::platform("UNAVAILABLE", why).hint("ask again later")
        }
        TimestoneError::Refused(refusal) => Error::user(refusal.code, refusal.problem),
    })
}

fn trigger(object: wire::ScaledObjectRef) -> Result<Trigger, ConnectError> {
    let metadata: BTreeMap<_, _> = object.scaler_metadata.into_iter().collect();
    Trigger::of(&metadata).map_err(rpc::refuse)
}

#[expect(
    refining_impl_trait,
    reason = "what the generated trait leaves open is said here"
)]
impl ExternalScaler for KedaScaler {
    async fn is_active(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ScaledObjectRef>,
    ) -> ServiceResult<wire::IsActiveResponse> {
        let trigger = trigger(request.to_owned_message())?;
        let work = self.work(&trigger).await?;
        Response::ok(active(trigger.is_active(work)))
    }

    async fn stream_is_active(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ScaledObjectRef>,
    ) -> ServiceResult<ServiceStream<wire::IsActiveResponse>> {
        let trigger = trigger(request.to_owned_message())?;
        let told = activity(Arc::clone(&self.timestone), trigger);
        Response::stream_ok(told.map(|told| told.map(active).map_err(refuse)))
    }

    async fn get_metric_spec(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ScaledObjectRef>,
    ) -> ServiceResult<wire::GetMetricSpecResponse> {
        let trigger = trigger(request.to_owned_message())?;
        let spec = wire::MetricSpec {
            metric_name: METRIC.into(),
            target_size: (trigger.target.ceil() as i64).max(1),
            target_size_float: trigger.target,
            ..Default::default()
        };
        Response::ok(wire::GetMetricSpecResponse {
            metric_specs: vec![spec],
            ..Default::default()
        })
    }

    async fn get_metrics(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetMetricsRequest>,
    ) -> ServiceResult<wire::GetMetricsResponse> {
        let request = request.to_owned_message();
        let object = request.scaled_object_ref.into_option().unwrap_or_default();
        let work = self.work(&trigger(object)?).await?;
        let value = wire::MetricValue {
            metric_name: METRIC.into(),
            metric_value: i64::try_from(work).unwrap_or(i64::MAX),
            metric_value_float: work as f64,
            ..Default::default()
        };
        Response::ok(wire::GetMetricsResponse {
            metric_values: vec![value],
            ..Default::default()
        })
    }
}

fn active(result: bool) -> wire::IsActiveResponse {
    wire::IsActiveResponse {
        result,
        ..Default::default()
    }
}
