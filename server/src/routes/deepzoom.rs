//! DeepZoom, for viewers other than our own (OpenSeadragon and its kin): `/slides/{code}.dzi` and
//! `/slides/{code}_files/{level}/{column}_{row}.jpeg`.
//!
//! The router cannot match a part of a segment, so these addresses are taken out before it. They name no version, so their
//! answers are asked for anew each time, by tag.

use std::time::Instant;

use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use domain::ids::Code;

use super::conditional::Tag;
use super::pictures::picture;
use super::timing;
use crate::deepzoom::{DeepZoom, Place};
use crate::problem::Problem;
use crate::slides;
use crate::state::PictureState;

/// What an address below `/slides/` asks of DeepZoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The description.
    Descriptor(&'a str),
    /// A tile, by the part of the address after `_files/`.
    Tile(&'a str, &'a str),
}

impl<'a> Asked<'a> {
    /// What an address asks; `None` when it is no DeepZoom address.
    pub fn from_path(path: &'a str) -> Option<Self> {
        let below = path.strip_prefix("/slides/")?;
        match below.split_once('/') {
            None => below.strip_suffix(".dzi").map(Self::Descriptor),
            Some((first, rest)) => {
                let code = first.strip_suffix("_files")?;
                Some(Self::Tile(code, rest))
            }
        }
    }

    /// The route, as the counts name it.
    pub fn route(self) -> &'static str {
        match self {
            Self::Descriptor(_) => "/slides/{code}.dzi",
            Self::Tile(..) => "/slides/{code}_files/{level}/{tile}",
        }
    }

    /// The answer.
    pub async fn answer(
        self,
        state: &PictureState,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Problem::method_not_allowed().into_response();
        }
        let answer = match self {
            Self::Descriptor(code) => descriptor(state, code, headers).await,
            Self::Tile(code, tile) => self::tile(state, code, tile, headers).await,
        };
        let mut response = answer.unwrap_or_else(Problem::into_response);
        if *method == Method::HEAD {
            let body = std::mem::take(response.body_mut());
            let length = axum::body::HttpBody::size_hint(&body).exact();
            if let Some(length) = length.filter(|_| response.status().is_success()) {
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, length.into());
            }
        }
        response
    }
}

fn code(text: &str) -> Result<Code, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is no slide of that name."))
}

async fn descriptor(
    state: &PictureState,
    code_text: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let asked = Instant::now();
    let code = code(code_text)?;
    let version = state.slides.version(&code).await?;
    let tag = Tag::revalidated(&format!("{version}-dzi"));
    if tag.is_known(headers) {
        return Ok(tag.not_modified());
    }
    let pyramid = state.slides.pyramid(code.as_str(), &version).await?;
    let xml = DeepZoom::of(&pyramid).descriptor();
    let xml_type = [(header::CONTENT_TYPE, "application/xml")];
    Ok(tag.answer((xml_type, timing::of_all(asked), xml)))
}

async fn tile(
    state: &PictureState,
    code_text: &str,
    tile: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let code = code(code_text)?;
    let no_such_tile = || Problem::not_found("The slide has no such DeepZoom tile.");
    let place = place(tile).ok_or_else(no_such_tile)?;
    let version = state.slides.version(&code).await?;
    let Place { level, column, row } = place;
    let tag = Tag::revalidated(&format!("{version}-dz-{level}-{column}-{row}"));
    if tag.is_known(headers) {
        let pyramid = state.slides.pyramid(code.as_str(), &version).await?;
        DeepZoom::of(&pyramid)
            .tile(place)
            .ok_or_else(no_such_tile)?;
        return Ok(tag.not_modified());
    }
    let asked = slides::Asked::DeepZoom(place);
    let tile = state.slides.tile(code.as_str(), &version, asked).await?;
    state.metrics.sent(tile.how, started.elapsed());
    Ok(tag.answer(picture(tile, started)))
}

/// `{level}/{column}_{row}.jpeg`, plain digits only.
fn place(text: &str) -> Option<Place> {
    let (level, tile) = text.split_once('/')?;
    let (column, row) = tile.strip_suffix(".jpeg")?.split_once('_')?;
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    Some(Place {
        level: number(level)?,
        column: number(column)?,
        row: number(row)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deepzoom_addresses_are_told_from_pages_and_from_our_own_tiles() {
        let asked = Asked::from_path;
        assert_eq!(asked("/slides/A-1.dzi"), Some(Asked::Descriptor("A-1")));
        let tile = Asked::Tile("A_files", "9/1_2.jpeg");
        assert_eq!(asked("/slides/A_files_files/9/1_2.jpeg"), Some(tile));
        for other in [
            "/slides/A-1",
            "/slides/A-1/",
            "/slides/A-1_files",
            "/slides/A-1/0123456789ab/tiles/0/0/0",
            "/slides/A-1/x.dzi",
            "/A-1.dzi",
            "/",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }

    #[test]
    fn a_tiles_place_is_three_plain_numbers() {
        let expected = Place {
            level: 12,
            column: 3,
            row: 40,
        };
        assert_eq!(place("12/3_40.jpeg"), Some(expected));
        for wrong in [
            "12/3_40.jpg",
            "12/3_40.png",
            "12/3_40",
            "12/3-40.jpeg",
            "12/+3_40.jpeg",
            "-1/3_40.jpeg",
            "12/3_.jpeg",
            "12/3_4_5.jpeg",
            "12/3/3_4.jpeg",
            "12/99999999999_0.jpeg",
            "12/%33_40.jpeg",
            "../3_40.jpeg",
            "",
        ] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
