//! Regions of a slide at any scale.

use domain::geometry::{SlideRect, TileGrid};
use image::RgbImage;

use crate::error::SlideError;
use crate::resample::{LevelSize, Window, resample};
use crate::slide::Slide;
use crate::source::LevelRect;

/// Most pixels of a region: 192 MB.
const MAX_REGION_PX: u64 = 1 << 26;
/// Most level pixels read for one region: minutes of decoding. More is a lie in a header, or a slide without a pyramid.
const MAX_SOURCE_PX: f64 = (1u64 << 34) as f64;
/// Farthest coordinate that makes sense; no slide is a hundredth as large.
const MAX_COORDINATE_PX: f64 = 1e10;

impl Slide {
    /// Draws a rectangle of the slide as an image of `size_px` (width, height).
    ///
    /// Starts from the coarsest stored level that still has all the detail wanted; area average down, bilinear up. Outside the
    /// slide all is white. Memory is bounded by the image asked for, not by the slide. Blocks; not for async threads.
    ///
    /// # Errors
    /// [`SlideError::InvalidRegion`] when the rectangle is empty or not finite or the image is empty or larger than
    /// 67 million px; [`SlideError::Read`] when a part of the file is damaged.
    pub fn region(&self, rect: SlideRect, size_px: (u32, u32)) -> Result<RgbImage, SlideError> {
        let scale_x = rect.width / f64::from(size_px.0);
        let scale_y = rect.height / f64::from(size_px.1);
        let scale = scale_x.min(scale_y);
        let level = self.pyramid.level_for(scale);
        // Drawn from a synthesised level of nearly its own scale, a region would be smoothed twice.
        let smoothed = self.pyramid.downsample(self.overview_level());
        let detailed =
            level < self.stored_levels || smoothed.is_some_and(|(x, y)| scale >= 2.0 * x.max(y));
        let level = if detailed {
            level
        } else {
            self.stored_levels - 1
        };
        self.region_from_level(level, rect, size_px)
    }

    /// The whole slide, its longer side `max_side_px` long; never enlarged.
    ///
    /// # Errors
    /// As [`Slide::region`].
    pub fn thumbnail(&self, max_side_px: u32) -> Result<RgbImage, SlideError> {
        let bounds = self.pyramid.bounds();
        let scale = (f64::from(max_side_px) / bounds.width.max(bounds.height)).min(1.0);
        let side = |slide_px: f64| (slide_px * scale).round().max(1.0) as u32;
        self.region(bounds, (side(bounds.width), side(bounds.height)))
    }

    /// What an encoder sees of a tile: its rectangle as a square of `size_px`.
    ///
    /// # Errors
    /// As [`Slide::region`]; [`SlideError::InvalidRegion`] when the grid has no such tile.
    pub fn tile_region(
        &self,
        grid: &TileGrid,
        tile: usize,
        size_px: u32,
    ) -> Result<RgbImage, SlideError> {
        let rect = grid.rect(tile).ok_or_else(|| SlideError::InvalidRegion {
            reason: format!("the grid has {} tiles, there is no tile {tile}", grid.len()),
        })?;
        self.region(rect, (size_px, size_px))
    }

    /// As [`Slide::region`], from a level that was chosen.
    pub(crate) fn region_from_level(
        &self,
        level: usize,
        rect: SlideRect,
        size_px: (u32, u32),
    ) -> Result<RgbImage, SlideError> {
        check(rect, size_px)?;
        let overview_level = self.overview_level();
        if level < self.stored_levels || level < overview_level {
            let stored = level.min(self.stored_levels - 1);
            return self.draw(stored, rect, size_px, |part| self.source.read(stored, part));
        }
        let overview = self.overview(|| {
            let info = self.pyramid.levels[overview_level];
            let stored = self.stored_levels - 1;
            self.draw(
                stored,
                self.pyramid.bounds(),
                (info.width, info.height),
                |part| self.source.read(stored, part),
            )
        })?;
        self.draw(overview_level, rect, size_px, |part| {
            let LevelRect {
                x,
                y,
                width,
                height,
            } = part;
            Ok(image::imageops::crop_imm(&*overview, x, y, width, height).to_image())
        })
    }

    fn draw(
        &self,
        level: usize,
        rect: SlideRect,
        size_px: (u32, u32),
        read: impl FnMut(LevelRect) -> Result<RgbImage, SlideError>,
    ) -> Result<RgbImage, SlideError> {
        let info = self.pyramid.levels[level];
        let (scale_x, scale_y) = self.pyramid.downsample(level).unwrap_or((1.0, 1.0));
        let window = Window {
            x: rect.x / scale_x,
            y: rect.y / scale_y,
            width: rect.width / scale_x,
            height: rect.height / scale_y,
        };
        let inside = |start: f64, extent: f64, size: u32| {
            let (start, end) = (start.max(0.0), (start + extent).min(f64::from(size)));
            (end - start).max(0.0)
        };
        let source_px = inside(window.x, window.width, info.width)
            * inside(window.y, window.height, info.height);
        if source_px > MAX_SOURCE_PX {
            return Err(SlideError::InvalidRegion {
                reason: format!(
                    "{source_px:.0} px of level {level} would have to be read; the slide lacks coarser levels"
                ),
            });
        }
        let size = LevelSize {
            width: info.width,
            height: info.height,
            tile_height: info.tile_height,
        };
        resample(size, window, size_px, read)
    }
}

fn check(rect: SlideRect, (width, height): (u32, u32)) -> Result<(), SlideError> {
    let invalid = |reason: String| Err(SlideError::InvalidRegion { reason });
    let SlideRect {
        x,
        y,
        width: w,
        height: h,
    } = rect;
    let sensible = |value: f64| value.abs() <= MAX_COORDINATE_PX;
    if ![x, y, w, h].into_iter().all(sensible) || w <= 0.0 || h <= 0.0 {
        return invalid(format!(
            "{w}×{h} slide px at ({x}, {y}) is no rectangle of a slide"
        ));
    }
    let pixels = u64::from(width) * u64::from(height);
    if !(1..=MAX_REGION_PX).contains(&pixels) {
        return invalid(format!(
            "an image of {width}×{height} px; it has 1 to {MAX_REGION_PX} px"
        ));
    }
    Ok(())
}
