use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`, for [`Server::routes`](crate::Server::routes): answers with what `tell` says, in
/// the text format of Prometheus.
pub fn metrics<F, T>(tell: F) -> Router
where
    F: Fn() -> T + Clone + Send + Sync + 'static,
    T: Future<Output = String> + Send + 'static,
{
    let answer =
        move || async move { ([(CONTENT_TYPE, PROMETHEUS_TEXT)], tell().await).into_response() };
    Router::new().route("/metrics", get(answer))
}
