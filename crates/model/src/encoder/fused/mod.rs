//! The network on the CPU, a band of rows through a whole block at a time.
//!
//! Run layer by layer, EfficientNet-Lite0 writes 27 MB of activations per tile to memory and reads them back, several
//! times over where bias, ReLU6 and padding are passes of their own: memory, not arithmetic, sets the speed. Here the
//! rows of a block that belong together (expanded, depthwise, projected) stay in the second-level cache, bias and
//! ReLU6 happen in registers, and padding is a border of zeros that is written once. A tile is one thread's work, so
//! that no thread waits for another and a batch of any size uses all threads.
//!
//! Values lie pixel by pixel (height, width, channels) with the channels padded by zeros to a multiple of
//! [`CHANNEL_BLOCK`].

mod depthwise;
mod pointwise;

use std::sync::{Mutex, PoisonError};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

pub(crate) use self::pointwise::Lanes;

use self::depthwise::Depthwise;
use self::pointwise::{After, Pointwise, Span};
use super::architecture::{Architecture, Block, SamePadding};
use super::folded::FoldedNetwork;

/// Channels are padded to a multiple of this: the floats of the widest vector register, and of every narrower one.
const CHANNEL_BLOCK: usize = 16;
/// What the expanded rows of a band may take, so that they and the weights that meet them stay in a second-level cache.
const BAND_BYTES: usize = 384 * 1024;

fn padded_channels(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_BLOCK)
}

/// The folded network with its weights packed for this machine's vector registers.
pub(crate) struct FusedNetwork {
    architecture: Architecture,
    simd: Arch,
    blocks: Vec<FusedBlock>,
    head: Pointwise,
    /// Working memory, one per thread that has ever encoded: taken for a tile, given back after it.
    idle_scratch: Mutex<Vec<Scratch>>,
}

/// One block, its first convolution either its own expansion or the stem.
struct FusedBlock {
    shape: Block,
    first: FirstConvolution,
    depthwise: Depthwise,
    project: Pointwise,
    /// Output rows per band.
    band_rows: usize,
}

enum FirstConvolution {
    /// The network's stem, computed from the pixels by the rows that the first block needs.
    Stem(Pointwise),
    Expand(Pointwise),
}

/// Working memory of one thread.
struct Scratch {
    /// What comes into a block and what goes out, `[size, size, channels]`.
    input: Vec<f32>,
    output: Vec<f32>,
    /// Rows of a band after the first convolution, with the depthwise padding around them.
    expanded: Vec<f32>,
    /// Rows of a band after the depthwise convolution; the pixels of the stem, each with its neighbours.
    depthwise: Vec<f32>,
    gathered: Vec<f32>,
}

impl FusedNetwork {
    /// Packs the weights.
    pub(crate) fn new(network: &FoldedNetwork) -> Self {
        Self::with(Arch::new(), BAND_BYTES, network)
    }

    /// Packs the weights for the given vector registers and bands of at most the given size, or of one row.
    pub(crate) fn with(simd: Arch, band_bytes: usize, network: &FoldedNetwork) -> Self {
        let blocks = network
            .architecture
            .blocks
            .iter()
            .zip(&network.blocks)
            .map(|(shape, folded)| FusedBlock {
                band_rows: band_rows(shape, band_bytes),
                shape: *shape,
                first: match &folded.expand {
                    Some(expand) => FirstConvolution::Expand(Pointwise::pack(simd, expand)),
                    None => FirstConvolution::Stem(Pointwise::pack_gathered(simd, &network.stem)),
                },
                depthwise: Depthwise::pack(&folded.depthwise),
                project: Pointwise::pack(simd, &folded.project),
            })
            .collect();
        Self {
            simd,
            blocks,
            head: Pointwise::pack(simd, &network.head),
            architecture: network.architecture.clone(),
            idle_scratch: Mutex::new(Vec::new()),
        }
    }

