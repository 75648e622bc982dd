//! Pyramid tiles and thumbnails: plain GET routes, immutable, because the slide's version is part of the address.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::conditional::Tag;
use super::extract::Path;
use super::{number, timing};
use crate::problem::Problem;
use crate::slides::{Asked, Served};
use crate::state::PictureState;

/// `GET /slides/{code}/{version}/tiles/{level}/{column}/{row}`
///
/// Edge tiles are sent as they are stored, padded to the tile's full size: the viewer clips to the level.
pub async fn tile(
    State(state): State<PictureState>,
    Path((code, version, level, column, row)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let (level, column, row) = (
        number("The level", &level)?,
        number("The column", &column)?,
        number("The row", &row)?,
    );
    let tag = Tag::immutable(&format!("{version}-{level}-{column}-{row}"));
    if tag.is_known(&headers) {
        let pyramid = state.slides.pyramid(&code, &version).await?;
        if pyramid.tile_rect(level as usize, column, row).is_none() {
            return Err(Problem::not_found("The slide has no such tile."));
        }
        return Ok(tag.not_modified());
    }
    let asked = Asked::Tile(level, column, row);
    let tile = state.slides.tile(&code, &version, asked).await?;
    state.metrics.sent(tile.how, started.elapsed());
    Ok(tag.answer(picture(tile, started)))
}

/// `GET /slides/{code}/{version}/thumbnail`
pub async fn thumbnail(
    State(state): State<PictureState>,
    Path((code, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let tag = Tag::immutable(&format!("{version}-thumbnail"));
    if tag.is_known(&headers) {
        state.slides.pyramid(&code, &version).await?;
        return Ok(tag.not_modified());
    }
    let thumbnail = state.slides.thumbnail(&code, &version).await?;
    Ok(tag.answer(picture(thumbnail, started)))
}

/// A picture that a client does not have yet, asked for at a time.
pub fn picture(served: Served, asked: Instant) -> impl IntoResponse {
    let jpeg = HeaderValue::from_static("image/jpeg");
    let timing = timing::of_slide(served.how, asked);
    ([(header::CONTENT_TYPE, jpeg)], timing, served.bytes)
}
