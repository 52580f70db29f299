//! Where Prometheus asks.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Metrics;
use super::figures::Reading;
use crate::LocalTimestone;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Metrics {
    /// Serves what is measured at `/metrics`, for [`rpc::Server::routes`]; `served` tells
    /// which queues are this process' at the moment.
    pub fn routes(
        self: &Arc<Self>,
        served: impl Fn() -> Vec<Arc<LocalTimestone>> + Clone + Send + Sync + 'static,
    ) -> Router {
        let metrics = Arc::clone(self);
        let answer = move || async move {
            let text = metrics.tell(read(&served(), metrics.limit()).await);
            ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response()
        };
        Router::new().route("/metrics", get(answer))
    }
}

/// What is not owned now is left out.
async fn read(queues: &[Arc<LocalTimestone>], limit: usize) -> Reading {
    let mut reading = Reading::default();
    for queues in queues {
        reading.missed += queues.missed_events();
        match queues.stats(limit).await {
            Ok(stats) => reading.add(stats),
            Err(why) => tracing::debug!(%why, "queues are not measured for now"),
        }
    }
    reading
}
