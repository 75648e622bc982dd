//! Tissue and tile grids on drawn slides.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use domain::geometry::{Mpp, SlideRect};
use image::{Rgb, RgbImage};
use slide::{OpenOptions, Slide, TissueMask};
use support::{TempSlide, png, slide_of};

const GLASS: [u8; 3] = [244, 243, 245];
const FAT: [u8; 3] = [243, 241, 244];
const WALL: [u8; 3] = [222, 150, 190];
/// Distance of the middles of fat cells: 60 µm at 0.5 µm/px.
const CELL_PX: f64 = 120.0;

/// Fatty marrow: pale cells, hexagonally packed and shaken, with walls of 3 µm between them.
fn marrow(x: f64, y: f64) -> [u8; 3] {
    let row_height = CELL_PX * 0.866;
    let row = (y / row_height).floor();
    let mut nearest = [f64::INFINITY; 2];
    for row in [row - 1.0, row, row + 1.0, row + 2.0] {
        let shift = if row.rem_euclid(2.0) < 1.0 {
            0.0
        } else {
            CELL_PX / 2.0
        };
        let column = ((x - shift) / CELL_PX).floor();
        for column in [column - 1.0, column, column + 1.0, column + 2.0] {
            let shake = (column * 12.9898 + row * 78.233).sin() * 43_758.547;
            let angle = shake.fract() * std::f64::consts::TAU;
            let centre_x = column * CELL_PX + shift + 12.0 * angle.cos();
            let centre_y = row * row_height + 12.0 * angle.sin();
            let distance = (x - centre_x).hypot(y - centre_y);
            if distance < nearest[0] {
                nearest = [distance, nearest[0]];
            } else if distance < nearest[1] {
                nearest[1] = distance;
            }
        }
    }
    if nearest[1] - nearest[0] < 6.0 {
        WALL
    } else {
        FAT
    }
}

fn draw(side: u32, colour: impl Fn(f64, f64) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| Rgb(colour(x.into(), y.into())))
}

fn mask_of(slide: &Slide) -> TissueMask {
    slide.tissue_mask().unwrap()
}

#[test]
fn fatty_marrow_keeps_its_tiles() {
    let image = draw(2048, marrow);
    let fat = image.pixels().filter(|pixel| pixel.0 == FAT).count() as f64 / (2048.0 * 2048.0);
    assert!((0.88..0.93).contains(&fat), "{fat} is fat");
    let slide = slide_of(&image);
    let grid = mask_of(&slide).tile_grid(224, 0.5).unwrap();
    assert_eq!((grid.columns, grid.rows), (9, 9));
    assert!(
        grid.len() as f64 >= 0.95 * 81.0,
        "{} of 81 tiles",
        grid.len()
    );
}

#[test]
fn a_disc_of_fatty_marrow_on_glass_keeps_its_tiles_and_gains_none() {
    let (centre, radius) = (1500.0, 1150.0);
    let distance = |x: f64, y: f64| (x - centre).hypot(y - centre);
    let in_disc = |x: f64, y: f64| distance(x, y) < radius;
    // Cells at the rim have a wall there too.
    let slide = slide_of(&draw(3000, |x, y| {
        if !in_disc(x, y) {
            GLASS
        } else if distance(x, y) > radius - 6.0 {
            WALL
        } else {
            marrow(x, y)
        }
    }));
    let grid = mask_of(&slide).tile_grid(224, 0.5).unwrap();
    let share = |cell: u32| {
        let SlideRect {
            x,
            y,
            width,
            height,
        } = grid.cell_rect(cell);
        let inside = (0..400)
            .map(|i| {
                (
                    f64::from(i % 20) / 20.0 + 0.025,
                    f64::from(i / 20) / 20.0 + 0.025,
                )
            })
            .filter(|(u, v)| in_disc(x + u * width, y + v * height));
        inside.count() as f64 / 400.0
    };
    let (mut tissue, mut kept) = (0, 0);
    for cell in 0..grid.columns * grid.rows {
        let present = grid.present.contains(&cell);
        let share = share(cell);
        if share >= 0.5 {
            tissue += 1;
            kept += u32::from(present);
        }
        assert!(
            !(present && share < 0.25),
            "cell {cell} is a tile, but {share} of it is marrow"
        );
    }
    assert!(
        f64::from(kept) >= 0.95 * f64::from(tissue),
        "{kept} of {tissue}"
    );
}

#[test]
fn a_blank_slide_has_no_tissue() {
    for blank in [[255; 3], GLASS, [240, 236, 222]] {
        let slide = slide_of(&draw(1500, |x, y| {
            let noise = ((x * 7.0 + y * 13.0) % 5.0) as u8;
            blank.map(|value| value - noise)
        }));
        let mask = mask_of(&slide);
        assert_eq!(mask.share(), 0.0, "{blank:?}");
        assert!(mask.tile_grid(224, 0.5).unwrap().is_empty());
    }
}

