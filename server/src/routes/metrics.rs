//! What the server counts.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::metrics::MEDIA_TYPE;
use crate::problem::Problem;
use crate::state::{AppState, resident_bytes};

/// `GET /metrics`, for Prometheus. Without the database it tells the rest.
pub async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let jobs = match state.store.jobs().progress().await {
        Ok(progress) => {
            let counts = progress.counts;
            vec![
                ("queued", counts.queued),
                ("running", counts.running),
                ("failed", counts.failed),
                ("cancelled", counts.cancelled),
            ]
        }
        Err(error) => {
            tracing::debug!(%error, "no counts of jobs");
            Vec::new()
        }
    };
    let terms = state.terms.load();
    let resident = resident_bytes();
    state.metrics.read(&state.slides, terms, resident, &jobs);
    let text = state
        .metrics
        .text()
        .map_err(|error| Problem::internal(&error))?;
    Ok((
        [
            (header::CONTENT_TYPE, MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-store"),
        ],
        text,
    )
        .into_response())
}
