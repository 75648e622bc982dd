//! What the viewer tells whoever shows it: of its layers, of the tile that is read, and of what it drew.

use domain::geometry::SlideRect;
use domain::layer::{Grading, Quantity};
use domain::score::Scale;
use send_wrapper::SendWrapper;
use web_sys::HtmlCanvasElement;

use super::retry::Refusal;
use crate::format::thousands;

/// The tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Hover {
    /// Number of its spot.
    pub spot: u32,
    /// Its index in the spot's grid.
    pub tile: usize,
    /// Its rectangle, slide px.
    pub rect: SlideRect,
    /// What the layers say of it, one per layer; `None` for those that are not shown.
    pub layers: Vec<Option<LayerReading>>,
    /// Which of them the rest is about.
    pub chosen: usize,
    /// All quantities of its target in the order of [`Quantity::ALL`]; NaN where the target has none.
    pub quantities: [f64; Quantity::ALL.len()],
    /// The scale of the target's score.
    pub scale: Scale,
    /// Tile probability per target of the model, for those that have been fetched.
    pub targets: Vec<TargetReading>,
}

impl Hover {
    /// What the layer says that the rest is about.
    #[must_use]
    pub fn reading(&self) -> Option<&LayerReading> {
        self.layers.get(self.chosen)?.as_ref()
    }
}

/// What one layer says of the tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReading {
    /// Name of the layer.
    pub title: String,
    /// Whether zero has a meaning.
    pub signed: bool,
    /// The value.
    pub value: f64,
    /// Percentile rank of the value among this slide's tiles.
    pub percentile: f64,
}

/// What one target says of the tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReading {
    /// Key of the target.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// The tile probability.
    pub probability: f64,
}

/// What there is of the targets of a model beside those that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherTargets {
    /// All of them.
    #[default]
    Here,
    /// They are being fetched.
    Coming,
    /// So many are not there and are fetched when somebody asks.
    WhenAsked(usize),
    /// So many are not there, and as many maps are held as may be.
    NoRoom(usize),
}

/// What has become of a layer that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum OverlayStatus {
    /// It is switched off.
    Off,
    /// Its numbers are on their way.
    Loading,
    /// It cannot be shown, with the reason and what to do.
    Failed(String),
    /// It is drawn.
    Shown(Box<LayerSummary>),
}

/// A layer as legend, histogram and list of tiles tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// Title of the model.
    pub model: String,
    /// Title of the model whose values are subtracted.
    pub minus: Option<String>,
    /// Title of the target.
    pub target: String,
    /// What is shown.
    pub quantity: Quantity,
    /// Whether zero has a meaning.
    pub signed: bool,
    /// The scale of the target's score.
    pub scale: Scale,
    /// What colours and threshold are laid out along.
    pub grading: Grading,
    /// What is at the ends of the colour map, in the unit of the grading.
    pub range: (f64, f64),
    /// What would be there if nobody had said otherwise; the ends of the histogram.
    pub full_range: (f64, f64),
    /// Lowest and highest value of a tile; `None` when no tile has one.
    pub extremes: Option<(f64, f64)>,
    /// Number of tiles.
    pub tiles: usize,
    /// How many of them the threshold lets through.
    pub drawn: usize,
    /// How many tiles lie in each of equal parts of `full_range`.
    pub histogram: Vec<u32>,
    /// The tiles that say most, first first.
    pub top: Vec<TopTile>,
    /// Number of fold models whose mean is shown; of the first and the second model for a difference.
    pub fold_models: (usize, Option<usize>),
    /// What to know of the numbers, one sentence each.
    pub notes: Vec<String>,
}

/// One of the tiles that say most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopTile {
    /// Number of its spot.
    pub spot: u32,
    /// Its index in the spot's grid.
    pub tile: usize,
    /// Its rectangle, slide px.
    pub rect: SlideRect,
    /// Its value.
    pub value: f64,
    /// Percentile rank of the value among this slide's tiles.
    pub percentile: f64,
}

/// A layer in small: one cell per tile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// One per spot that has a grid.
    pub spots: Vec<OverviewSpot>,
}

/// The cells of one spot.
#[derive(Clone, Debug, PartialEq)]
pub struct OverviewSpot {
    /// The part of the slide that all cells together cover, px.
    pub rect: SlideRect,
    /// Cells side by side.
    pub columns: u32,
    /// Cells one above the other.
    pub rows: u32,
    /// Red, green, blue and opacity of each cell, row by row, not premultiplied: `4 · columns · rows` bytes. Clear where there
    /// is no tile or the threshold leaves it out.
    pub rgba: Vec<u8>,
}

/// Pyramid tiles in view that could not be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedTiles {
    /// So many.
    pub count: usize,
    /// What the server says, where asking again is useless for all of them.
    pub refusal: Option<String>,
}

impl FailedTiles {
    /// Told of tiles by why each could not be had.
    #[must_use]
    pub fn of(refusals: &[&Refusal]) -> Self {
        let are_final = refusals
            .iter()
            .all(|refusal| refusal.is_final && refusal.detail.is_some());
        let first = refusals.first().filter(|_| are_final);
        Self {
            count: refusals.len(),
            refusal: first.and_then(|refusal| refusal.detail.clone()),
        }
    }

    /// This in words; empty where there are none.
    #[must_use]
    pub fn text(&self) -> String {
        let what = match self.count {
            0 => return String::new(),
            1 => "1 part of the image could not be loaded (striped)".to_owned(),
            count => [
                &thousands(count as i64),
                " parts of the image could not be loaded (striped)",
            ]
            .concat(),
        };
        match &self.refusal {
            Some(refusal) => [&what, ". ", refusal].concat(),
            None => what,
        }
    }
}

/// A picture of what is seen.
#[derive(Clone)]
pub struct Picture {
    /// Its pixels.
    pub canvas: SendWrapper<HtmlCanvasElement>,
    /// What it lacks.
    pub missing: Missing,
}

/// Pyramid tiles that a view lacks: there it is coarser than it could be, striped or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// So many are not there.
    pub tiles: usize,
    /// Of so many.
    pub of: usize,
}

impl Missing {
    /// What is missing in words, if anything is.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        (self.tiles > 0).then(|| {
            [
                &thousands(self.tiles as i64),
                " of ",
                &thousands(self.of as i64),
                " tiles of the image were not loaded",
            ]
            .concat()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_told_once_where_it_would_say_it_again() {
        let changed = Refusal {
            detail: Some("The file has changed: import it again.".to_owned()),
            ..Refusal::FINAL
        };
        let told = FailedTiles::of(&[&changed, &changed]);
        assert_eq!(
            told.text(),
            "2 parts of the image could not be loaded (striped). The file has changed: import it again."
        );
        // Trying again helps some of them, or nobody knows that it does not.
        let busy = Refusal {
            detail: Some("Not now.".to_owned()),
            ..Refusal::AGAIN
        };
        for other in [&busy, &Refusal::AGAIN, &Refusal::FINAL] {
            assert_eq!(FailedTiles::of(&[&changed, other]).refusal, None);
        }
        assert_eq!(FailedTiles::of(&[]), FailedTiles::default());
        assert_eq!(FailedTiles::default().text(), "");
    }
}
