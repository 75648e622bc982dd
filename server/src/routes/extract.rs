//! What axum takes out of a request, refused in our own way: with a [`Problem`] instead of plain text.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts};

use crate::problem::Problem;

/// The parts of the address that a route names.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// The body, read as JSON.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct JsonBody<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        if rejection.status().is_server_error() {
            Self::internal(&rejection.body_text())
        } else {
            Self::invalid(format!("{}.", rejection.body_text()))
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::unread(rejection.status(), format!("{}.", rejection.body_text()))
    }
}
