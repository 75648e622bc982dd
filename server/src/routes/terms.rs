//! The two numbers per tile from which the browser draws every overlay.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::conditional::Tag;
use super::extract::Path;
use super::{number, timing};
use crate::problem::Problem;
use crate::state::TermsState;

/// `GET /slides/{code}/terms/{version}/{model}/{target}/{spot}`
///
/// Little-endian f32: per entitled fold model (in the order of the readouts), per tile of the spot's grid (in the order
/// of its presence list), the weight logit e and the value v.
pub async fn terms(
    State(state): State<TermsState>,
    Path((code, version, model, target, spot)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Instant::now();
    let spot = number("The spot", &spot)?;
    let tag = Tag::immutable(&format!("{version}-{model}-{target}-{spot}"));
    if tag.is_known(&headers) {
        let _turn = state.turns.take(&code.as_str().into()).await?;
        let now = state.store.terms_version(&code, &model, &target, spot);
        if now.await? != version {
            return Err(predicted_anew());
        }
        return Ok(tag.not_modified());
    }
    let (terms, read) = {
        let _turn = state.turns.take(&code.as_str().into()).await?;
        let reading = Instant::now();
        let terms = state.store.terms(&code, &model, &target, spot).await?;
        (terms, reading.elapsed())
    };
    if terms.version != version {
        return Err(predicted_anew());
    }
    let octets = [(header::CONTENT_TYPE, "application/octet-stream")];
    let timing = timing::of_reading(read, asked);
    Ok(tag.answer((octets, timing, terms.bytes)))
}

fn predicted_anew() -> Problem {
    Problem::not_found("The model has predicted this slide anew; reload the page.")
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use store::testing::TestDatabase;

    use super::*;
    use crate::turns::{Bounds, Turns};

    #[tokio::test]
    async fn when_too_many_read_terms_the_next_is_told_when_to_come_again() {
        let database = TestDatabase::new().await;
        let turns = Turns::new(Bounds {
            waiting: 0,
            ..Bounds::of(1)
        });
        let state = TermsState {
            store: database.store().clone(),
            turns: turns.clone(),
        };
        let ask = || {
            let place = ["S-1", "0", "model", "target", "0"].map(String::from);
            terms(State(state.clone()), Path(place.into()), HeaderMap::new())
        };
        let busy = turns.take(&"another".into()).await.unwrap();
        let refused = ask().await.err().unwrap().into_response();
        assert_eq!(refused.status().as_u16(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        drop(busy);
        assert_eq!(ask().await.err().unwrap().status().as_u16(), 404);
        assert_eq!(turns.load().in_use, 0);
    }
}
