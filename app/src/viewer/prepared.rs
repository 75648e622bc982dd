//! A layer made ready: normalised over the slide, ranked, and summed up for legend, histogram and list. No browser in here.

use domain::geometry::TileGrid;
use domain::layer::{
    Grading, LayerSpec, Normalisation, Quantity, histogram, most_telling, percentiles,
    signed_percentiles,
};
use domain::target::SignKind;
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};

use super::cells::texels;
use super::layer_setup::find_target;
use super::told::{LayerSummary, TopTile};
use super::values::Content;

/// A layer ready to be drawn, normalised over the slide.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The values, per spot and tile.
    values: Vec<Vec<f64>>,
    /// Percentile rank of every tile among the tiles of the slide.
    percentiles: Vec<Vec<f64>>,
    /// What percentile grading goes by: for values with a zero the ranks of their sizes, with their sign.
    grades: Vec<Vec<f64>>,
    signed: bool,
    normalisation: Normalisation,
    extremes: Option<(f64, f64)>,
    top: Vec<TopTile>,
    histograms: [Vec<u32>; 2],
}

/// Tiles in the list of those that say most.
const MOST_TOP: usize = 20;
/// Bars of a histogram.
const BINS: usize = 64;

impl Prepared {
    /// Normalises over all tiles of the slide.
    #[must_use]
    pub fn new(slide: &SlideDetail, content: &Content, values: Vec<Vec<f64>>) -> Self {
        let signed = content.minus.is_some() || content.quantity.is_signed();
        let all: Vec<f64> = values.concat();
        let per_spot = |all: Vec<f64>| -> Vec<Vec<f64>> {
            let mut rest = all.into_iter();
            values
                .iter()
                .map(|spot| rest.by_ref().take(spot.len()).collect())
                .collect()
        };
        let ranks = percentiles(&all);
        let grades = if signed {
            signed_percentiles(&all)
        } else {
            ranks.clone()
        };
        let extremes = all.iter().copied().filter(|value| value.is_finite()).fold(
            None,
            |extremes: Option<(f64, f64)>, value| {
                Some(extremes.map_or((value, value), |(low, high)| {
                    (low.min(value), high.max(value))
                }))
            },
        );
        // The difference of two probabilities or weights is a signed quantity like any other.
        let kind = if content.minus.is_some() {
            Quantity::Contribution
        } else {
            content.quantity
        };
        let normalisation = Normalisation::of(kind, &all);
        let top = most_telling(&all, signed, MOST_TOP)
            .into_iter()
            .filter_map(|index| {
                let (spot, tile) = place_of(&values, index)?;
                let view = slide.spots.get(spot)?;
                Some(TopTile {
                    spot: view.number,
                    tile,
                    rect: view.grid.as_ref()?.rect(tile)?,
                    value: *all.get(index)?,
                    percentile: *ranks.get(index)?,
                })
            })
            .collect();
        let histograms = [
            histogram(&all, (normalisation.low, normalisation.high), BINS),
            histogram(&grades, percentile_range(signed), BINS),
        ];
        Self {
            percentiles: per_spot(ranks),
            grades: per_spot(grades),
            values,
            signed,
            normalisation,
            extremes,
            top,
            histograms,
        }
    }

    /// What is at the ends of the colour map unless a person says otherwise.
    fn full_range(&self, grading: Grading) -> (f64, f64) {
        match grading {
            Grading::Value => (self.normalisation.low, self.normalisation.high),
            Grading::Percentile => percentile_range(self.signed),
        }
    }

    /// What is at the ends of the colour map. For signed values the same on both sides: zero keeps its colour.
    #[must_use]
    pub fn range(&self, layer: &LayerSpec) -> (f64, f64) {
        let Some((low, high)) = layer.range else {
            return self.full_range(layer.grading);
        };
        if self.signed {
            let reach = low.abs().max(high.abs());
            (-reach, reach)
        } else {
            (low, high)
        }
    }

