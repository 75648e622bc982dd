//! From the terms of a target to what is drawn and read: values per tile, percentiles, texels. No browser in here.

use domain::colour::ColourMap;
use domain::geometry::TileGrid;
use domain::layer::{
    Grading, LayerSpec, Normalisation, Quantity, histogram, most_telling, percentiles,
    signed_percentiles,
};
use domain::score::{Readout, Terms, mean_over_models};
use domain::target::SignKind;
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};

use super::maps::TargetKey;
use super::state::{LayerSummary, TopTile, find_target};

/// All quantities of one target on one spot, each the mean over the entitled fold models, in grid order.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotMaps {
    /// In the order of [`Quantity::ALL`].
    quantities: [Vec<f64>; Quantity::ALL.len()],
}

/// All quantities of one target on a slide; one entry per spot, empty for spots without a grid.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TargetMaps {
    /// In the order of the slide's spots.
    pub spots: Vec<SpotMaps>,
}

impl SpotMaps {
    /// A spot without tiles.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            quantities: std::array::from_fn(|_| Vec::new()),
        }
    }

    /// Reads the terms as they come over the wire, `[fold models][tiles][e, v]`.
    ///
    /// # Errors
    /// A sentence when the numbers do not fit the grid or are not finite.
    pub fn read(numbers: &[f32], tiles: usize, readouts: &[Readout]) -> Result<Self, String> {
        if readouts.is_empty() {
            return Err("No fold model is entitled to speak of this slide.".to_owned());
        }
        if numbers.len() != readouts.len() * tiles * 2 {
            return Err(
                "The heatmap belongs to another state of this slide. Load the page again."
                    .to_owned(),
            );
        }
        let mut models = Vec::with_capacity(readouts.len());
        for (index, readout) in readouts.iter().enumerate() {
            let own = &numbers[index * tiles * 2..(index + 1) * tiles * 2];
            let terms = Terms::from_interleaved(own).map_err(|error| error.to_string())?;
            models.push((terms, *readout));
        }
        Ok(Self {
            quantities: Quantity::ALL.map(|quantity| {
                let per_model: Vec<Vec<f64>> = models
                    .iter()
                    .map(|(terms, readout)| quantity.of(terms, readout))
                    .collect();
                mean_over_models(&per_model)
            }),
        })
    }

    /// One quantity per tile.
    #[must_use]
    pub fn of(&self, quantity: Quantity) -> &[f64] {
        Quantity::ALL
            .iter()
            .position(|&other| other == quantity)
            .and_then(|index| self.quantities.get(index))
            .map_or(&[], Vec::as_slice)
    }

    /// All quantities of one tile; NaN for a tile that is not there.
    #[must_use]
    pub fn at(&self, tile: usize) -> [f64; Quantity::ALL.len()] {
        std::array::from_fn(|index| {
            self.quantities[index]
                .get(tile)
                .copied()
                .unwrap_or(f64::NAN)
        })
    }
}

/// What a layer shows, apart from how: a quantity of a target, or its difference between two models.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The model and the target.
    pub key: TargetKey,
    /// The model whose values are subtracted.
    pub minus: Option<TargetKey>,
    /// What is shown.
    pub quantity: Quantity,
}

impl Content {
    /// What a layer shows.
    #[must_use]
    pub fn of(layer: &LayerSpec) -> Option<Self> {
        let mut keys = TargetKey::of(layer);
        Some(Self {
            key: keys.next()?,
            minus: keys.next(),
            quantity: layer.quantity,
        })
    }
}

/// The values of a layer per spot and tile: of one model, or of A less those of B.
///
/// # Errors
/// A sentence when the two are not of the same tiles.
pub fn values_of(
    maps: &TargetMaps,
    minus: Option<&TargetMaps>,
    quantity: Quantity,
) -> Result<Vec<Vec<f64>>, String> {
    let own = maps.spots.iter().map(|spot| spot.of(quantity).to_vec());
    let Some(minus) = minus else {
        return Ok(own.collect());
    };
    own.enumerate()
        .map(|(index, mut values)| {
            let others = minus
                .spots
                .get(index)
                .map_or(&[][..], |spot| spot.of(quantity));
            if others.len() != values.len() {
                return Err("The two models did not see the same tiles of this slide.".to_owned());
            }
            for (value, other) in values.iter_mut().zip(others) {
                *value -= other;
            }
            Ok(values)
        })
        .collect()
}

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

/// The second number of a cell that holds no tile, or one without a value.
const NO_TILE: f32 = -1000.0;

/// The cells of a grid as texels: value and grade, row by row.
fn texels(grid: &TileGrid, values: &[f64], grades: &[f64]) -> Vec<f32> {
    let mut texels = [0.0, NO_TILE].repeat(grid.columns as usize * grid.rows as usize);
    for ((&cell, &value), &grade) in grid.present.iter().zip(values).zip(grades) {
        let at = cell as usize * 2;
        if value.is_finite()
            && let Some([texel, second]) = texels.get_mut(at..at + 2)
        {
            *texel = value as f32;
            *second = grade as f32;
        }
    }
    texels
}

