//! What a frame header and its scans' headers say of a picture (ITU-T T.81, B.2.2 and B.2.3).

use super::ColourModel;

/// The components of a frame, and what its scans have told of them so far.
pub(super) struct Frame {
    is_progressive: bool,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    /// A bit for each of the 64 coefficients of a block that was told to its last bit.
    told: u64,
}

impl Frame {
    /// Of a frame header's payload: precision, height, width, components × (id, sampling, table). `None` when it is another
    /// picture than what is expected.
    pub(super) fn read(
        payload: &[u8],
        is_progressive: bool,
        model: ColourModel,
        width: u32,
        height: u32,
    ) -> Option<Self> {
        let [8, h1, h0, w1, w0, count, specs @ ..] = payload else {
            return None;
        };
        let (specs, []) = specs.as_chunks::<3>() else {
            return None;
        };
        let expected_components = match model {
            ColourModel::Grey => 1,
            ColourModel::Rgb | ColourModel::YCbCr => 3,
        };
        let plain_sampling =
            specs
                .iter()
                .enumerate()
                .all(|(component, spec)| match (spec[1] >> 4, spec[1] & 15) {
                    (1, 1) => true,
                    (1 | 2, 1 | 2) => component == 0,
                    _ => false,
                });
        let is_as_expected = specs.len() == expected_components
            && usize::from(*count) == expected_components
            && plain_sampling
            && u32::from(u16::from_be_bytes([*w1, *w0])) == width
            && u32::from(u16::from_be_bytes([*h1, *h0])) == height;
        is_as_expected.then(|| Self {
            is_progressive,
            components: specs
                .iter()
                .map(|&[id, ..]| Component { id, told: 0 })
                .collect(),
        })
    }

    /// Adds what a scan tells, by its header's payload: components × (id, tables), first and last coefficient, bits before and
    /// after it. `None` when it is no scan of this frame.
    pub(super) fn add_scan(&mut self, payload: &[u8]) -> Option<()> {
        let (&count, rest) = payload.split_first()?;
        let (selectors, &[first, last, bits_left]) = rest.split_last_chunk()?;
        let (selectors, []) = selectors.as_chunks::<2>() else {
            return None;
        };
        if selectors.is_empty() || selectors.len() != usize::from(count) {
            return None;
        }
        let told = if !self.is_progressive {
            u64::MAX
        } else if first > last || last > 63 {
            return None;
        } else if bits_left & 15 == 0 {
            (u64::MAX << first) & (u64::MAX >> (63 - last))
        } else {
            0
        };
        for [id, _] in selectors {
            let mut components = self.components.iter_mut();
            components.find(|component| component.id == *id)?.told |= told;
        }
        Some(())
    }

    /// Whether no scan is missing.
    pub(super) fn is_whole(&self) -> bool {
        let mut components = self.components.iter();
        components.all(|component| component.told == u64::MAX)
    }
}
