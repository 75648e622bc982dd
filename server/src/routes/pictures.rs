//! Pyramid tiles and thumbnails: plain GET routes, immutable, because the slide's version is part of the address.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::conditional::Tag;
use super::extract::Path;
use super::number;
use crate::problem::Problem;
use crate::slides::{Asked, How, Served};
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

/// A picture that a client does not have yet, and what it took since a time.
pub fn picture(served: Served, started: Instant) -> impl IntoResponse {
    let jpeg = HeaderValue::from_static("image/jpeg");
    let mut response = ([(header::CONTENT_TYPE, jpeg)], served.bytes).into_response();
    if let Ok(timing) = HeaderValue::from_str(&timing(served.how, started.elapsed())) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}

/// For `Server-Timing`: what was done, and how long the request waited besides.
fn timing(how: How, total: Duration) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    match how {
        How::PassedThrough(read) => format!("read;dur={:.3}", millis(read)),
        How::Decoded(decode) => format!(
            "cache;desc=miss, decode;dur={:.1}, wait;dur={:.1}",
            millis(decode),
            millis(total.saturating_sub(decode))
        ),
        How::Cached => "cache;desc=hit".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tile_took_is_told() {
        let total = Duration::from_micros(5_250);
        let decoded = How::Decoded(Duration::from_micros(3_120));
        assert_eq!(
            timing(decoded, total),
            "cache;desc=miss, decode;dur=3.1, wait;dur=2.1"
        );
        let read = How::PassedThrough(Duration::from_micros(210));
        assert_eq!(timing(read, total), "read;dur=0.210");
        assert_eq!(timing(How::Cached, total), "cache;desc=hit");
    }
}
