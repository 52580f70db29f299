//! Where Prometheus asks.

use std::sync::Arc;

use super::Metrics;
use super::figures::Reading;
use crate::LocalTimestone;

impl Metrics {
    /// Serves what is measured at `/metrics`, for [`rpc::Server::routes`]; `served` tells
    /// which queues are this process' at the moment.
    pub fn routes(
        self: &Arc<Self>,
        served: impl Fn() -> Vec<Arc<LocalTimestone>> + Clone + Send + Sync + 'static,
    ) -> rpc::Routes {
        let metrics = Arc::clone(self);
        rpc::metrics(move || {
            let (metrics, served) = (Arc::clone(&metrics), served());
            async move { metrics.tell(read(&served, metrics.limit()).await) }
        })
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
