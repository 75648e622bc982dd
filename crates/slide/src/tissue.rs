//! Where a slide has tissue, and the tile grid over it.
//!
//! Glass is light and without colour, so is fat, and fat is tissue in marrow. So what is stained is found first, then gaps
//! up to 100 µm are closed and enclosed holes up to 0.1 mm² filled (DESIGN: "tile").

mod morphology;
mod stain;
mod stain_vectors;

use domain::geometry::{Mpp, SlideRect, TileGrid};
use image::RgbImage;

use crate::error::SlideError;
use crate::slide::Slide;
use morphology::{close_gaps, fill_holes, remove_specks};

/// Resolution at which tissue is sought: fat cells are a few pixels across, a slide a few megapixels.
const MASK_UM_PER_PX: f64 = 8.0;
/// Most pixels of a mask; a larger slide gets a coarser one.
const MAX_MASK_PX: f64 = 16e6;
/// Gaps up to this wide are closed: a fat cell is up to 100 µm across.
const CLOSED_GAP_UM: f64 = 100.0;
/// Enclosed holes up to this large are filled.
const FILLED_HOLE_UM2: f64 = 0.1e6;
/// Islands smaller than this are dust: half a tile of 224 px at 0.5 µm/px.
const SMALLEST_ISLAND_UM2: f64 = 6.0e3;
/// A tile counts when this share of it is tissue.
const TILE_SHARE: f64 = 0.5;
/// Most cells of a grid.
const MAX_CELLS: f64 = 16e6;

/// Which parts of a slide are tissue, at about 8 µm per pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct TissueMask {
    width: u32,
    height: u32,
    /// Row by row.
    tissue: Vec<bool>,
    slide_width: f64,
    slide_height: f64,
    mpp: Mpp,
}

impl Slide {
    /// Finds the tissue of the slide.
    ///
    /// # Errors
    /// [`SlideError::Read`] when a part of the file is damaged.
    pub fn tissue_mask(&self) -> Result<TissueMask, SlideError> {
        let thumbnail = self.mask_thumbnail()?;
        let bounds = self.pyramid().bounds();
        Ok(TissueMask::of_thumbnail(&thumbnail, bounds, self.mpp()))
    }

    /// The whole slide at the resolution at which tissue is sought.
    fn mask_thumbnail(&self) -> Result<RgbImage, SlideError> {
        let bounds = self.pyramid().bounds();
        let mpp = self.mpp();
        let (um_x, um_y) = (bounds.width * mpp.x, bounds.height * mpp.y);
        let um_per_px = MASK_UM_PER_PX
            .max((um_x * um_y / MAX_MASK_PX).sqrt())
            .max(mpp.x)
            .max(mpp.y);
        let side = |um: f64| (um / um_per_px).round().max(1.0) as u32;
        self.region(bounds, (side(um_x), side(um_y)))
    }
}

impl TissueMask {
    /// Finds the tissue in an image of the whole slide, whose level 0 has the `bounds` and resolution given.
    #[must_use]
    pub fn of_thumbnail(thumbnail: &RgbImage, bounds: SlideRect, mpp: Mpp) -> Self {
        let (width, height) = thumbnail.dimensions();
        let um_per_px_x = bounds.width * mpp.x / f64::from(width);
        let um_per_px_y = bounds.height * mpp.y / f64::from(height);
        let um_per_px = f64::midpoint(um_per_px_x, um_per_px_y);
        let px_from_um2 = |um2: f64| um2 / (um_per_px_x * um_per_px_y);

        let stained = stain::stained(thumbnail);
        let size = (width as usize, height as usize);
        // Half a pixel more: a gap of 100 µm is drawn up to a pixel wider.
        let closed = close_gaps(&stained, size, CLOSED_GAP_UM / 2.0 / um_per_px + 0.5);
        let filled = fill_holes(closed, size, px_from_um2(FILLED_HOLE_UM2));
        let tissue = remove_specks(filled, size, px_from_um2(SMALLEST_ISLAND_UM2));
        Self {
            width,
            height,
            tissue,
            slide_width: bounds.width,
            slide_height: bounds.height,
            mpp,
        }
    }

