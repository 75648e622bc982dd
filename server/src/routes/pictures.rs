//! Pyramid tiles and thumbnails: plain GET routes, immutable, because the slide's version is part of the address.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::Path;
use super::{IMMUTABLE, number};
use crate::problem::Problem;
use crate::slides::Encoded;
use crate::state::AppState;

/// `GET /slides/{code}/{version}/tiles/{level}/{column}/{row}`
///
/// Edge tiles are sent as they are stored, padded to the tile's full size: the viewer clips to the level.
pub async fn tile(
    State(state): State<AppState>,
    Path((code, version, level, column, row)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (level, column, row) = (
        number("The level", &level)?,
        number("The column", &column)?,
        number("The row", &row)?,
    );
    let etag = format!("\"{version}-{level}-{column}-{row}\"");
    let tile = state
        .slides
        .tile(&code, &version, level, column, row)
        .await?;
    Ok(picture(tile, &etag, &headers))
}

/// `GET /slides/{code}/{version}/thumbnail`
pub async fn thumbnail(
    State(state): State<AppState>,
    Path((code, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let thumbnail = state.slides.thumbnail(&code, &version).await?;
    Ok(picture(
        thumbnail,
        &format!("\"{version}-thumbnail\""),
        &headers,
    ))
}

fn picture(picture: Encoded, etag: &str, headers: &HeaderMap) -> Response {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = HeaderValue::from_static(picture.media_type);
        ([(header::CONTENT_TYPE, media_type)], picture.bytes).into_response()
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, IMMUTABLE);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
