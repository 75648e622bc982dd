//! The network in Burn: any device that Burn knows, and the reference for the fused CPU path.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::EncoderError;
use super::architecture::{Architecture, SamePadding};
use super::folded::{FoldedConvolution, FoldedNetwork};

/// The folded network with its weights on a device.
pub(crate) struct Network {
    architecture: Architecture,
    device: Device,
    stem: Convolution,
    blocks: Vec<NetworkBlock>,
    head: Convolution,
}

struct NetworkBlock {
    expand: Option<Convolution>,
    depthwise: Convolution,
    project: Convolution,
    has_residual: bool,
}

struct Convolution {
    /// `[channels_out, channels_in / groups, kernel, kernel]`
    weight: Tensor<4>,
    /// `[channels_out]`
    bias: Tensor<1>,
    options: ConvOptions<2>,
}

impl Network {
    /// Copies the weights to `device`.
    pub(crate) fn new(network: &FoldedNetwork, device: &Device) -> Self {
        let architecture = &network.architecture;
        let pointwise = |folded| Convolution::new(folded, device, 1, SamePadding::of(1, 1, 1), 1);
        let stem_padding = SamePadding::of(architecture.tile_size_px, 3, 2);
        let blocks = architecture.blocks.iter().zip(&network.blocks);
        Self {
            stem: Convolution::new(&network.stem, device, 2, stem_padding, 1),
            blocks: blocks
                .map(|(shape, folded)| NetworkBlock {
                    expand: folded.expand.as_ref().map(pointwise),
                    depthwise: Convolution::new(
                        &folded.depthwise,
                        device,
                        shape.stride,
                        shape.padding(),
                        shape.channels_expanded,
                    ),
                    project: pointwise(&folded.project),
                    has_residual: shape.has_residual(),
                })
                .collect(),
            head: pointwise(&network.head),
            architecture: architecture.clone(),
            device: device.clone(),
        }
    }

    /// Features `[n, dim]` of the tiles `[n, size, size, 3]`.
    pub(crate) fn encode(&self, tiles: &[u8]) -> Result<Vec<f32>, EncoderError> {
        let size = self.architecture.tile_size_px;
        let count = tiles.len() / self.architecture.tile_bytes();
        let values: Vec<f32> = tiles.iter().copied().map(super::normalised).collect();
        // [n, size, size, 3]
        let tiles = Tensor::<4>::from_data(
            TensorData::new(values, [count, size, size, 3]),
            &self.device,
        );
        let features = self.forward(tiles.permute([0, 3, 1, 2]));
        features
            .try_into_data_as::<f32>()
            .map_err(|error| error.to_string())
            .and_then(|data| {
                data.try_into_vec::<f32>()
                    .map_err(|error| error.to_string())
            })
            .map_err(|message| EncoderError::Device { message })
    }

    /// `[n, 3, size, size] -> [n, dim]`
    fn forward(&self, tiles: Tensor<4>) -> Tensor<2> {
        // [n, 32, 112, 112]
        let mut x = relu6(self.stem.forward(tiles));
        for block in &self.blocks {
            x = block.forward(x);
        }
        // [n, 1280, 7, 7]
        let x = relu6(self.head.forward(x));
        // [n, 1280, 49] -> [n, 1280, 1] -> [n, 1280]
        x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
    }
}

impl NetworkBlock {
    /// `[n, channels_in, size_in, size_in] -> [n, channels_out, size_out, size_out]`
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        // [n, channels_expanded, size_in, size_in]
        let x = match &self.expand {
            Some(expand) => relu6(expand.forward(input.clone())),
            None => input.clone(),
        };
        // [n, channels_expanded, size_out, size_out]
        let x = relu6(self.depthwise.forward(x));
        // [n, channels_out, size_out, size_out]
        let x = self.project.forward(x);
        if self.has_residual { x + input } else { x }
    }
}

impl Convolution {
    fn new(
        folded: &FoldedConvolution,
        device: &Device,
        stride: usize,
        padding: SamePadding,
        groups: usize,
    ) -> Self {
        let SamePadding { before, after } = padding;
        Self {
            weight: Tensor::from_data(TensorData::new(folded.weight.clone(), folded.shape), device),
            bias: Tensor::from_data(
                TensorData::new(folded.bias.clone(), [folded.bias.len()]),
                device,
            ),
            options: ConvOptions::new_with_padding(
                [stride; 2],
                [(before, after); 2],
                [1; 2],
                groups,
            ),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv2d(
            x,
            self.weight.clone(),
            Some(self.bias.clone()),
            self.options.clone(),
        )
    }
}

/// min(max(x, 0), 6)
fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}
