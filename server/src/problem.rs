//! The one HTTP error: `application/problem+json` (RFC 9457). It says what is wrong and what to do, never the cause.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// An answer that is not the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_seconds: Option<u32>,
}

/// The body of a [`Problem`].
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do.
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after_seconds: None,
        }
    }

    /// 404: no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 400: the request makes no sense.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 403: not allowed from there.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 405: the address is right, the method is not.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This address does not take that method.",
        )
    }

    /// 409: contradicts what is there.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 414: longer than any address of this server.
    pub fn address_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "No address here is that long.")
    }

    /// 421: this server does not go by that name.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// 422: understood, but the slide or file cannot be used.
    pub fn unusable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// The body cannot be read, for the reason that the status gives: 400, 413, 415 or 422.
    pub fn unread(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, detail)
    }

    /// 503: not now; the client may ask again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after_seconds: Some(2),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 507: the disk of the database is full.
    pub fn disk_full() -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "The disk of the database is full. Free some space on it and try again; nothing was half written.",
        )
    }

    /// 500: our fault. The cause is logged here, at the boundary, and nowhere else.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong in the server; its log says what.",
        )
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::NotFound { what, key } => {
                Self::not_found(format!("There is no {what} '{key}'."))
            }
            store::StoreError::Unavailable { .. } => Self::unavailable(
                "The database does not answer. The server keeps trying; try again in a moment.",
            ),
            store::StoreError::DiskFull => Self::disk_full(),
            store::StoreError::Refused { rule } => Self::conflict(format!("Not possible: {rule}.")),
            other => Self::internal(&other),
        }
    }
}

impl From<slide::SlideError> for Problem {
    fn from(error: slide::SlideError) -> Self {
        match &error {
            slide::SlideError::OutOfBounds { .. } => Self::not_found(error.to_string()),
            slide::SlideError::TooManyOpenFiles => crate::turns::too_many(),
            slide::SlideError::Changed { .. } => Self::conflict(
                "The file of this slide has changed since it was imported: import it again.",
            ),
            _ => Self::unusable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_taken_for_an_absent_database() {
        let problem = Problem::from(store::StoreError::DiskFull);
        assert_eq!(problem.status(), StatusCode::INSUFFICIENT_STORAGE);
        assert!(problem.detail().contains("disk of the database is full"));
    }

    #[test]
    fn who_finds_too_many_files_open_may_come_again() {
        let response = Problem::from(slide::SlideError::TooManyOpenFiles).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
