//! The shape of EfficientNet-Lite0: what follows what, how large, and how it is padded.

/// Layers of an EfficientNet-Lite: a stem, inverted residual blocks, a head and a global average pool.
///
/// Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, in the *Lite* variant:
/// ReLU6 for swish, no squeeze-and-excitation. Data, so that the tests can build a small one of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Architecture {
    /// Width and height of the input in pixels.
    pub(crate) tile_size_px: usize,
    /// Channels after the stem, a 3×3 convolution of stride 2.
    pub(crate) stem_channels: usize,
    /// The blocks in order.
    pub(crate) blocks: Vec<Block>,
    /// Channels after the head, a 1×1 convolution: the length of a feature vector.
    pub(crate) dim: usize,
}

/// One inverted residual block: 1×1 to `channels_expanded`, depthwise, 1×1 to `channels_out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Width and height of what comes in.
    pub(crate) size_in: usize,
    /// Width and height of the depthwise kernel.
    pub(crate) kernel: usize,
    /// Stride of the depthwise convolution.
    pub(crate) stride: usize,
    /// Channels of what comes in.
    pub(crate) channels_in: usize,
    /// Channels of the depthwise convolution.
    pub(crate) channels_expanded: usize,
    /// Channels of what goes out.
    pub(crate) channels_out: usize,
}

/// A group of blocks as the paper tabulates them: only the first has the stride and changes the channels.
struct BlockGroup {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels_out: usize,
}

const fn group(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels_out: usize,
) -> BlockGroup {
    BlockGroup {
        repeats,
        kernel,
        stride,
        expansion,
        channels_out,
    }
}

const EFFICIENTNET_LITE0: [BlockGroup; 7] = [
    group(1, 3, 1, 1, 16),
    group(2, 3, 2, 6, 24),
    group(2, 5, 2, 6, 40),
    group(3, 3, 2, 6, 80),
    group(3, 5, 1, 6, 112),
    group(4, 5, 2, 6, 192),
    group(1, 3, 1, 6, 320),
];

impl Architecture {
    /// The default encoder's.
    pub(crate) fn efficientnet_lite0() -> Self {
        Self::new(super::TILE_SIZE_PX, 32, &EFFICIENTNET_LITE0, super::DIM)
    }

    /// A network of the same kind with every kernel, stride, odd size and ragged channel count, small enough for a test.
    #[cfg(test)]
    pub(crate) fn small_for_tests() -> Self {
        let groups = [
            group(1, 3, 1, 1, 8),
            group(2, 3, 2, 6, 12),
            group(2, 5, 2, 6, 20),
            group(2, 5, 1, 3, 20),
            group(1, 3, 1, 6, 24),
        ];
        Self::new(36, 16, &groups, 40)
    }

    fn new(tile_size_px: usize, stem_channels: usize, groups: &[BlockGroup], dim: usize) -> Self {
        let mut blocks = Vec::new();
        let mut size_in = size_after(tile_size_px, 2);
        let mut channels_in = stem_channels;
        for group in groups {
            for repeat in 0..group.repeats {
                let stride = if repeat == 0 { group.stride } else { 1 };
                blocks.push(Block {
                    size_in,
                    kernel: group.kernel,
                    stride,
                    channels_in,
                    channels_expanded: channels_in * group.expansion,
                    channels_out: group.channels_out,
                });
                size_in = size_after(size_in, stride);
                channels_in = group.channels_out;
            }
        }
        Self {
            tile_size_px,
            stem_channels,
            blocks,
            dim,
        }
    }

    /// Width and height of what comes into the first block.
    pub(crate) fn size_after_stem(&self) -> usize {
        size_after(self.tile_size_px, 2)
    }

    /// Width, height and channels of what comes into the head.
    pub(crate) fn head_input(&self) -> (usize, usize) {
        self.blocks
            .last()
            .map_or((self.size_after_stem(), self.stem_channels), |block| {
                (block.size_out(), block.channels_out)
            })
    }

    /// Bytes of one tile: RGB, interleaved.
    pub(crate) fn tile_bytes(&self) -> usize {
        self.tile_size_px * self.tile_size_px * 3
    }
}

impl Block {
    /// Width and height of what goes out.
    pub(crate) fn size_out(&self) -> usize {
        size_after(self.size_in, self.stride)
    }

    /// Whether the block begins with a 1×1 convolution. The first one does not: the stem has done it.
    pub(crate) fn has_expansion(&self) -> bool {
        self.channels_expanded != self.channels_in
    }

    /// Whether what comes in is added to what goes out.
    pub(crate) fn has_residual(&self) -> bool {
        self.stride == 1 && self.channels_in == self.channels_out
    }

    /// Padding of the depthwise convolution.
    pub(crate) fn padding(&self) -> SamePadding {
        SamePadding::of(self.size_in, self.kernel, self.stride)
    }
}

/// TensorFlow's "SAME" padding along one axis: where the total is odd, the end gets one more than the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SamePadding {
    /// Zeros on the left and on the top.
    pub(crate) before: usize,
    /// Zeros on the right and on the bottom.
    pub(crate) after: usize,
}

impl SamePadding {
    /// The padding with which `size` becomes `size / stride`, rounded up.
    pub(crate) fn of(size: usize, kernel: usize, stride: usize) -> Self {
        let total = ((size_after(size, stride) - 1) * stride + kernel).saturating_sub(size);
        Self {
            before: total / 2,
            after: total - total / 2,
        }
    }
}

fn size_after(size: usize, stride: usize) -> usize {
    size.div_ceil(stride)
}

#[cfg(test)]
mod tests {
    use super::{Architecture, SamePadding};

    #[test]
    fn efficientnet_lite0_ends_in_seven_by_seven_by_320_after_sixteen_blocks() {
        let architecture = Architecture::efficientnet_lite0();
        assert_eq!(architecture.blocks.len(), 16);
        assert_eq!(architecture.head_input(), (7, 320));
        assert_eq!(architecture.size_after_stem(), 112);
    }

    #[test]
    fn same_padding_puts_the_odd_zero_at_the_end() {
        let check = |size, kernel, stride, before, after| {
            let padding = SamePadding::of(size, kernel, stride);
            assert_eq!(padding, SamePadding { before, after });
        };
        check(224, 3, 2, 0, 1);
        check(112, 3, 1, 1, 1);
        check(56, 5, 2, 1, 2);
        check(28, 5, 1, 2, 2);
        check(7, 5, 1, 2, 2);
        // An odd size is padded evenly even at stride 2.
        check(9, 5, 2, 2, 2);
        check(9, 3, 2, 1, 1);
    }
}
