//! Pyramid tiles: where each lies, and what it takes. No browser in here.

use domain::geometry::{Pyramid, SlideRect};

/// A pyramid tile by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// Level, 0 = full resolution.
    pub level: u32,
    /// Column in the level.
    pub column: u32,
    /// Row in the level.
    pub row: u32,
}

/// The edges of a pyramid tile in slide px, the same bits for two tiles that share one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Bottom edge.
    pub bottom: f64,
}

impl Edges {
    /// The same as a rectangle.
    #[must_use]
    pub fn rect(&self) -> SlideRect {
        SlideRect {
            x: self.left,
            y: self.top,
            width: self.right - self.left,
            height: self.bottom - self.top,
        }
    }
}

/// The edges of a tile; `None` when it is not there.
#[must_use]
pub fn edges(pyramid: &Pyramid, key: TileKey) -> Option<Edges> {
    let info = pyramid.levels.get(key.level as usize)?;
    if key.column >= info.columns() || key.row >= info.rows() {
        return None;
    }
    let (scale_x, scale_y) = pyramid.downsample(key.level as usize)?;
    let x = |column: u32| f64::from((column * info.tile_width).min(info.width)) * scale_x;
    let y = |row: u32| f64::from((row * info.tile_height).min(info.height)) * scale_y;
    Some(Edges {
        left: x(key.column),
        top: y(key.row),
        right: x(key.column + 1),
        bottom: y(key.row + 1),
    })
}

/// Width and height of what a tile shows, px of its level: edge tiles are stored larger than that.
#[must_use]
pub fn pixels(pyramid: &Pyramid, key: TileKey) -> Option<(u32, u32)> {
    let info = pyramid.levels.get(key.level as usize)?;
    if key.column >= info.columns() || key.row >= info.rows() {
        return None;
    }
    Some((
        info.tile_width
            .min(info.width - key.column * info.tile_width),
        info.tile_height
            .min(info.height - key.row * info.tile_height),
    ))
}

/// Whether the tiles of a level are ever drawn at less than half their size, and so need smaller copies of themselves: the
/// next level is much coarser, or there is none.
#[must_use]
pub fn needs_mipmaps(pyramid: &Pyramid, level: u32) -> bool {
    let scale = |level: usize| pyramid.downsample(level).map(|(x, y)| x.max(y));
    match (scale(level as usize), scale(level as usize + 1)) {
        (Some(own), Some(next)) => next / own > 2.1,
        _ => true,
    }
}

/// Bytes of a texture with its mipmaps.
#[must_use]
pub fn texture_bytes(width: u32, height: u32) -> usize {
    width as usize * height as usize * 16 / 3
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::geometry::LevelInfo;

    pub fn pyramid() -> Pyramid {
        let level = |width, height| LevelInfo {
            width,
            height,
            tile_width: 240,
            tile_height: 240,
        };
        Pyramid {
            levels: vec![
                level(46_000, 32_914),
                level(11_500, 8_228),
                level(2_875, 2_057),
            ],
        }
    }

    #[test]
    fn neighbours_share_their_edges_to_the_bit() {
        let pyramid = pyramid();
        for level in 0..3 {
            for column in 0..10 {
                let key = |column| TileKey {
                    level,
                    column,
                    row: 3,
                };
                let (left, right) = (
                    edges(&pyramid, key(column)).unwrap(),
                    edges(&pyramid, key(column + 1)).unwrap(),
                );
                assert_eq!(left.right.to_bits(), right.left.to_bits());
            }
        }
        assert_eq!(
            edges(
                &pyramid,
                TileKey {
                    level: 0,
                    column: 192,
                    row: 0
                }
            ),
            None
        );
        let last = edges(
            &pyramid,
            TileKey {
                level: 1,
                column: 47,
                row: 34,
            },
        )
        .unwrap();
        assert!((last.right - 46_000.0).abs() < 1e-6 && (last.bottom - 32_914.0).abs() < 1e-6);
        assert_eq!(
            pixels(
                &pyramid,
                TileKey {
                    level: 1,
                    column: 47,
                    row: 34
                }
            ),
            Some((11_500 - 47 * 240, 8_228 - 34 * 240))
        );
    }

    #[test]
    fn only_levels_with_a_wide_step_below_need_smaller_copies() {
        let level = |side| LevelInfo {
            width: side,
            height: side,
            tile_width: 256,
            tile_height: 256,
        };
        let pyramid = Pyramid {
            levels: [4001, 2001, 501].map(level).to_vec(),
        };
        let needs = [0, 1, 2].map(|level| needs_mipmaps(&pyramid, level));
        assert_eq!(needs, [false, true, true]);
    }
}
