//! What a tile's colours alone say: the features behind the colour-only row, against which every model is shown.

use super::error::EncoderError;
use super::{EncoderInfo, TILE_BYTES, TILE_MPP, TILE_SIZE_PX};

/// What [`COLOUR`] is known by in place of weights: the hash of this sentence.
#[cfg(test)]
const DEFINITION: &str = "marrowscope colour statistics 1: mean and population standard deviation of red, green, blue, each 0 to 1";

/// Mean and standard deviation of the three colours of a tile: no texture, no shape.
pub const COLOUR: EncoderInfo = EncoderInfo {
    key: "colour",
    title: "Colour statistics",
    licence: "MIT OR Apache-2.0",
    note: "Six numbers per tile: what stain and scanner give away without any morphology.",
    weights_file: "",
    weights_sha256: "ae4b1a7ae163e1379e97c1ebd329b2cb8ae3e470be74fb1f00094c4373c1c325",
    tile_size_px: TILE_SIZE_PX,
    tile_mpp: TILE_MPP,
    dim: 6,
};

/// Features of tiles: `[n, 224, 224, 3]` bytes in, `[n, 6]` numbers out: mean of red, green, blue, then their population
/// standard deviations, each between 0 and 1.
///
/// # Errors
/// `tiles` is not a whole number of tiles.
pub fn colour_statistics(tiles: &[u8]) -> Result<Vec<f32>, EncoderError> {
    let (tiles, rest) = tiles.as_chunks::<TILE_BYTES>();
    if !rest.is_empty() {
        return Err(EncoderError::NotWholeTiles {
            bytes: tiles.len() * TILE_BYTES + rest.len(),
        });
    }
    Ok(tiles.iter().flat_map(statistics).collect())
}

fn statistics(tile: &[u8; TILE_BYTES]) -> [f32; 6] {
    let (mut sums, mut squares) = ([0_u64; 3], [0_u64; 3]);
    for pixel in tile.as_chunks::<3>().0 {
        for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(pixel) {
            let value = u64::from(value);
            *sum += value;
            *square += value * value;
        }
    }
    let n = (TILE_BYTES / 3) as f64;
    let mean = sums.map(|sum| sum as f64 / n);
    let [red, green, blue] = mean;
    let spread = |channel: usize| {
        // Exact integers: the difference cannot be below zero by more than a rounding.
        let variance = squares[channel] as f64 / n - mean[channel] * mean[channel];
        variance.max(0.0).sqrt()
    };
    [red, green, blue, spread(0), spread(1), spread(2)].map(|value| (value / 255.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn half_black_half_red_has_the_mean_and_spread_of_that() {
        let mut tile = [0_u8; TILE_BYTES];
        for pixel in tile.as_chunks_mut::<3>().0.iter_mut().step_by(2) {
            *pixel = [255, 0, 51];
        }
        let features = colour_statistics(&tile).unwrap();
        let expected = [0.5, 0.0, 0.1, 0.5, 0.0, 0.1];
        for (found, expected) in features.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{features:?}");
        }
        assert!(colour_statistics(&tile[1..]).is_err());
        assert!(colour_statistics(&[]).unwrap().is_empty());
    }

    #[test]
    fn the_definition_is_the_one_that_the_hash_names() {
        let hash = Sha256::digest(DEFINITION.as_bytes());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, COLOUR.weights_sha256);
    }
}