    /// Size of the mask, px.
    #[must_use]
    pub fn size_px(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Whether there is tissue at a point of the slide.
    #[must_use]
    pub fn is_tissue(&self, x: f64, y: f64) -> bool {
        let column = (x / self.slide_width * f64::from(self.width)).floor();
        let row = (y / self.slide_height * f64::from(self.height)).floor();
        (0.0..f64::from(self.width)).contains(&column)
            && (0.0..f64::from(self.height)).contains(&row)
            && self.tissue[row as usize * self.width as usize + column as usize]
    }

    /// Share of the slide that is tissue, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        let tissue = self.tissue.iter().filter(|&&tissue| tissue).count();
        tissue as f64 / self.tissue.len().max(1) as f64
    }

    /// Area of tissue, mm².
    #[must_use]
    pub fn area_mm2(&self) -> f64 {
        self.share() * self.slide_width * self.mpp.x * self.slide_height * self.mpp.y * 1e-6
    }

    /// Share of a rectangle of the slide that is tissue, 0 to 1; outside the slide is none.
    #[must_use]
    pub fn coverage(&self, rect: SlideRect) -> f64 {
        let columns = shares(rect.x, rect.width, self.slide_width, self.width);
        let mut covered = 0.0;
        for (row, row_share) in shares(rect.y, rect.height, self.slide_height, self.height) {
            let row = &self.tissue[row * self.width as usize..][..self.width as usize];
            let row_covered: f64 = columns
                .clone()
                .filter(|&(column, _)| row[column])
                .map(|(_, share)| share)
                .sum();
            covered += row_share * row_covered;
        }
        covered
    }

    /// Lays square tiles of `tile_size_px` at `um_per_px` side by side over the slide and keeps those that are at least
    /// half tissue.
    ///
    /// Only whole tiles are laid, in the middle of the slide: what is left over at the edges is shared by both sides.
    ///
    /// # Errors
    /// [`SlideError::InvalidRegion`] when the tiles are too small to be numbered.
    pub fn tile_grid(&self, tile_size_px: u32, um_per_px: f64) -> Result<TileGrid, SlideError> {
        let tile_um = f64::from(tile_size_px) * um_per_px;
        let (size_x, size_y) = (tile_um / self.mpp.x, tile_um / self.mpp.y);
        let columns = (self.slide_width / size_x).floor();
        let rows = (self.slide_height / size_y).floor();
        if !(size_x > 0.0 && size_y > 0.0 && columns * rows <= MAX_CELLS) {
            return Err(SlideError::InvalidRegion {
                reason: format!(
                    "tiles of {tile_size_px} px at {um_per_px} µm/px are too small for this slide"
                ),
            });
        }
        let mut grid = TileGrid {
            origin_x: (self.slide_width - columns * size_x) / 2.0,
            origin_y: (self.slide_height - rows * size_y) / 2.0,
            step_x: size_x,
            step_y: size_y,
            size_x,
            size_y,
            columns: columns as u32,
            rows: rows as u32,
            present: Vec::new(),
        };
        grid.present = (0..grid.columns * grid.rows)
            .filter(|&cell| self.coverage(grid.cell_rect(cell)) >= TILE_SHARE - 1e-9)
            .collect();
        Ok(grid)
    }
}

/// The mask pixels that a span of the slide touches along one axis, each with its share of the span.
fn shares(
    start: f64,
    extent: f64,
    slide_extent: f64,
    mask_px: u32,
) -> impl Iterator<Item = (usize, f64)> + Clone {
    let scale = f64::from(mask_px) / slide_extent;
    let (from, to) = (start * scale, (start + extent) * scale);
    let first = from.clamp(0.0, f64::from(mask_px)) as usize;
    let last = to.clamp(0.0, f64::from(mask_px)).ceil() as usize;
    (first..last).map(move |pixel| {
        let overlap = (pixel as f64 + 1.0).min(to) - (pixel as f64).max(from);
        (pixel, overlap.max(0.0) / (to - from))
    })
}
