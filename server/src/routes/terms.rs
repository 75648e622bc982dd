//! The two numbers per tile from which the browser draws every overlay.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::conditional::Tag;
use super::extract::Path;
use super::number;
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /slides/{code}/terms/{version}/{model}/{target}/{spot}`
///
/// Little-endian f32: per entitled fold model (in the order of the readouts), per tile of the spot's grid (in the order
/// of its presence list), the weight logit e and the value v.
pub async fn terms(
    State(state): State<AppState>,
    Path((code, version, model, target, spot)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let spot = number("The spot", &spot)?;
    let terms = state.store.terms(&code, &model, &target, spot).await?;
    if terms.version != version {
        return Err(Problem::not_found(
            "The model has predicted this slide anew; reload the page.",
        ));
    }
    let tag = Tag::immutable(&format!("{version}-{model}-{target}-{spot}"));
    if tag.is_known(&headers) {
        return Ok(tag.not_modified());
    }
    let octets = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok(tag.answer((octets, terms.bytes)))
}
