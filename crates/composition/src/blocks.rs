//! How a slide is cut into regions that fit into memory.

use domain::geometry::{Mpp, SlideRect};

use crate::error::CompositionError;

/// Resolution at which regions are analysed, unless the slide is coarser.
pub const WORKING_UM_PER_PX: f64 = 0.5;
/// How much of the slide around its core a region shows: more than a nucleus reaches, and most of a fat cell.
pub const MARGIN_UM: f64 = 64.0;
/// Side of a core, px.
const CORE_PX: f64 = 1536.0;

/// A region to be read and the part of it that is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// What is counted; the cores of a slide lie side by side and cover it.
    pub core: SlideRect,
    /// What is read.
    pub rect: SlideRect,
    /// Width to read it at, px.
    pub width: u32,
    /// Height to read it at, px.
    pub height: u32,
}

/// The resolution at which a slide is analysed, µm/px.
#[must_use]
pub fn working_um_per_px(mpp: Mpp) -> f64 {
    WORKING_UM_PER_PX.max(mpp.mean())
}

/// Cuts an area of a slide into blocks, row by row.
///
/// # Errors
/// [`CompositionError::Place`] when the area is no rectangle, [`CompositionError::Resolution`] when the slide is too coarse
/// or its resolution is not one that a slide can have.
pub fn blocks(bounds: SlideRect, mpp: Mpp) -> Result<Vec<Block>, CompositionError> {
    let um_per_px = working_um_per_px(mpp);
    if !mpp.is_plausible() || um_per_px > 1.0 {
        return Err(CompositionError::Resolution {
            um_per_px: mpp.mean(),
        });
    }
    let is_side = |side: f64| (1.0..=1e7).contains(&side);
    if !is_side(bounds.width) || !is_side(bounds.height) || !(bounds.x + bounds.y).is_finite() {
        return Err(CompositionError::Place);
    }
    let across = spans(bounds.x, bounds.width, um_per_px, mpp.x);
    let down = spans(bounds.y, bounds.height, um_per_px, mpp.y);
    let block = |column: &Span, row: &Span| Block {
        core: SlideRect {
            x: column.core.0,
            y: row.core.0,
            width: column.core.1,
            height: row.core.1,
        },
        rect: SlideRect {
            x: column.whole.0,
            y: row.whole.0,
            width: column.whole.1,
            height: row.whole.1,
        },
        width: column.px,
        height: row.px,
    };
    Ok(down
        .iter()
        .flat_map(|row| across.iter().map(move |column| block(column, row)))
        .collect())
}

/// Start and length of a block along one axis, slide px.
struct Span {
    core: (f64, f64),
    whole: (f64, f64),
    px: u32,
}

fn spans(start: f64, length: f64, um_per_px: f64, slide_um_per_px: f64) -> Vec<Span> {
    let slide_per_px = um_per_px / slide_um_per_px;
    let step = CORE_PX * slide_per_px;
    // In whole pixels, so that those of neighbouring blocks coincide.
    let margin = (MARGIN_UM / um_per_px).ceil() * slide_per_px;
    let count = (length / step).ceil().max(1.0) as usize;
    (0..count)
        .map(|number| {
            let from = number as f64 * step;
            let to = (from + step).min(length);
            let (left, right) = ((from - margin).max(0.0), (to + margin).min(length));
            Span {
                core: (start + from, to - from),
                whole: (start + left, right - left),
                px: ((right - left) / slide_per_px).round().max(1.0) as u32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_the_slide_once_and_regions_show_what_is_around() {
        let bounds = SlideRect {
            x: 100.0,
            y: 50.0,
            width: 7000.0,
            height: 2000.0,
        };
        let blocks = blocks(bounds, Mpp::square(0.25)).unwrap();
        assert_eq!(blocks.len(), 3);
        let area: f64 = blocks
            .iter()
            .map(|block| block.core.width * block.core.height)
            .sum();
        assert_eq!(area, 14_000_000.0);
        assert_eq!(blocks[1].rect.x, 100.0 + 3072.0 - 256.0);
        assert_eq!((blocks[1].width, blocks[1].height), (1536 + 256, 1000));
    }

    #[test]
    fn a_slide_that_is_too_coarse_or_has_no_area_is_refused() {
        let bounds = |width: f64| SlideRect {
            x: 0.0,
            y: 0.0,
            width,
            height: 10.0,
        };
        for mpp in [2.0, 0.0, f64::NAN, 1e9] {
            assert!(matches!(
                blocks(bounds(10.0), Mpp::square(mpp)),
                Err(CompositionError::Resolution { .. })
            ));
        }
        for width in [0.0, -5.0, f64::NAN, 1e30] {
            assert_eq!(
                blocks(bounds(width), Mpp::square(0.5)),
                Err(CompositionError::Place)
            );
        }
    }
}
