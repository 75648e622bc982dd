//! 1×1 convolutions as matrix products that stay in registers until bias, ReLU6 or the residual have been applied.

use pulp::{Arch, Simd, WithSimd};

use super::super::folded::FoldedConvolution;
use super::padded_channels;

/// Vectors of output channels that are computed together. Three by seven pixels are 21 accumulators: with three weights
/// and one input they fill the 32 registers of AVX-512 and NEON without spilling.
const PANEL_VECTORS: usize = 3;

/// A 1×1 convolution, `[channels_in] -> [channels_out]` per pixel.
pub(super) struct Pointwise {
    channels_in: usize,
    /// Padded to a multiple of the channel block; the padding's weights and biases are zero.
    channels_out: usize,
    panels: Vec<Panel>,
}

/// Up to [`PANEL_VECTORS`] vectors of output channels.
struct Panel {
    first_channel: usize,
    vectors: usize,
    /// `[channels_in, vectors × lanes]`
    weight: Vec<f32>,
    /// `[vectors × lanes]`
    bias: Vec<f32>,
}

/// Which pixels are read and where the results go: rows of pixels that lie one after the other, in floats.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) rows: usize,
    pub(super) pixels: usize,
    pub(super) input_pixel: usize,
    pub(super) input_row: usize,
    pub(super) output_row: usize,
}

/// What happens to a result before it is stored.
#[derive(Clone, Copy)]
pub(super) enum After<'a> {
    Nothing,
    Relu6,
    /// The value at the same place is added; laid out as the output.
    Add(&'a [f32]),
}

/// How many floats a vector register has.
pub(crate) struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        S::F32_LANES
    }
}

impl Pointwise {
    /// Packs a 1×1 convolution.
    pub(super) fn pack(simd: Arch, convolution: &FoldedConvolution) -> Self {
        let [channels_out, channels_in, _, _] = convolution.shape;
        Self::pack_with(simd, convolution, channels_in, |out, input| {
            (out < channels_out).then(|| convolution.weight[out * channels_in + input])
        })
    }

    /// Packs a convolution whose inputs were gathered per pixel in the order (row, column, channel) of its kernel.
    pub(super) fn pack_gathered(simd: Arch, convolution: &FoldedConvolution) -> Self {
        let [channels_out, channels, height, width] = convolution.shape;
        let inputs = channels * height * width;
        Self::pack_with(simd, convolution, inputs, |out, input| {
            let (place, channel) = (input / channels, input % channels);
            let index = (out * channels + channel) * height * width + place;
            (out < channels_out).then(|| convolution.weight[index])
        })
    }

    fn pack_with(
        simd: Arch,
        convolution: &FoldedConvolution,
        channels_in: usize,
        weight: impl Fn(usize, usize) -> Option<f32>,
    ) -> Self {
        let lanes = simd.dispatch(Lanes);
        let channels_out = padded_channels(convolution.shape[0]);
        let mut panels = Vec::new();
        let mut first_channel = 0;
        for vectors in panel_widths(channels_out / lanes) {
            let width = vectors * lanes;
            let channels = first_channel..first_channel + width;
            panels.push(Panel {
                first_channel,
                vectors,
                weight: (0..channels_in)
                    .flat_map(|input| channels.clone().map(move |out| (out, input)))
                    .map(|(out, input)| weight(out, input).unwrap_or(0.0))
                    .collect(),
                bias: channels
                    .clone()
                    .map(|out| convolution.bias.get(out).copied().unwrap_or(0.0))
                    .collect(),
            });
            first_channel += width;
        }
        Self {
            channels_in,
            channels_out,
            panels,
        }
    }

    pub(super) fn channels_out(&self) -> usize {
        self.channels_out
    }

    pub(super) fn padded_channels_in(&self) -> usize {
        padded_channels(self.channels_in)
    }

    /// `output[row, pixel, :] = after(weight · input[row, pixel, :] + bias)` for the pixels of `span`.
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        input: &[f32],
        output: &mut [f32],
        span: Span,
        after: After<'_>,
    ) {
        for panel in &self.panels {
            match panel.vectors {
                1 => self.run_panel::<S, 1>(simd, panel, input, output, span, after),
                2 => self.run_panel::<S, 2>(simd, panel, input, output, span, after),
                _ => self.run_panel::<S, PANEL_VECTORS>(simd, panel, input, output, span, after),
            }
        }
    }

    #[inline(always)]
    fn run_panel<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        panel: &Panel,
        input: &[f32],
        output: &mut [f32],
        span: Span,
        after: After<'_>,
    ) {
        // A function of its own for every shape, compiled for the vector registers of `simd`.
        simd.vectorize(RunPanel::<VECTORS> {
            convolution: self,
            panel,
            input,
            output,
            span,
            after,
        });
    }
}

