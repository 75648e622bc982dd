//! Lays the tile grid of a slide and encodes its tiles with every encoder: regions are read in order on a thread of their
//! own, batches are encoded, rows are appended to a part file that survives a kill.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use domain::geometry::TileGrid;
use domain::ids::GridId;
use model::encoder::{EncoderInfo, TILE_BYTES, TILE_MPP, TILE_SIZE_PX, colour_statistics};
use sha2::{Digest, Sha256};
use slide::{Slide, SlideError};
use store::SpotRow;
use store::files::FileError;

use super::{Hopeless, JobContext};
use crate::cohorts;
use crate::device::Device;
use crate::slide_file;

/// Tiles whose colours are counted at a time: a few milliseconds.
const COLOUR_BATCH: usize = 16;

/// Encodes every spot of a slide.
pub fn run(context: &JobContext, code: &str) -> anyhow::Result<()> {
    let file = context.wait(context.store().slide_file(code))?;
    let opened = slide_file::open(context.store(), context.files(), &file);
    let slide = context.wait(opened).map_err(|error| {
        if error.is_of_the_file() {
            Hopeless(error.to_string()).into()
        } else {
            anyhow::Error::new(error)
        }
    })?;
    let encoders = context.wait(cohorts::ensure_encoders(context.store()))?;
    let spots = context.wait(context.store().spots(file.id))?;
    // All grids first: the total is known before the first tile is encoded.
    let mut grids = Vec::with_capacity(spots.len());
    for spot in &spots {
        context.steps.go_on()?;
        grids.push(grid_of(context, &slide, spot)?);
    }
    let total = grids.iter().map(|(_, grid)| grid.len()).sum();
    let slide = Arc::new(slide);
    for (id, info) in encoders {
        let kept = context.wait(context.store().bags(file.id, id))?;
        let mut before = 0;
        for (spot, (grid_id, grid)) in spots.iter().zip(&grids) {
            if !kept.iter().any(|bag| bag.grid == *grid_id) {
                let mut key = Sha256::new();
                key.update(file.sha256.as_bytes());
                key.update(serde_json::to_vec(&**grid)?);
                key.update(info.weights_sha256.as_bytes());
                let name = format!("bags/{code}-{}-{}.bag", spot.number, info.key);
                let key = key.finalize().into();
                let stored = encode_spot(context, &slide, grid, info, &name, key, (before, total))?;
                context.wait(context.store().put_bag(
                    *grid_id,
                    id,
                    &stored,
                    grid.len() as u64,
                    info.dim as u32,
                ))?;
            }
            before += grid.len();
        }
    }
    Ok(())
}

/// The tile grid of a spot, laid if it is not there yet.
fn grid_of(
    context: &JobContext,
    slide: &Slide,
    spot: &SpotRow,
) -> anyhow::Result<(GridId, Arc<TileGrid>)> {
    if let Some((id, grid)) =
        context.wait(context.store().grid(spot.id, TILE_SIZE_PX as u32, TILE_MPP))?
    {
        return Ok((id, Arc::new(grid)));
    }
    let mask = slide.tissue_mask()?;
    let grid = mask.tile_grid(TILE_SIZE_PX as u32, TILE_MPP)?;
    let id = context.wait(context.store().put_grid(
        spot.id,
        TILE_SIZE_PX as u32,
        TILE_MPP,
        &grid,
    ))?;
    Ok((id, Arc::new(grid)))
}

fn encode_spot(
    context: &JobContext,
    slide: &Arc<Slide>,
    grid: &Arc<TileGrid>,
    info: &EncoderInfo,
    name: &str,
    key: [u8; 32],
    (before, total): (usize, usize),
) -> anyhow::Result<store::files::Stored> {
    // Colours are counted where they are read.
    let device = match info.weights_file {
        "" => None,
        _ => Some(context.device()?),
    };
    let mut writer = context
        .files()
        .bag_writer(name, key, info.dim as u32, grid.len() as u64)?;
    let first = usize::try_from(writer.rows()).context("the part file is too long")?;
    context.steps.at(before + first, total)?;
    let batch = device.as_ref().map_or(COLOUR_BATCH, Device::batch_tiles);
    let (batches, incoming) = sync_channel(2);
    let reader = {
        let (slide, grid) = (slide.clone(), grid.clone());
        std::thread::Builder::new()
            .name("read tiles".into())
            .spawn(move || {
                for start in (first..grid.len()).step_by(batch) {
                    let end = (start + batch).min(grid.len());
                    // The writer has stopped: nobody wants more.
                    if batches.send(read_tiles(&slide, &grid, start..end)).is_err() {
                        return;
                    }
                }
            })?
    };
    let mut done = first;
    for pixels in incoming {
        let pixels: Vec<u8> = pixels.map_err(unread)?;
        let tiles = pixels.len() / TILE_BYTES;
        let features = match &device {
            None => colour_statistics(&pixels)?,
            Some(device) => device.run_blocking(move |encoder| encoder.encode(&pixels))??,
        };
        writer.append(&features).map_err(lasting)?;
        done += tiles;
        context.steps.at(before + done, total)?;
    }
    reader
        .join()
        .map_err(|_| anyhow!("reading tiles broke off: a fault of the program"))?;
    Ok(writer.finish()?)
}

/// A tile that cannot be read today cannot be read tomorrow, unless other files were in the way.
fn unread(error: SlideError) -> anyhow::Error {
    match error {
        SlideError::TooManyOpenFiles => error.into(),
        other => Hopeless(other.to_string()).into(),
    }
}

/// What is wrong with the features stays wrong; a full disk does not.
fn lasting(error: FileError) -> anyhow::Error {
    match error {
        FileError::NotFinite { .. } => Hopeless(error.to_string()).into(),
        other => other.into(),
    }
}

fn read_tiles(
    slide: &Slide,
    grid: &TileGrid,
    tiles: std::ops::Range<usize>,
) -> Result<Vec<u8>, SlideError> {
    let mut pixels = Vec::with_capacity(tiles.len() * TILE_BYTES);
    for tile in tiles {
        pixels.extend_from_slice(slide.tile_region(grid, tile, TILE_SIZE_PX as u32)?.as_raw());
    }
    Ok(pixels)
}
