//! The network's weights with every BatchNorm folded into the convolution before it.

use super::EncoderError;
use super::architecture::{Architecture, Block};

/// ε of every BatchNorm in the EfficientNet-Lite checkpoints.
const BATCH_NORM_EPSILON: f32 = 1e-3;

/// A convolution with a bias: weight `[channels_out, channels_in / groups, kernel, kernel]`, bias `[channels_out]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoldedConvolution {
    pub(crate) shape: [usize; 4],
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// The convolutions of one block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoldedBlock {
    pub(crate) expand: Option<FoldedConvolution>,
    pub(crate) depthwise: FoldedConvolution,
    pub(crate) project: FoldedConvolution,
}

/// The convolutions of the network; the classifier behind the features is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoldedNetwork {
    pub(crate) architecture: Architecture,
    pub(crate) stem: FoldedConvolution,
    pub(crate) blocks: Vec<FoldedBlock>,
    pub(crate) head: FoldedConvolution,
}

/// A checkpoint's tensors by name: the values of a tensor that has exactly the shape asked for.
pub(crate) trait TensorSource {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EncoderError>;
}

impl FoldedNetwork {
    /// Takes the tensors out of a checkpoint that names them as `efficientnet-lite-pytorch` does.
    pub(crate) fn fold(
        architecture: Architecture,
        source: &mut impl TensorSource,
    ) -> Result<Self, EncoderError> {
        let (_, head_channels) = architecture.head_input();
        let stem_shape = [architecture.stem_channels, 3, 3, 3];
        let head_shape = [architecture.dim, head_channels, 1, 1];
        Ok(Self {
            stem: FoldedConvolution::fold(source, "_conv_stem", "_bn0", stem_shape)?,
            blocks: architecture
                .blocks
                .iter()
                .enumerate()
                .map(|(index, block)| FoldedBlock::fold(source, index, block))
                .collect::<Result<_, _>>()?,
            head: FoldedConvolution::fold(source, "_conv_head", "_bn1", head_shape)?,
            architecture,
        })
    }
}

impl FoldedBlock {
    fn fold(
        source: &mut impl TensorSource,
        index: usize,
        block: &Block,
    ) -> Result<Self, EncoderError> {
        let mut convolution = |name: &str, norm: &str, shape| {
            let path = format!("_blocks.{index}");
            FoldedConvolution::fold(
                source,
                &format!("{path}.{name}"),
                &format!("{path}.{norm}"),
                shape,
            )
        };
        let expanded = block.channels_expanded;
        let expand = if block.has_expansion() {
            let shape = [expanded, block.channels_in, 1, 1];
            Some(convolution("_expand_conv", "_bn0", shape)?)
        } else {
            None
        };
        Ok(Self {
            expand,
            depthwise: convolution(
                "_depthwise_conv",
                "_bn1",
                [expanded, 1, block.kernel, block.kernel],
            )?,
            project: convolution(
                "_project_conv",
                "_bn2",
                [block.channels_out, expanded, 1, 1],
            )?,
        })
    }
}

impl FoldedConvolution {
    /// γ (W x − μ) / √(σ² + ε) + β as one convolution: W' = W γ / √(σ² + ε), b' = β − μ γ / √(σ² + ε).
    ///
    /// Ioffe & Szegedy, "Batch Normalization", 2015, algorithm 2.
    fn fold(
        source: &mut impl TensorSource,
        convolution: &str,
        norm: &str,
        shape: [usize; 4],
    ) -> Result<Self, EncoderError> {
        let [channels_out, per_group, height, width] = shape;
        let mut weight = source.tensor(&format!("{convolution}.weight"), &shape)?;
        let mut of_norm = |name: &str| source.tensor(&format!("{norm}.{name}"), &[channels_out]);
        let (gamma, beta) = (of_norm("weight")?, of_norm("bias")?);
        let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
        let mut bias = beta;
        let filters = weight.chunks_exact_mut(per_group * height * width);
        for ((((filter, bias), gamma), mean), variance) in
            filters.zip(&mut bias).zip(gamma).zip(mean).zip(variance)
        {
            let scale = gamma / (variance + BATCH_NORM_EPSILON).sqrt();
            filter.iter_mut().for_each(|value| *value *= scale);
            *bias -= mean * scale;
        }
        Ok(Self {
            shape,
            weight,
            bias,
        })
    }
}
