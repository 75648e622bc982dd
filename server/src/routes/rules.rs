//! What holds for every request: who may ask, what every answer says, what is counted.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::deepzoom::Asked;
use crate::guard::{Hosts, check_request};
use crate::state::PictureState;

/// What [`apply`] needs.
#[derive(Clone)]
pub struct Rules(Arc<(Hosts, PictureState)>);

impl Rules {
    /// For a server that goes by these names.
    pub fn new(hosts: Hosts, state: PictureState) -> Self {
        Self(Arc::new((hosts, state)))
    }
}

/// Headers of every answer that does not say otherwise.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::X_FRAME_OPTIONS,
        HeaderValue::from_static("SAMEORIGIN"),
    ),
];

/// Middleware around all routes.
pub async fn apply(State(rules): State<Rules>, request: Request, next: Next) -> Response {
    let (hosts, state) = &*rules.0;
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let path = request.uri().path().to_owned();
    let asked = Asked::from_path(&path);
    let mut response = match (check_request(hosts, &request), asked) {
        (Err(problem), _) => problem.into_response(),
        (Ok(()), Some(asked)) => {
            let (parts, _) = request.into_parts();
            asked.answer(state, &parts.method, &parts.headers).await
        }
        (Ok(()), None) => next.run(request).await,
    };
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(value);
    }
    // Names that are no routes are counted as one: a stranger must not make the list longer.
    let route = match (asked, &matched) {
        (Some(asked), _) => asked.route(),
        (None, Some(matched)) => matched.as_str(),
        (None, None) => "none",
    };
    state.metrics.answered(route, response.status().as_u16());
    response
}
