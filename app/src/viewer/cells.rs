//! The cells of a tile grid as they are drawn: texels, colours, and the part that is in view. No browser in here.

use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::geometry::TileGrid;

/// The second number of a cell that holds no tile, or one without a value.
const NO_TILE: f32 = -1000.0;

/// The cells of a grid as texels: value and grade, row by row.
#[must_use]
pub fn texels(grid: &TileGrid, values: &[f64], grades: &[f64]) -> Vec<f32> {
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
pub fn grid_view(grid: &TileGrid, camera: &Camera) -> Option<GridView> {
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
