//! Pictures: which is asked for, how it came about, and why there is none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use slide::{Members, SlideError};

use crate::deepzoom::Place;
use crate::problem::Problem;

/// Which tile is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Of the slide's own pyramid: level, column, row. At the right and bottom edge padded to the full tile.
    Tile(u32, u32, u32),
    /// Of the DeepZoom pyramid. At the right and bottom edge it ends where the level does.
    DeepZoom(Place),
}

/// What a picture shows of a slide.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shows {
    Tile(Asked),
    Thumbnail,
    /// No picture, but what the pixels say of the stains.
    Stains,
}

/// What a picture shows, of a slide by code and version.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Picture {
    pub(super) slide: Arc<str>,
    pub(super) shows: Shows,
}

/// A picture that is kept.
#[derive(Clone)]
pub(super) struct Kept {
    /// The file.
    pub(super) bytes: Bytes,
    /// What it was drawn from, where it is sent of slides that are not open.
    pub(super) drawn_from: Option<Arc<Members>>,
}

/// A JPEG, or what else shows something of a slide, ready to be sent, and how it came about.
#[derive(Clone)]
pub struct Served {
    /// The file.
    pub bytes: Bytes,
    /// How it came about.
    pub how: How,
}

/// How a picture came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Stored bytes, never decoded, and how long it took to read them.
    PassedThrough(Duration),
    /// Decoded and encoded, for this request or one that it joined, and how long that took.
    Decoded(Duration),
    /// It was there.
    Cached,
}

/// Why a picture was not made.
#[derive(Clone)]
pub(super) enum Unmade {
    /// The slide's files are not those that were opened: open them anew, and see.
    Changed,
    /// To be told.
    Problem(Problem),
}

impl From<SlideError> for Unmade {
    fn from(error: SlideError) -> Self {
        match error {
            SlideError::Changed { .. } => Self::Changed,
            error => Self::Problem(error.into()),
        }
    }
}

impl From<Problem> for Unmade {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What drawing comes to: the file, and how long it took.
pub(super) type Drawn = Result<(Bytes, Duration), Unmade>;

/// What is told when opening the slide anew did not help either.
pub(super) fn changed(unmade: Unmade) -> Problem {
    match unmade {
        Unmade::Problem(problem) => problem,
        Unmade::Changed => Problem::conflict(
            "The file of this slide has changed since it was imported: import it again.",
        ),
    }
}