    /// Features `[n, dim]` of the tiles `[n, size, size, 3]`, on the threads of the rayon pool of the caller.
    pub(crate) fn encode(&self, tiles: &[u8]) -> Vec<f32> {
        let count = tiles.len() / self.architecture.tile_bytes();
        let mut features = vec![0.0; count * self.architecture.dim];
        tiles
            .par_chunks_exact(self.architecture.tile_bytes())
            .zip(features.par_chunks_exact_mut(self.architecture.dim))
            .for_each(|(tile, features)| {
                let idle = || {
                    self.idle_scratch
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                };
                let taken = idle().pop();
                let mut scratch =
                    taken.unwrap_or_else(|| Scratch::new(&self.architecture, &self.blocks));
                self.simd.dispatch(EncodeTile {
                    network: self,
                    tile,
                    features,
                    scratch: &mut scratch,
                });
                idle().push(scratch);
            });
        features
    }
}

/// One tile through the network, compiled once for every kind of vector register.
struct EncodeTile<'a> {
    network: &'a FusedNetwork,
    tile: &'a [u8],
    features: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for EncodeTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            network,
            tile,
            features,
            scratch,
        } = self;
        for block in &network.blocks {
            block.run(simd, &network.architecture, tile, scratch);
            std::mem::swap(&mut scratch.input, &mut scratch.output);
        }
        let (size, _) = network.architecture.head_input();
        let pixels = size * size;
        let channels = network.head.channels_out();
        let span = Span::dense(pixels, &network.head);
        network.head.run(
            simd,
            &scratch.input,
            &mut scratch.expanded,
            span,
            After::Relu6,
        );
        let mut sums = vec![0.0_f32; channels];
        for pixel in scratch.expanded[..pixels * channels].chunks_exact(channels) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += value;
            }
        }
        for (feature, sum) in features.iter_mut().zip(sums) {
            *feature = sum / pixels as f32;
        }
    }
}

impl FusedBlock {
    #[inline(always)]
    fn run<S: Simd>(
        &self,
        simd: S,
        architecture: &Architecture,
        tile: &[u8],
        scratch: &mut Scratch,
    ) {
        let shape = &self.shape;
        let padding = shape.padding();
        let (size_in, size_out) = (shape.size_in, shape.size_out());
        let channels = self.depthwise.channels();
        let padded_row = (size_in + padding.before + padding.after) * channels;
        let rows_of = |band: usize| (band - 1) * shape.stride + shape.kernel;
        let Scratch {
            input,
            output,
            expanded,
            depthwise,
            gathered,
        } = scratch;

        // The border is zero for every row of the band; the rows between are written below.
        let expanded = &mut expanded[..rows_of(self.band_rows) * padded_row];
        for row in expanded.chunks_exact_mut(padded_row) {
            row[..padding.before * channels].fill(0.0);
            row[(padding.before + size_in) * channels..].fill(0.0);
        }

        // Rows of the expanded image that the band before has left at the beginning of `expanded`.
        let mut kept = 0;
        for band_start in (0..size_out).step_by(self.band_rows) {
            let band = self.band_rows.min(size_out - band_start);
            // Row 0 of `expanded` is this row of the image; negative in the padding above it.
            let first_row = (band_start * shape.stride) as isize - padding.before as isize;
            let mut next = kept;
            while next < rows_of(band) {
                let row_in_image = first_row + next as isize;
                let inside = usize::try_from(row_in_image)
                    .ok()
                    .filter(|row| *row < size_in);
                let Some(row) = inside else {
                    expanded[next * padded_row..][..padded_row].fill(0.0);
                    next += 1;
                    continue;
                };
                let rows = (rows_of(band) - next).min(size_in - row);
                let to = &mut expanded[next * padded_row + padding.before * channels..];
                match &self.first {
                    FirstConvolution::Expand(expand) => {
                        let span = Span {
                            rows,
                            pixels: size_in,
                            input_pixel: expand.padded_channels_in(),
                            input_row: size_in * expand.padded_channels_in(),
                            output_row: padded_row,
                        };
                        let from = &input[row * span.input_row..];
                        expand.run(simd, from, to, span, After::Relu6);
                    }
                    FirstConvolution::Stem(stem) => {
                        gather_stem(architecture, tile, row, rows, gathered);
                        let span = Span {
                            rows,
                            pixels: size_in,
                            input_pixel: STEM_INPUTS,
                            input_row: size_in * STEM_INPUTS,
                            output_row: padded_row,
                        };
                        stem.run(simd, gathered, to, span, After::Relu6);
                    }
                }
                next += rows;
            }

            let filtered = &mut depthwise[..band * size_out * channels];
            self.depthwise
                .run(simd, expanded, padded_row, shape.stride, filtered, band);

            let channels_out = self.project.channels_out();
            let band_from = band_start * size_out * channels_out;
            let residual = &input[if shape.has_residual() { band_from } else { 0 }..];
            let after = if shape.has_residual() {
                After::Add(residual)
            } else {
                After::Nothing
            };
            let span = Span::dense(band * size_out, &self.project);
            self.project
                .run(simd, depthwise, &mut output[band_from..], span, after);

            // What the next band begins with.
            let used = band * shape.stride;
            kept = rows_of(band).saturating_sub(used);
            expanded.copy_within(used * padded_row..(used + kept) * padded_row, 0);
        }
    }
}

