//! Geometry in slide space: level-0 pixels, origin at the top left, y downwards.

use serde::{Deserialize, Serialize};

/// Micrometres per pixel, per axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mpp {
    /// Micrometres per pixel along x.
    pub x: f64,
    /// Micrometres per pixel along y.
    pub y: f64,
}

impl Mpp {
    /// The same resolution on both axes.
    #[must_use]
    pub const fn square(um_per_px: f64) -> Self {
        Self {
            x: um_per_px,
            y: um_per_px,
        }
    }

    /// One number for both axes: their mean.
    #[must_use]
    pub fn mean(self) -> f64 {
        f64::midpoint(self.x, self.y)
    }

    /// Whether both values are ones that a microscope slide can have (0.01 to 100 µm/px).
    #[must_use]
    pub fn is_plausible(self) -> bool {
        let plausible = |um_per_px: f64| (0.01..=100.0).contains(&um_per_px);
        plausible(self.x) && plausible(self.y)
    }
}

/// A rectangle in slide space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlideRect {
    /// Left edge, px.
    pub x: f64,
    /// Top edge, px.
    pub y: f64,
    /// Width, px.
    pub width: f64,
    /// Height, px.
    pub height: f64,
}

impl SlideRect {
    /// Whether the point lies inside; the left and top edges belong to the rectangle, the others do not.
    #[must_use]
    pub fn contains(&self, x: f64, y: f64) -> bool {
        x >= self.x && y >= self.y && x < self.x + self.width && y < self.y + self.height
    }

    /// Whether the two share any area.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// The middle, (x, y) px.
    #[must_use]
    pub fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// One level of a pyramid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelInfo {
    /// Width of the level, px of that level.
    pub width: u32,
    /// Height of the level, px of that level.
    pub height: u32,
    /// Width of its pyramid tiles, px of that level.
    pub tile_width: u32,
    /// Height of its pyramid tiles, px of that level.
    pub tile_height: u32,
}

impl LevelInfo {
    /// How many pyramid tiles lie side by side.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.width.div_ceil(self.tile_width.max(1))
    }

    /// How many pyramid tiles lie one above the other.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.height.div_ceil(self.tile_height.max(1))
    }
}

/// The levels of a slide, 0 = full resolution first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pyramid {
    /// At least one level; each is smaller than the one before.
    pub levels: Vec<LevelInfo>,
}

impl Pyramid {
    /// Width of the slide, px of level 0.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.levels.first().map_or(0, |level| level.width)
    }

    /// Height of the slide, px of level 0.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.levels.first().map_or(0, |level| level.height)
    }

    /// The whole slide.
    #[must_use]
    pub fn bounds(&self) -> SlideRect {
        SlideRect {
            x: 0.0,
            y: 0.0,
            width: f64::from(self.width()),
            height: f64::from(self.height()),
        }
    }

    /// How many slide pixels one pixel of the level spans, per axis: the dimensions divided, not the nominal downsample,
    /// which drifts across the slide.
    #[must_use]
    pub fn downsample(&self, level: usize) -> Option<(f64, f64)> {
        let info = self.levels.get(level)?;
        Some((
            f64::from(self.width()) / f64::from(info.width.max(1)),
            f64::from(self.height()) / f64::from(info.height.max(1)),
        ))
    }

    /// The part of the slide that a pyramid tile covers, clipped to the level (edge tiles are stored padded).
    #[must_use]
    pub fn tile_rect(&self, level: usize, column: u32, row: u32) -> Option<SlideRect> {
        let info = self.levels.get(level)?;
        if column >= info.columns() || row >= info.rows() {
            return None;
        }
        let (scale_x, scale_y) = self.downsample(level)?;
        let (left, top) = (column * info.tile_width, row * info.tile_height);
        let width = info.tile_width.min(info.width - left);
        let height = info.tile_height.min(info.height - top);
        Some(SlideRect {
            x: f64::from(left) * scale_x,
            y: f64::from(top) * scale_y,
            width: f64::from(width) * scale_x,
            height: f64::from(height) * scale_y,
        })
    }

    /// The coarsest level that still has at least one pixel per screen pixel when `slide_px_per_screen_px` slide pixels
    /// fall on one screen pixel; the finest when none has.
    #[must_use]
    pub fn level_for(&self, slide_px_per_screen_px: f64) -> usize {
        (0..self.levels.len())
            .rev()
            .find(|&level| {
                self.downsample(level)
                    .is_some_and(|(x, y)| x.max(y) <= slide_px_per_screen_px * 1.001)
            })
            .unwrap_or(0)
    }
}

/// Where the tiles of a spot lie: a regular grid in slide space and the list of its cells that are tiles.
///
/// A tile's rectangle is computed from its index, never accumulated, so the last tile of a large slide is as exact as
/// the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TileGrid {
    /// Left edge of cell (0, 0), px.
    pub origin_x: f64,
    /// Top edge of cell (0, 0), px.
    pub origin_y: f64,
    /// Distance from one cell to the next, per axis, px.
    pub step_x: f64,
    /// As `step_x`, along y.
    pub step_y: f64,
    /// Width of a tile, px.
    pub size_x: f64,
    /// Height of a tile, px.
    pub size_y: f64,
    /// Cells side by side.
    pub columns: u32,
    /// Cells one above the other.
    pub rows: u32,
    /// The cells that are tiles, ascending, row by row: `row * columns + column`. A tile's index is its place in this
    /// list, and every per-tile array is in this order.
    pub present: Vec<u32>,
}

