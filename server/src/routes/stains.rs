//! The stain vectors of a slide: estimated once, from its pixels.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use domain::stain::StainEstimate;
use moka::future::Cache;
use tokio::sync::Semaphore;

use super::IMMUTABLE;
use super::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Estimates kept at most; each is a few numbers.
const MOST_ESTIMATES: u64 = 10_000;
/// How long a request may wait for its turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// What has been estimated since the server started.
#[derive(Clone)]
struct Estimates {
    known: Cache<String, Arc<StainEstimate>>,
    /// One at a time: an estimate reads many regions, and pyramid tiles go before it.
    turn: Arc<Semaphore>,
}

/// The route of this module.
pub fn router() -> Router<AppState> {
    let estimates = Estimates {
        known: Cache::new(MOST_ESTIMATES),
        turn: Arc::new(Semaphore::new(1)),
    };
    Router::new()
        .route("/slides/{code}/{version}/stains", get(stains))
        .layer(Extension(estimates))
}

/// `GET /slides/{code}/{version}/stains`: a [`StainEstimate`].
async fn stains(
    State(state): State<AppState>,
    Extension(estimates): Extension<Estimates>,
    Path((code, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let estimate = estimates
        .known
        .try_get_with(format!("{code}/{version}"), async {
            let slide = state.slides.get(&code, &version).await?;
            let permit = tokio::time::timeout(
                PATIENCE,
                Arc::clone(&estimates.turn).acquire_owned(),
            )
            .await
            .map_err(|_| {
                Problem::unavailable(
                    "The stains of other slides are being estimated. Try again in a moment.",
                )
            })?
            .map_err(|closed| Problem::internal(&closed))?;
            let estimate = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                slide.stain_estimate()
            })
            .await
            .map_err(|panicked| Problem::internal(&panicked))??;
            Ok(Arc::new(estimate))
        })
        .await
        .map_err(|problem: Arc<Problem>| (*problem).clone())?;
    Ok(([(header::CACHE_CONTROL, IMMUTABLE)], Json(&*estimate)).into_response())
}