impl Span {
    /// All pixels of one row, densely in and out.
    pub(super) fn dense(pixels: usize, convolution: &Pointwise) -> Self {
        Self {
            rows: 1,
            pixels,
            input_pixel: convolution.padded_channels_in(),
            input_row: 0,
            output_row: 0,
        }
    }
}

/// Threes, and at the end twos rather than a lonely one.
fn panel_widths(vectors: usize) -> Vec<usize> {
    let mut widths = vec![PANEL_VECTORS; vectors / PANEL_VECTORS];
    match vectors % PANEL_VECTORS {
        0 => {}
        1 if !widths.is_empty() => {
            widths.pop();
            widths.extend([2, 2]);
        }
        rest => widths.push(rest),
    }
    widths
}

struct RunPanel<'a, const VECTORS: usize> {
    convolution: &'a Pointwise,
    panel: &'a Panel,
    input: &'a [f32],
    output: &'a mut [f32],
    span: Span,
    after: After<'a>,
}

impl<const VECTORS: usize> WithSimd for RunPanel<'_, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            span,
            input,
            output,
            ..
        } = self;
        let tile = Tile::<S, VECTORS> {
            simd,
            weight: S::as_simd_f32s(&self.panel.weight).0,
            bias: S::as_simd_f32s(&self.panel.bias).0,
            channels_in: self.convolution.channels_in,
            channels_out: self.convolution.channels_out,
            input_pixel: span.input_pixel,
            after: self.after,
        };
        for row in 0..span.rows {
            let input = &input[row * span.input_row..];
            let place = row * span.output_row + self.panel.first_channel;
            let step = if S::REGISTER_COUNT >= 32 { 7 } else { 4 };
            let mut pixel = 0;
            while pixel + step <= span.pixels {
                let input = &input[pixel * span.input_pixel..];
                let place = place + pixel * tile.channels_out;
                if S::REGISTER_COUNT >= 32 {
                    tile.run::<7>(input, output, place);
                } else {
                    tile.run::<4>(input, output, place);
                }
                pixel += step;
            }
            while pixel < span.pixels {
                let rest = span.pixels - pixel;
                let input = &input[pixel * span.input_pixel..];
                let place = place + pixel * tile.channels_out;
                match rest {
                    1 => tile.run::<1>(input, output, place),
                    2 => tile.run::<2>(input, output, place),
                    _ => tile.run::<3>(input, output, place),
                }
                pixel += rest.min(3);
            }
        }
    }
}

/// A few pixels by [`PANEL_VECTORS`] vectors: what fits into the registers.
struct Tile<'a, S: Simd, const VECTORS: usize> {
    simd: S,
    weight: &'a [S::f32s],
    bias: &'a [S::f32s],
    channels_in: usize,
    channels_out: usize,
    input_pixel: usize,
    after: After<'a>,
}

impl<S: Simd, const VECTORS: usize> Tile<'_, S, VECTORS> {
    #[inline(always)]
    fn run<const PIXELS: usize>(&self, input: &[f32], output: &mut [f32], place: usize) {
        let simd = self.simd;
        let inputs: [&[f32]; PIXELS] =
            std::array::from_fn(|pixel| &input[pixel * self.input_pixel..][..self.channels_in]);
        let bias: [S::f32s; VECTORS] = std::array::from_fn(|vector| self.bias[vector]);
        let mut sums = [bias; PIXELS];
        let (weights, _) = self.weight.as_chunks::<VECTORS>();
        for (channel, weight) in weights[..self.channels_in].iter().enumerate() {
            for pixel in 0..PIXELS {
                let value = simd.splat_f32s(inputs[pixel][channel]);
                for vector in 0..VECTORS {
                    sums[pixel][vector] =
                        simd.mul_add_e_f32s(value, weight[vector], sums[pixel][vector]);
                }
            }
        }
        for (pixel, sums) in sums.into_iter().enumerate() {
            let place = place + pixel * self.channels_out;
            let width = VECTORS * S::F32_LANES;
            let (to, _) = S::as_mut_simd_f32s(&mut output[place..][..width]);
            match self.after {
                After::Nothing => to.copy_from_slice(&sums),
                After::Relu6 => {
                    for vector in 0..VECTORS {
                        to[vector] = relu6(simd, sums[vector]);
                    }
                }
                After::Add(other) => {
                    let (other, _) = S::as_simd_f32s(&other[place..][..width]);
                    for vector in 0..VECTORS {
                        to[vector] = simd.add_f32s(sums[vector], other[vector]);
                    }
                }
            }
        }
    }
}

/// min(max(x, 0), 6)
#[inline(always)]
pub(super) fn relu6<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    simd.min_f32s(
        simd.max_f32s(value, simd.splat_f32s(0.0)),
        simd.splat_f32s(6.0),
    )
}
