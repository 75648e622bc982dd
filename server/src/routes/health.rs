//! Whether the process lives and whether it can serve.

use axum::extract::State;
use axum::response::IntoResponse;

use crate::problem::Problem;
use crate::state::AppState;

/// `GET /healthz`: the process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too.
pub async fn readyz(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    state.store.ping().await?;
    Ok("ready\n")
}
