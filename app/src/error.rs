//! The one error that server functions answer with and pages show.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// What went wrong, in a form that may leave the server: a kind and what to do, never a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// Of what kind it is.
    pub kind: ErrorKind,
    /// One sentence for the person at the screen.
    pub message: String,
}

/// The kinds of [`AppError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// There is no such thing.
    NotFound,
    /// Not now: the database or the server does not answer, or too much is asked at once.
    Unavailable,
    /// The request makes no sense.
    Invalid,
    /// A fault of the program.
    Internal,
}

impl AppError {
    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The request makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// A fault of the program; the cause belongs into the log.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl ErrorKind {
    /// The heading over the message.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Unavailable => "No answer just now",
            Self::Invalid => "That cannot be done",
            Self::Internal => "Something went wrong",
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "Check the address, or choose a slide from the list.",
            Self::Unavailable => "Nothing is lost. Try again in a moment.",
            Self::Invalid => "Go back and try something else.",
            Self::Internal => "Try again. If it stays, the server's log says more.",
        }
    }

    /// The HTTP status of a page that shows it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Unavailable => 503,
            Self::Invalid => 400,
            Self::Internal => 500,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::unavailable("The server does not answer."),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::invalid("The server did not understand the request.")
            }
            ServerFnErrorErr::Deserialization(_) => Self::internal(
                "The answer of the server could not be read. Reload the page: the server may be newer than it.",
            ),
            _ => Self::internal("The server could not answer."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_from_the_wire() {
        let error = AppError::not_found("There is no slide 'X-1'.");
        assert_eq!(AppError::de(error.ser()), error);
    }

    #[test]
    fn causes_stay_on_the_server() {
        let error = AppError::from_server_fn_error(ServerFnErrorErr::ServerError(
            "password authentication failed for user".to_owned(),
        ));
        assert!(!error.to_string().contains("password"));
        assert_eq!(error.kind, ErrorKind::Internal);
    }
}