impl TileGrid {
    /// Number of tiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Whether the grid has no tile.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// The rectangle of a cell, whether it is a tile or not.
    #[must_use]
    pub fn cell_rect(&self, cell: u32) -> SlideRect {
        let columns = self.columns.max(1);
        let (column, row) = (cell % columns, cell / columns);
        SlideRect {
            x: self.origin_x + f64::from(column) * self.step_x,
            y: self.origin_y + f64::from(row) * self.step_y,
            width: self.size_x,
            height: self.size_y,
        }
    }

    /// The rectangle of a tile.
    #[must_use]
    pub fn rect(&self, tile: usize) -> Option<SlideRect> {
        self.present.get(tile).map(|&cell| self.cell_rect(cell))
    }

    /// The tile under a point of the slide.
    #[must_use]
    pub fn tile_at(&self, x: f64, y: f64) -> Option<usize> {
        let column = ((x - self.origin_x) / self.step_x).floor();
        let row = ((y - self.origin_y) / self.step_y).floor();
        if !(column >= 0.0
            && row >= 0.0
            && column < f64::from(self.columns)
            && row < f64::from(self.rows))
        {
            return None;
        }
        let cell = row as u32 * self.columns + column as u32;
        let tile = self.present.binary_search(&cell).ok()?;
        self.cell_rect(cell).contains(x, y).then_some(tile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid() -> TileGrid {
        TileGrid {
            origin_x: 3.25,
            origin_y: -1.5,
            step_x: 448.9,
            step_y: 449.1,
            size_x: 448.9,
            size_y: 449.1,
            columns: 300,
            rows: 200,
            present: (0..60_000).filter(|cell| cell % 3 != 1).collect(),
        }
    }

    #[test]
    fn a_tile_is_found_at_its_own_middle_and_nowhere_else() {
        let grid = grid();
        for tile in (0..grid.len()).step_by(997).chain([grid.len() - 1]) {
            let (x, y) = grid.rect(tile).unwrap().centre();
            assert_eq!(grid.tile_at(x, y), Some(tile));
        }
        assert_eq!(grid.tile_at(-10.0, 5.0), None);
        assert_eq!(grid.tile_at(f64::NAN, 5.0), None);
        let absent = grid.cell_rect(1).centre();
        assert_eq!(grid.tile_at(absent.0, absent.1), None);
    }

    #[test]
    fn edge_tiles_end_with_the_level() {
        let pyramid = Pyramid {
            levels: vec![
                LevelInfo {
                    width: 2220,
                    height: 2967,
                    tile_width: 240,
                    tile_height: 240,
                },
                LevelInfo {
                    width: 555,
                    height: 741,
                    tile_width: 240,
                    tile_height: 240,
                },
            ],
        };
        let last = pyramid.tile_rect(0, 9, 12).unwrap();
        assert_eq!(
            (last.x + last.width, last.y + last.height),
            (2220.0, 2967.0)
        );
        let last = pyramid.tile_rect(1, 2, 3).unwrap();
        assert!(
            (last.x + last.width - 2220.0).abs() < 1e-9
                && (last.y + last.height - 2967.0).abs() < 1e-9
        );
        assert_eq!(pyramid.tile_rect(0, 10, 0), None);
        assert_eq!(pyramid.tile_rect(2, 0, 0), None);
    }

    #[test]
    fn the_level_has_at_least_the_pixels_of_the_screen() {
        let level = |size: u32| LevelInfo {
            width: size,
            height: size,
            tile_width: 256,
            tile_height: 256,
        };
        let pyramid = Pyramid {
            levels: vec![level(16_000), level(4_000), level(1_000)],
        };
        assert_eq!(pyramid.level_for(0.5), 0);
        assert_eq!(pyramid.level_for(3.9), 0);
        assert_eq!(pyramid.level_for(4.0), 1);
        assert_eq!(pyramid.level_for(100.0), 2);
    }

    proptest! {
        #[test]
        fn the_tiles_of_a_level_cover_it_once(width in 1u32..5000, height in 1u32..5000, tile in 1u32..700) {
            let pyramid = Pyramid { levels: vec![LevelInfo { width, height, tile_width: tile, tile_height: tile }] };
            let level = pyramid.levels[0];
            let mut area = 0.0;
            for row in 0..level.rows().min(40) {
                for column in 0..level.columns().min(40) {
                    let rect = pyramid.tile_rect(0, column, row).unwrap();
                    prop_assert!(rect.width > 0.0 && rect.height > 0.0);
                    area += rect.width * rect.height;
                }
            }
            let covered_x = f64::from((40 * tile).min(width));
            let covered_y = f64::from((40 * tile).min(height));
            prop_assert!((area - covered_x * covered_y).abs() < 1e-6 * area.max(1.0));
        }
    }
}
