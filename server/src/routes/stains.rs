//! The stain vectors of a slide: estimated from its pixels, immutable like them.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::conditional::Tag;
use super::extract::Path;
use super::timing;
use crate::problem::Problem;
use crate::state::PictureState;

/// `GET /slides/{code}/{version}/stains`: a [`domain::stain::StainEstimate`].
pub async fn stains(
    State(state): State<PictureState>,
    Path((code, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Instant::now();
    let tag = Tag::immutable(&format!("{version}-stains"));
    if tag.is_known(&headers) {
        state.slides.pyramid(&code, &version).await?;
        return Ok(tag.not_modified());
    }
    let estimate = state.slides.stains(&code, &version).await?;
    let json = HeaderValue::from_static("application/json");
    let timing = timing::of_slide(estimate.how, asked);
    Ok(tag.answer(([(header::CONTENT_TYPE, json)], timing, estimate.bytes)))
}