/// Output rows per band: as many as fit into `band_bytes`, at least one.
fn band_rows(block: &Block, band_bytes: usize) -> usize {
    let padding = block.padding();
    let channels = padded_channels(block.channels_expanded);
    let row_bytes = (block.size_in + padding.before + padding.after) * channels * size_of::<f32>();
    let rows_in = band_bytes / row_bytes;
    (rows_in.saturating_sub(block.kernel) / block.stride + 1).min(block.size_out())
}

/// Values that a pixel of the stem is computed from: three rows of three pixels of three colours.
const STEM_INPUTS: usize = 27;

/// The stem's inputs of the pixels of `rows` rows, `[rows, size, 27]`, normalised as the network was trained.
fn gather_stem(
    architecture: &Architecture,
    tile: &[u8],
    first_row: usize,
    rows: usize,
    gathered: &mut [f32],
) {
    let size_px = architecture.tile_size_px;
    let size = architecture.size_after_stem();
    let padding = SamePadding::of(size_px, 3, 2);
    // A row of the tile with zeros on both sides, where they are needed.
    let mut line = vec![0.0; (size_px + padding.before + padding.after) * 3];
    for y_padded in first_row * 2..(first_row + rows - 1) * 2 + 3 {
        let y = y_padded.wrapping_sub(padding.before);
        let inside = &mut line[padding.before * 3..][..size_px * 3];
        if y < size_px {
            let pixels = &tile[y * size_px * 3..][..size_px * 3];
            for (to, from) in inside.iter_mut().zip(pixels) {
                *to = super::normalised(*from);
            }
        } else {
            inside.fill(0.0);
        }
        for ky in 0..3 {
            // The row of the stem's output that sees this row of the tile through row `ky` of its kernel.
            let seen = (y_padded - first_row * 2).checked_sub(ky);
            let Some(row) = seen.filter(|seen| seen % 2 == 0 && seen / 2 < rows) else {
                continue;
            };
            let to_row = &mut gathered[row / 2 * size * STEM_INPUTS..][..size * STEM_INPUTS];
            for (x, to) in to_row
                .as_chunks_mut::<STEM_INPUTS>()
                .0
                .iter_mut()
                .enumerate()
            {
                to[ky * 9..][..9].copy_from_slice(&line[x * 6..][..9]);
            }
        }
    }
}

impl Scratch {
    fn new(architecture: &Architecture, blocks: &[FusedBlock]) -> Self {
        let mut activation = 0;
        let mut expanded = 0;
        let mut depthwise = 0;
        let mut gathered = 0;
        for FusedBlock {
            shape,
            band_rows,
            first,
            ..
        } in blocks
        {
            let padding = shape.padding();
            let channels = padded_channels(shape.channels_expanded);
            let padded_size = shape.size_in + padding.before + padding.after;
            let size_out = shape.size_out();
            let rows_in = (band_rows - 1) * shape.stride + shape.kernel;
            activation = activation.max(size_out * size_out * padded_channels(shape.channels_out));
            expanded = expanded.max(rows_in * padded_size * channels);
            depthwise = depthwise.max(band_rows * size_out * channels);
            if let FirstConvolution::Stem(_) = first {
                gathered = rows_in.min(shape.size_in) * shape.size_in * STEM_INPUTS;
            }
        }
        let (head_size, _) = architecture.head_input();
        expanded = expanded.max(head_size * head_size * padded_channels(architecture.dim));
        Self {
            input: vec![0.0; activation],
            output: vec![0.0; activation],
            expanded: vec![0.0; expanded],
            depthwise: vec![0.0; depthwise],
            gathered: vec![0.0; gathered],
        }
    }
}