#[test]
fn an_island_is_found_to_within_a_tile_and_dust_is_not() {
    let island = SlideRect {
        x: 1900.0,
        y: 700.0,
        width: 1100.0,
        height: 1500.0,
    };
    let slide = slide_of(&draw(4000, |x, y| {
        let is_dust = (x - 600.0).hypot(y - 3000.0) < 40.0;
        if is_dust || island.contains(x, y) {
            [205, 120, 170]
        } else {
            GLASS
        }
    }));
    let mask = mask_of(&slide);
    assert!(mask.is_tissue(2400.0, 1500.0) && !mask.is_tissue(600.0, 3000.0));
    let grid = mask.tile_grid(224, 0.5).unwrap();
    let expected = 1100.0 * 1500.0 / (224.0 * 224.0);
    assert!(
        (grid.len() as f64 - expected).abs() < 8.0,
        "{} tiles, not {expected}",
        grid.len()
    );
    for tile in 0..grid.len() {
        let (x, y) = grid.rect(tile).unwrap().centre();
        assert!(
            island.contains(x, y),
            "the middle of tile {tile} is on glass"
        );
    }
    assert!((mask.area_mm2() - 1100.0 * 1500.0 * 0.25e-6).abs() < 0.03);
}

#[test]
fn the_grid_has_the_scale_of_the_encoder_and_not_of_the_slide() {
    let image = draw(1000, |_, _| [200, 110, 160]);
    let slide = slide_of(&image);
    let mask = mask_of(&slide);
    // 224 px of 1 µm are 448 px of 0.5 µm.
    let grid = mask.tile_grid(224, 1.0).unwrap();
    assert_eq!((grid.columns, grid.rows, grid.len()), (2, 2, 4));
    assert_eq!(
        (grid.origin_x, grid.step_x, grid.size_y),
        (52.0, 448.0, 448.0)
    );
    // A slide smaller than a tile has none; tiles beyond counting are refused.
    assert!(mask.tile_grid(2240, 1.0).unwrap().is_empty());
    assert!(mask.tile_grid(1, 1e-9).is_err());
    assert!(mask.tile_grid(0, 0.5).is_err());
}

/// Tiles are square in µm: with half the µm per pixel downwards, they are twice as many pixels high.
#[test]
fn pixels_that_are_not_square_are_laid_and_drawn_by_axis() {
    let colour = |x: u32, y: u32| [(120 + x / 8) as u8, 40 + (y / 16) as u8, 160];
    let image = RgbImage::from_fn(600, 1000, |x, y| Rgb(colour(x, y)));
    let file = TempSlide::new("oblong.png", &png(&image));
    let mpp = Some(Mpp { x: 0.5, y: 0.25 });
    let slide = Slide::open(file.path(), OpenOptions { mpp }).unwrap();
    let grid = mask_of(&slide).tile_grid(224, 0.5).unwrap();
    assert_eq!((grid.size_x, grid.size_y), (224.0, 448.0));
    assert_eq!((grid.step_x, grid.step_y), (224.0, 448.0));
    assert_eq!((grid.origin_x, grid.origin_y), (76.0, 52.0));
    assert_eq!((grid.columns, grid.rows, grid.len()), (2, 2, 4));
    let tile = slide.tile_region(&grid, 3, 224).unwrap();
    for (x, y, pixel) in tile.enumerate_pixels() {
        let expected = colour(76 + 224 + x, 52 + 448 + 2 * y);
        assert!(
            std::iter::zip(pixel.0, expected).all(|(a, b)| a.abs_diff(b) <= 1),
            "({x}, {y}): {pixel:?}, not {expected:?}"
        );
    }
}

#[test]
fn coverage_is_exact_to_a_part_of_a_pixel() {
    let bounds = SlideRect {
        x: 0.0,
        y: 0.0,
        width: 1600.0,
        height: 1600.0,
    };
    let half = RgbImage::from_fn(100, 100, |x, _| {
        Rgb(if x < 50 { [200, 110, 160] } else { GLASS })
    });
    let mask = TissueMask::of_thumbnail(&half, bounds, Mpp::square(0.5));
    let across = SlideRect {
        x: 700.0,
        y: 100.0,
        width: 200.0,
        height: 300.0,
    };
    assert!((mask.coverage(across) - 0.5).abs() < 1e-9);
    let beside = SlideRect {
        x: -100.0,
        ..across
    };
    assert!((mask.coverage(beside) - 0.5).abs() < 1e-9);
}
