//! Depthwise convolutions with bias and ReLU6.

use pulp::{Simd, WithSimd};

use super::super::folded::FoldedConvolution;
use super::padded_channels;
use super::pointwise::relu6;

/// Neighbouring outputs that share their inputs in registers; the sizes of the network (112, 56, 28, 14, 7) divide by it.
const NEIGHBOURS: usize = 7;

/// A depthwise convolution of a square kernel of 3 or 5.
pub(super) struct Depthwise {
    kernel: usize,
    /// Padded to a multiple of the channel block; the padding's weights and biases are zero.
    channels: usize,
    /// `[kernel × kernel, channels]`
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    pub(super) fn pack(convolution: &FoldedConvolution) -> Self {
        let [real_channels, _, kernel, _] = convolution.shape;
        let channels = padded_channels(real_channels);
        let taps = kernel * kernel;
        let mut weight = vec![0.0; taps * channels];
        let mut bias = vec![0.0; channels];
        for channel in 0..real_channels {
            bias[channel] = convolution.bias[channel];
            for tap in 0..taps {
                weight[tap * channels + channel] = convolution.weight[channel * taps + tap];
            }
        }
        Self {
            kernel,
            channels,
            weight,
            bias,
        }
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Rows of output `[rows, width, channels]` from padded rows of input, each `input_row` floats.
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        input: &[f32],
        input_row: usize,
        stride: usize,
        output: &mut [f32],
        rows: usize,
    ) {
        let band = Band {
            convolution: self,
            input,
            input_row,
            output,
            rows,
        };
        match (self.kernel, stride) {
            (3, 1) => simd.vectorize(Shaped::<3, 1>(band)),
            (3, 2) => simd.vectorize(Shaped::<3, 2>(band)),
            (5, 1) => simd.vectorize(Shaped::<5, 1>(band)),
            (5, 2) => simd.vectorize(Shaped::<5, 2>(band)),
            (kernel, stride) => unreachable!("no depthwise kernel of {kernel} at stride {stride}"),
        }
    }
}

struct Band<'a> {
    convolution: &'a Depthwise,
    input: &'a [f32],
    input_row: usize,
    output: &'a mut [f32],
    rows: usize,
}

/// A band with what the compiler must know to unroll its loops.
struct Shaped<'a, const KERNEL: usize, const STRIDE: usize>(Band<'a>);

impl<const KERNEL: usize, const STRIDE: usize> WithSimd for Shaped<'_, KERNEL, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Band {
            convolution,
            input,
            input_row,
            output,
            rows,
        } = self.0;
        // Everything in vectors of channels from here on.
        let step = convolution.channels / S::F32_LANES;
        let input_row = input_row / S::F32_LANES;
        let (input, _) = S::as_simd_f32s(input);
        let (output, _) = S::as_mut_simd_f32s(output);
        let (weight, _) = S::as_simd_f32s(&convolution.weight);
        let (bias, _) = S::as_simd_f32s(&convolution.bias);
        let output_row = output.len() / rows;
        let width = output_row / step;
        for channel in 0..step {
            let column = Column::<S, KERNEL, STRIDE> {
                simd,
                weight: &weight[channel..],
                bias: bias[channel],
                step,
                input_row,
            };
            let mut pixel = 0;
            // Down the rows before along them: what the next row needs again is then still in the first-level cache.
            while pixel + NEIGHBOURS <= width {
                for row in 0..rows {
                    let from = (row * input_row + pixel * step) * STRIDE + channel;
                    let to = row * output_row + pixel * step + channel;
                    column.run::<NEIGHBOURS>(&input[from..], &mut output[to..]);
                }
                pixel += NEIGHBOURS;
            }
            while pixel < width {
                for row in 0..rows {
                    let from = (row * input_row + pixel * step) * STRIDE + channel;
                    let to = row * output_row + pixel * step + channel;
                    column.run::<1>(&input[from..], &mut output[to..]);
                }
                pixel += 1;
            }
        }
    }
}

/// One vector of channels.
struct Column<'a, S: Simd, const KERNEL: usize, const STRIDE: usize> {
    simd: S,
    weight: &'a [S::f32s],
    bias: S::f32s,
    /// From a pixel to the next.
    step: usize,
    input_row: usize,
}

impl<S: Simd, const KERNEL: usize, const STRIDE: usize> Column<'_, S, KERNEL, STRIDE> {
    /// Neighbouring outputs of one row.
    #[inline(always)]
    fn run<const PIXELS: usize>(&self, input: &[S::f32s], output: &mut [S::f32s]) {
        let Self { simd, step, .. } = *self;
        let mut sums = [self.bias; PIXELS];
        for ky in 0..KERNEL {
            let weights: [S::f32s; KERNEL] =
                std::array::from_fn(|kx| self.weight[(ky * KERNEL + kx) * step]);
            let row = &input[ky * self.input_row..];
            let row = &row[..((PIXELS - 1) * STRIDE + KERNEL - 1) * step + 1];
            // An input that several outputs share is loaded once: the compiler sees that it is the same.
            for pixel in 0..PIXELS {
                for kx in 0..KERNEL {
                    let value = row[(pixel * STRIDE + kx) * step];
                    sums[pixel] = simd.mul_add_e_f32s(value, weights[kx], sums[pixel]);
                }
            }
        }
        for (pixel, sum) in sums.into_iter().enumerate() {
            output[pixel * step] = relu6(simd, sum);
        }
    }
}
