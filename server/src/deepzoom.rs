//! The pyramid as DeepZoom has it: level 0 is one pixel, each level halves the next (rounded up), the last is the slide.

use domain::geometry::{Pyramid, SlideRect};

/// Tile sizes that are taken over from the slide.
const TILE_SIDES_PX: std::ops::RangeInclusive<u32> = 128..=1024;
/// Size of the tiles where the slide's own do not serve.
const OWN_TILE_PX: u32 = 256;

/// A tile's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Level, 0 = one pixel.
    pub level: u32,
    /// Column.
    pub column: u32,
    /// Row.
    pub row: u32,
}

/// What a tile shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile {
    /// In slide space.
    pub rect: SlideRect,
    /// Width and height of the image, px. Less than the tile size at the right and bottom edge.
    pub size_px: (u32, u32),
    /// The level of the slide's own pyramid that is this level, with tiles at the same places.
    pub level: Option<u32>,
    /// Whether it has the full tile size.
    pub is_whole: bool,
}

/// A slide's pyramid as DeepZoom has it, without overlap.
#[derive(Clone, Copy, Debug)]
pub struct DeepZoom<'a> {
    pyramid: &'a Pyramid,
    /// Side of a tile, px: that of the slide's own tiles where they are square, so that they can go out as they are stored.
    pub tile_px: u32,
}

impl<'a> DeepZoom<'a> {
    /// That of a slide.
    pub fn of(pyramid: &'a Pyramid) -> Self {
        let tile_px = pyramid
            .levels
            .first()
            .filter(|level| level.tile_width == level.tile_height)
            .map(|level| level.tile_width)
            .filter(|side| TILE_SIDES_PX.contains(side))
            .unwrap_or(OWN_TILE_PX);
        Self { pyramid, tile_px }
    }

    /// The level of the slide itself.
    pub fn last_level(self) -> u32 {
        let side = self.pyramid.width().max(self.pyramid.height()).max(1);
        side.next_power_of_two().trailing_zeros()
    }

    /// Width and height of a level, px.
    pub fn size_px(self, level: u32) -> Option<(u32, u32)> {
        let halvings = self.last_level().checked_sub(level)?;
        let side = |px: u32| {
            let px = u64::from(px).div_ceil(1 << halvings);
            u32::try_from(px).unwrap_or(u32::MAX)
        };
        Some((side(self.pyramid.width()), side(self.pyramid.height())))
    }

    /// What a tile shows, if there is such a tile.
    pub fn tile(self, place: Place) -> Option<Tile> {
        let (width, height) = self.size_px(place.level)?;
        let start = |index: u32, side: u32| {
            let start = index.checked_mul(self.tile_px)?;
            (start < side).then_some(start)
        };
        let (x, y) = (start(place.column, width)?, start(place.row, height)?);
        let size_px = (self.tile_px.min(width - x), self.tile_px.min(height - y));
        let scale_x = f64::from(self.pyramid.width()) / f64::from(width);
        let scale_y = f64::from(self.pyramid.height()) / f64::from(height);
        let same = |level: &domain::geometry::LevelInfo| {
            (level.width, level.height) == (width, height)
                && (level.tile_width, level.tile_height) == (self.tile_px, self.tile_px)
        };
        let level = self.pyramid.levels.iter().position(same);
        Some(Tile {
            rect: SlideRect {
                x: f64::from(x) * scale_x,
                y: f64::from(y) * scale_y,
                width: f64::from(size_px.0) * scale_x,
                height: f64::from(size_px.1) * scale_y,
            },
            size_px,
            level: level.and_then(|level| u32::try_from(level).ok()),
            is_whole: size_px == (self.tile_px, self.tile_px),
        })
    }

    /// The description that viewers start from.
    pub fn descriptor(self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image \
             xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" TileSize=\"{}\" Overlap=\"0\" Format=\"jpeg\"><Size \
             Width=\"{}\" Height=\"{}\"/></Image>\n",
            self.tile_px,
            self.pyramid.width(),
            self.pyramid.height()
        )
    }
}

