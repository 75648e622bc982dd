//! The slides that tiles are taken from.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process::Checked;
use crate::workspace::Workspace;
use crate::{assets, made, python};

const REQUIREMENTS: &str = "xtask/bench/requirements-tiles.txt";

/// The Python of the environment that rivals of slides live in, with all that they need.
pub fn python(workspace: &Workspace) -> Result<PathBuf> {
    let python = python::virtual_environment(&workspace.target.join("bench-venv"))?;
    python::install(&python, &workspace.root.join(REQUIREMENTS))?;
    Ok(python)
}

/// The sample slide: 2,220 × 2,967 px in tiles of 240 px.
pub fn sample(workspace: &Workspace) -> Result<PathBuf> {
    let folder = assets::folder(&workspace.data_dir())?;
    assets::ensure(workspace, &folder)?;
    Ok(folder.join("cmu_small_region.svs"))
}

/// A slide of 50,000 px square, JPEG in tiles of 512 px with all levels, as large as those of a clinic.
pub fn large(workspace: &Workspace) -> Result<PathBuf> {
    let file = file(workspace, "slide.tif");
    made::drawn(workspace, "bench_slide", &file)?;
    Ok(file)
}

/// A slide of 8,192 px square in Aperio's JPEG 2000, tiles of 256 px, all levels.
pub fn jpeg_2000(workspace: &Workspace) -> Result<PathBuf> {
    of_sample(workspace, "jpeg2000", "jpeg2000.tif")
}

/// A slide of 8,192 px square, JPEG in tiles of 512 px, that has only its full resolution.
pub fn flat(workspace: &Workspace) -> Result<PathBuf> {
    of_sample(workspace, "flat", "flat.tif")
}

/// A slide of 16,384 px square, JPEG in tiles of 512 px, whose pyramid ends with its second level, of 8,192 px.
pub fn two_levels(workspace: &Workspace) -> Result<PathBuf> {
    of_sample(workspace, "two_levels", "two_levels.tif")
}

/// A JPEG image of 4,096 px square, which is looked at as it is: 50 MB decoded.
pub fn picture(workspace: &Workspace) -> Result<PathBuf> {
    of_sample(workspace, "picture", "picture.jpg")
}

/// Has `xtask/bench/slides.py` make a slide of the sample's pixels.
fn of_sample(workspace: &Workspace, kind: &str, name: &str) -> Result<PathBuf> {
    let file = file(workspace, name);
    let sources = ["xtask/bench/slides.py", REQUIREMENTS];
    made::ensure(&workspace.root, &file, &sources, |file| {
        Command::new(python(workspace)?)
            .arg(workspace.root.join("xtask/bench/slides.py"))
            .arg(kind)
            .arg(sample(workspace)?)
            .arg(file)
            .output_checked()
    })?;
    Ok(file)
}

fn file(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target.join("bench").join(name)
}

/// Shuffles by a seed, the same on every machine (Fisher and Yates, with numbers of SplitMix64).
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = state;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        // Of a few thousand items none is preferred by more than one in 10^15.
        items.swap(last, (number % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_all_items_and_is_the_same_for_the_same_seed() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..100).collect();
            shuffle(&mut items, seed);
            items
        };
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
        let mut sorted = shuffled(1);
        assert_ne!(sorted, (0..100).collect::<Vec<_>>());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        shuffle::<u32>(&mut [], 1);
    }
}