/// The colours of a layer as texels, red, green, blue and opacity. Around the middle of a diverging map, where there is
/// nothing to say, the tissue shows through: opacity rises to full within a quarter of the way to either end.
#[must_use]
pub fn ramp(colour_map: ColourMap) -> Vec<u8> {
    let diverging = colour_map.is_diverging();
    let texel = |(place, [red, green, blue]): (i32, [u8; 3])| {
        let from_middle = (2 * place - 255).unsigned_abs();
        let opacity = if diverging {
            (4 * from_middle).min(255)
        } else {
            255
        };
        [red, green, blue, opacity as u8]
    };
    (0..).zip(colour_map.table()).flat_map(texel).collect()
}

/// The part of a grid that is in view, for one draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridView {
    /// Left, top, right, bottom: px from the middle of the screen.
    pub rect: [f32; 4],
    /// The same edges in cells, counted from `first`.
    pub cells: [f32; 4],
    /// Column and row that the cells are counted from.
    pub first: (i32, i32),
    /// How much of a cell its tile fills, per axis; above 1 when neighbours touch.
    pub filled: (f32, f32),
}

/// Cuts a grid to the view. Counted from the first cell in view, so that the numbers stay small and exact.
#[must_use]
pub fn grid_view(grid: &TileGrid, camera: &domain::camera::Camera) -> Option<GridView> {
    if grid.is_empty() {
        return None;
    }
    let seen = camera.visible();
    let right_end = grid.origin_x + f64::from(grid.columns) * grid.step_x;
    let bottom_end = grid.origin_y + f64::from(grid.rows) * grid.step_y;
    let left = grid.origin_x.max(seen.x);
    let top = grid.origin_y.max(seen.y);
    let right = right_end.min(seen.x + seen.width);
    let bottom = bottom_end.min(seen.y + seen.height);
    if left >= right || top >= bottom {
        return None;
    }
    let column = |x: f64| (x - grid.origin_x) / grid.step_x;
    let row = |y: f64| (y - grid.origin_y) / grid.step_y;
    let first = (column(left).floor(), row(top).floor());
    let (screen_left, screen_top) = camera.from_middle(left, top);
    let (screen_right, screen_bottom) = camera.from_middle(right, bottom);
    let filled = |size: f64, step: f64| {
        if size >= step {
            2.0
        } else {
            (size / step) as f32
        }
    };
    Some(GridView {
        rect: [screen_left, screen_top, screen_right, screen_bottom].map(|edge| edge as f32),
        cells: [
            column(left) - first.0,
            row(top) - first.1,
            column(right) - first.0,
            row(bottom) - first.1,
        ]
        .map(|edge| edge as f32),
        first: (first.0 as i32, first.1 as i32),
        filled: (
            filled(grid.size_x, grid.step_x),
            filled(grid.size_y, grid.step_y),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::camera::Camera;
    use domain::score::Scale;

    const READOUT: Readout = Readout {
        offset: -0.4,
        reference: 0.3,
        mean: 0.1,
        sd: 2.0,
        scale: Scale::Logit,
    };

    fn grid() -> TileGrid {
        TileGrid {
            origin_x: 1000.25,
            origin_y: 180_000.5,
            step_x: 448.9,
            step_y: 449.1,
            size_x: 448.9,
            size_y: 449.1,
            columns: 400,
            rows: 30,
            present: (0..12_000).filter(|cell| cell % 3 != 1).collect(),
        }
    }

    #[test]
    fn wire_numbers_become_means_over_the_fold_models() {
        let other = Readout {
            offset: 1.0,
            ..READOUT
        };
        let numbers = [0.0, 1.0, 2.0, -1.0, 0.5, 0.0, 0.5, 4.0];
        let maps = SpotMaps::read(&numbers, 2, &[READOUT, other]).unwrap();
        let models = [
            (Terms::from_interleaved(&numbers[..4]).unwrap(), READOUT),
            (Terms::from_interleaved(&numbers[4..]).unwrap(), other),
        ];
        for quantity in Quantity::ALL {
            assert_eq!(maps.of(quantity), quantity.mean(&models), "{quantity:?}");
        }
        assert_eq!(maps.at(1)[1], quantity_of(&models, Quantity::Attention)[1]);
        assert!(maps.at(2).iter().all(|value| value.is_nan()));
    }

    fn quantity_of(models: &[(Terms, Readout)], quantity: Quantity) -> Vec<f64> {
        quantity.mean(models)
    }

    #[test]
    fn numbers_of_another_grid_are_refused() {
        assert!(SpotMaps::read(&[0.0; 6], 2, &[READOUT]).is_err());
        assert!(SpotMaps::read(&[0.0; 4], 2, &[]).is_err());
        assert!(SpotMaps::read(&[0.0, f32::NAN, 0.0, 0.0], 2, &[READOUT]).is_err());
    }

    #[test]
    fn absent_cells_and_values_that_are_no_numbers_have_no_texel() {
        let grid = TileGrid {
            columns: 3,
            rows: 1,
            present: vec![0, 2],
            ..grid()
        };
        let none = NO_TILE;
        assert_eq!(
            texels(&grid, &[0.5, f64::NAN], &[100.0, f64::NAN]),
            [0.5, 100.0, 0.0, none, 0.0, none]
        );
        assert_eq!(
            texels(&grid, &[0.5, -2.0], &[50.0, -100.0]),
            [0.5, 50.0, 0.0, none, -2.0, -100.0]
        );
    }

    #[test]
    fn the_cell_that_the_shader_draws_is_the_tile_that_the_cursor_reads() {
        let grid = grid();
        let turns = [(0.0, false), (90.0, true), (33.0, false), (200.0, true)];
        for (zoom, (rotation, flipped)) in [0.004, 0.05, 0.9, 8.0]
            .into_iter()
            .flat_map(|zoom| turns.map(|turn| (zoom, turn)))
        {
            let camera = Camera {
                centre_x: 150_000.7,
                centre_y: 186_000.3,
                zoom,
                rotation,
                flipped,
                width: 1280.0,
                height: 720.0,
            };
            let view = grid_view(&grid, &camera).unwrap();
            let (mut read, mut compared) = (0, 0);
            for step_x in 0..160 {
                for step_y in 0..90 {
                    // Device pixel centres, as the rasteriser takes them.
                    let (x, y) = (f64::from(step_x) * 8.0 + 0.5, f64::from(step_y) * 8.0 + 0.5);
                    let share = |at: f64, low: f32, high: f32| (at as f32 - low) / (high - low);
                    // Back along the axes of the slide, as the matrix of the shader goes forth.
                    let [[a, b], [c, d]] = camera.screen_axes();
                    let (right, down) = (x - 640.0, y - 360.0);
                    let share_x = share(a * right + c * down, view.rect[0], view.rect[2]);
                    let share_y = share(b * right + d * down, view.rect[1], view.rect[3]);
                    let inside = (0.0..1.0).contains(&share_x) && (0.0..1.0).contains(&share_y);
                    let cell_x = view.cells[0] + share_x * (view.cells[2] - view.cells[0]);
                    let cell_y = view.cells[1] + share_y * (view.cells[3] - view.cells[1]);
                    // Half a screen pixel beside an edge both answers are right.
                    let near = |cell: f32, step: f64| {
                        f64::from((cell - cell.round()).abs()) * step * zoom < 0.5
                    };
                    if near(cell_x, grid.step_x) || near(cell_y, grid.step_y) {
                        continue;
                    }
                    let column = view.first.0 + cell_x.floor() as i32;
                    let row = view.first.1 + cell_y.floor() as i32;
                    let drawn = inside
                        .then(|| {
                            grid.present
                                .binary_search(&((row * 400 + column) as u32))
                                .ok()
                        })
                        .flatten();
                    let (slide_x, slide_y) = camera.slide_from_screen(x, y);
                    assert_eq!(
                        grid.tile_at(slide_x, slide_y),
                        drawn,
                        "zoom {zoom}, turned {rotation}, {x}, {y}"
                    );
                    read += usize::from(drawn.is_some());
                    compared += 1;
                }
            }
            assert!(
                read > 20 && compared > 1000,
                "zoom {zoom}: {read} of {compared}"
            );
        }
    }

    #[test]
    fn a_difference_is_a_less_b_tile_by_tile() {
        let spot = |value: f32| SpotMaps::read(&[0.0, value, 1.0, -value], 2, &[READOUT]).unwrap();
        let maps = |value| TargetMaps {
            spots: vec![spot(value)],
        };
        let (a, b) = (maps(1.0), maps(0.25));
        let quantity = Quantity::ZScore;
        let difference = values_of(&a, Some(&b), quantity).unwrap();
        let expected: Vec<f64> = a.spots[0]
            .of(quantity)
            .iter()
            .zip(b.spots[0].of(quantity))
            .map(|(a, b)| a - b)
            .collect();
        assert_eq!(difference, [expected]);
        assert_eq!(
            values_of(&a, None, quantity).unwrap()[0],
            a.spots[0].of(quantity)
        );
        let fewer = TargetMaps {
            spots: vec![SpotMaps::empty()],
        };
        assert!(values_of(&a, Some(&fewer), quantity).is_err());
    }

    #[test]
    fn a_grid_out_of_view_is_not_drawn() {
        let camera = Camera {
            centre_x: 0.0,
            centre_y: 0.0,
            zoom: 1.0,
            rotation: 0.0,
            flipped: false,
            width: 100.0,
            height: 100.0,
        };
        assert_eq!(grid_view(&grid(), &camera), None);
    }
}