#[cfg(test)]
mod tests {
    use domain::geometry::LevelInfo;

    use super::*;

    fn pyramid(levels: &[(u32, u32, u32)]) -> Pyramid {
        let level = |&(width, height, tile): &(u32, u32, u32)| LevelInfo {
            width,
            height,
            tile_width: tile,
            tile_height: tile,
        };
        Pyramid {
            levels: levels.iter().map(level).collect(),
        }
    }

    fn place(level: u32, column: u32, row: u32) -> Place {
        Place { level, column, row }
    }

    #[test]
    fn levels_halve_by_rounding_up_from_the_slide_to_one_pixel() {
        let slide = pyramid(&[(2220, 2967, 240)]);
        let grid = DeepZoom::of(&slide);
        assert_eq!(grid.last_level(), 12);
        let sizes: Vec<_> = (0..=12).rev().filter_map(|l| grid.size_px(l)).collect();
        assert_eq!(
            sizes[..4],
            [(2220, 2967), (1110, 1484), (555, 742), (278, 371)]
        );
        assert_eq!(sizes[12], (1, 1));
        assert_eq!(grid.size_px(13), None);
        for (side, last) in [(1, 0), (2, 1), (3, 2), (256, 8), (257, 9)] {
            let slide = pyramid(&[(side, 1, 240)]);
            assert_eq!(DeepZoom::of(&slide).last_level(), last, "{side}");
            assert_eq!(DeepZoom::of(&slide).size_px(0), Some((1, 1)));
        }
    }

    #[test]
    fn tiles_end_where_the_level_does() {
        let slide = pyramid(&[(2220, 2967, 240)]);
        let grid = DeepZoom::of(&slide);
        let inner = grid.tile(place(12, 3, 4)).unwrap();
        assert_eq!((inner.size_px, inner.level), ((240, 240), Some(0)));
        assert!(inner.is_whole);
        assert_eq!((inner.rect.x, inner.rect.y), (720.0, 960.0));
        let corner = grid.tile(place(12, 9, 12)).unwrap();
        assert_eq!(corner.size_px, (2220 - 9 * 240, 2967 - 12 * 240));
        assert!(!corner.is_whole);
        let corner = grid.tile(place(11, 4, 6)).unwrap();
        assert_eq!((corner.size_px, corner.level), ((150, 44), None));
        assert!((corner.rect.x + corner.rect.width - 2220.0).abs() < 1e-9);
        assert!((corner.rect.y + corner.rect.height - 2967.0).abs() < 1e-9);
        for missing in [
            place(13, 0, 0),
            place(12, 10, 0),
            place(12, 0, 13),
            place(0, 1, 0),
            place(u32::MAX, 0, 0),
            place(12, u32::MAX, 0),
        ] {
            assert_eq!(grid.tile(missing), None, "{missing:?}");
        }
    }

    #[test]
    fn only_a_level_of_just_this_size_and_grid_is_the_slides_own() {
        // The second is rounded down, the third has other tiles.
        let slide = pyramid(&[(1001, 801, 256), (500, 400, 256), (251, 201, 128)]);
        let grid = DeepZoom::of(&slide);
        let level = |level| grid.tile(place(level, 0, 0)).unwrap().level;
        assert_eq!((level(10), level(9), level(8)), (Some(0), None, None));
        let slide = pyramid(&[(1001, 801, 256), (501, 401, 256)]);
        let tile = DeepZoom::of(&slide).tile(place(9, 0, 0)).unwrap();
        assert_eq!(tile.level, Some(1));
        let oblong = Pyramid {
            levels: vec![LevelInfo {
                width: 900,
                height: 900,
                tile_width: 512,
                tile_height: 256,
            }],
        };
        assert_eq!(DeepZoom::of(&oblong).tile_px, OWN_TILE_PX);
        let tile = DeepZoom::of(&oblong).tile(place(10, 0, 0)).unwrap();
        assert_eq!(tile.level, None);
    }
}