    /// What legend, histogram and list tell.
    #[must_use]
    pub fn summary(
        &self,
        slide: &SlideDetail,
        layer: &LayerSpec,
        model: &ModelOnSlide,
        target: &TargetOnSlide,
    ) -> LayerSummary {
        let graded = match layer.grading {
            Grading::Value => &self.values,
            Grading::Percentile => &self.grades,
        };
        let (low, high) = layer
            .threshold
            .unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let is_drawn = |value: &&f64| value.is_finite() && (low..=high).contains(value);
        let other = layer
            .minus
            .as_ref()
            .and_then(|minus| find_target(slide, minus, &layer.target));
        LayerSummary {
            model: model.title.clone(),
            minus: layer
                .minus
                .as_ref()
                .map(|key| other.map_or_else(|| key.clone(), |(model, _)| model.title.clone())),
            target: target.title.clone(),
            quantity: layer.quantity,
            signed: self.signed,
            scale: target
                .readouts
                .first()
                .map_or(domain::score::Scale::Logit, |readout| readout.scale),
            grading: layer.grading,
            range: self.range(layer),
            full_range: self.full_range(layer.grading),
            extremes: self.extremes,
            tiles: self.values.iter().map(Vec::len).sum(),
            drawn: graded.iter().flatten().filter(is_drawn).count(),
            histogram: match layer.grading {
                Grading::Value => self.histograms[0].clone(),
                Grading::Percentile => self.histograms[1].clone(),
            },
            top: self.top.clone(),
            fold_models: (
                target.readouts.len(),
                other.map(|(_, target)| target.readouts.len()),
            ),
            notes: notes(slide, model, target, layer.quantity),
        }
    }

    /// The value of a tile and its percentile rank; `None` for one without a value.
    #[must_use]
    pub fn at(&self, spot: usize, tile: usize) -> Option<(f64, f64)> {
        let value = *self.values.get(spot)?.get(tile)?;
        let percentile = *self.percentiles.get(spot)?.get(tile)?;
        value.is_finite().then_some((value, percentile))
    }

    /// The cells of a spot as texels, row by row: the value and what percentile grading goes by.
    #[must_use]
    pub fn texels(&self, grid: &TileGrid, spot: usize) -> Vec<f32> {
        let empty = Vec::new();
        texels(
            grid,
            self.values.get(spot).unwrap_or(&empty),
            self.grades.get(spot).unwrap_or(&empty),
        )
    }
}

/// The ends of percentile grading.
const fn percentile_range(signed: bool) -> (f64, f64) {
    if signed {
        (-100.0, 100.0)
    } else {
        (0.0, 100.0)
    }
}

/// Spot and tile of an index into the values of all spots.
fn place_of(values: &[Vec<f64>], mut index: usize) -> Option<(usize, usize)> {
    for (spot, own) in values.iter().enumerate() {
        if index < own.len() {
            return Some((spot, index));
        }
        index -= own.len();
    }
    None
}

/// What to know of the numbers; what the panel of predictions says beside it is not said again.
fn notes(
    slide: &SlideDetail,
    model: &ModelOnSlide,
    target: &TargetOnSlide,
    quantity: Quantity,
) -> Vec<String> {
    let mut notes = Vec::new();
    if quantity == Quantity::Attention {
        notes.push(
            "Attention is not an explanation: a tile with much weight may speak for or against."
                .to_owned(),
        );
    }
    if slide.summary.tissue != "marrow" {
        notes.push(
            [
                "This is ",
                &slide.summary.tissue,
                ", not marrow: the model has never seen such tissue, and its numbers mean nothing here.",
            ]
            .concat(),
        );
    }
    if model.training_cohort.synthetic {
        match target.sign.as_ref().map(|sign| sign.kind) {
            Some(SignKind::Null) => notes.push(
                "No sign was planted for this target in this cohort: what is seen is chance."
                    .to_owned(),
            ),
            Some(SignKind::Invented) => notes.push(
                "The planted sign was invented for testing, not a sign of this finding.".to_owned(),
            ),
            _ => {}
        }
    }
    notes
}
