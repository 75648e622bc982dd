//! From the terms of a target to the values of a layer's tiles. No browser in here.

use domain::layer::{LayerSpec, Quantity};
use domain::score::{Readout, Terms, mean_over_models};

use super::maps::TargetKey;

/// All quantities of one target on one spot, each the mean over the entitled fold models, in grid order.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotMaps {
    /// In the order of [`Quantity::ALL`].
    quantities: [Vec<f64>; Quantity::ALL.len()],
}

/// All quantities of one target on a slide; one entry per spot, empty for spots without a grid.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TargetMaps {
    /// In the order of the slide's spots.
    pub spots: Vec<SpotMaps>,
}

impl SpotMaps {
    /// A spot without tiles.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            quantities: std::array::from_fn(|_| Vec::new()),
        }
    }

    /// Reads the terms as they come over the wire, `[fold models][tiles][e, v]`.
    ///
    /// # Errors
    /// A sentence when the numbers do not fit the grid or are not finite.
    pub fn read(numbers: &[f32], tiles: usize, readouts: &[Readout]) -> Result<Self, String> {
        if readouts.is_empty() {
            return Err("No fold model is entitled to speak of this slide.".to_owned());
        }
        if numbers.len() != readouts.len() * tiles * 2 {
            return Err(
                "The heatmap belongs to another state of this slide. Load the page again."
                    .to_owned(),
            );
        }
        let mut models = Vec::with_capacity(readouts.len());
        for (index, readout) in readouts.iter().enumerate() {
            let own = &numbers[index * tiles * 2..(index + 1) * tiles * 2];
            let terms = Terms::from_interleaved(own).map_err(|error| error.to_string())?;
            models.push((terms, *readout));
        }
        Ok(Self {
            quantities: Quantity::ALL.map(|quantity| {
                let per_model: Vec<Vec<f64>> = models
                    .iter()
                    .map(|(terms, readout)| quantity.of(terms, readout))
                    .collect();
                mean_over_models(&per_model)
            }),
        })
    }

    /// One quantity per tile.
    #[must_use]
    pub fn of(&self, quantity: Quantity) -> &[f64] {
        Quantity::ALL
            .iter()
            .position(|&other| other == quantity)
            .and_then(|index| self.quantities.get(index))
            .map_or(&[], Vec::as_slice)
    }

    /// All quantities of one tile; NaN for a tile that is not there.
    #[must_use]
    pub fn at(&self, tile: usize) -> [f64; Quantity::ALL.len()] {
        std::array::from_fn(|index| {
            self.quantities[index]
                .get(tile)
                .copied()
                .unwrap_or(f64::NAN)
        })
    }
}

/// What a layer shows, apart from how: a quantity of a target, or its difference between two models.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The model and the target.
    pub key: TargetKey,
    /// The model whose values are subtracted.
    pub minus: Option<TargetKey>,
    /// What is shown.
    pub quantity: Quantity,
}

impl Content {
    /// What a layer shows.
    #[must_use]
    pub fn of(layer: &LayerSpec) -> Option<Self> {
        let mut keys = TargetKey::of(layer);
        Some(Self {
            key: keys.next()?,
            minus: keys.next(),
            quantity: layer.quantity,
        })
    }
}

/// The values of a layer per spot and tile: of one model, or of A less those of B.
///
/// # Errors
/// A sentence when the two are not of the same tiles.
pub fn values_of(
    maps: &TargetMaps,
    minus: Option<&TargetMaps>,
    quantity: Quantity,
) -> Result<Vec<Vec<f64>>, String> {
    let own = maps.spots.iter().map(|spot| spot.of(quantity).to_vec());
    let Some(minus) = minus else {
        return Ok(own.collect());
    };
    own.enumerate()
        .map(|(index, mut values)| {
            let others = minus
                .spots
                .get(index)
                .map_or(&[][..], |spot| spot.of(quantity));
            if others.len() != values.len() {
                return Err("The two models did not see the same tiles of this slide.".to_owned());
            }
            for (value, other) in values.iter_mut().zip(others) {
                *value -= other;
            }
            Ok(values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::score::Scale;

    const READOUT: Readout = Readout {
        offset: -0.4,
        reference: 0.3,
        mean: 0.1,
        sd: 2.0,
        scale: Scale::Logit,
    };

    #[test]
    fn wire_numbers_become_means_over_the_fold_models() {
        let other = Readout {
            offset: 1.0,
            ..READOUT
        };
        let numbers = [0.0, 1.0, 2.0, -1.0, 0.5, 0.0, 0.5, 4.0];
        let maps = SpotMaps::read(&numbers, 2, &[READOUT, other]).unwrap();
        let models = [
            (Terms::from_interleaved(&numbers[..4]).unwrap(), READOUT),
            (Terms::from_interleaved(&numbers[4..]).unwrap(), other),
        ];
        for quantity in Quantity::ALL {
            assert_eq!(maps.of(quantity), quantity.mean(&models), "{quantity:?}");
        }
        assert_eq!(maps.at(1)[1], quantity_of(&models, Quantity::Attention)[1]);
        assert!(maps.at(2).iter().all(|value| value.is_nan()));
    }

    fn quantity_of(models: &[(Terms, Readout)], quantity: Quantity) -> Vec<f64> {
        quantity.mean(models)
    }

    #[test]
    fn numbers_of_another_grid_are_refused() {
        assert!(SpotMaps::read(&[0.0; 6], 2, &[READOUT]).is_err());
        assert!(SpotMaps::read(&[0.0; 4], 2, &[]).is_err());
        assert!(SpotMaps::read(&[0.0, f32::NAN, 0.0, 0.0], 2, &[READOUT]).is_err());
    }

    #[test]
    fn a_difference_is_a_less_b_tile_by_tile() {
        let spot = |value: f32| SpotMaps::read(&[0.0, value, 1.0, -value], 2, &[READOUT]).unwrap();
        let maps = |value| TargetMaps {
            spots: vec![spot(value)],
        };
        let (a, b) = (maps(1.0), maps(0.25));
        let quantity = Quantity::ZScore;
        let difference = values_of(&a, Some(&b), quantity).unwrap();
        let expected: Vec<f64> = a.spots[0]
            .of(quantity)
            .iter()
            .zip(b.spots[0].of(quantity))
            .map(|(a, b)| a - b)
            .collect();
        assert_eq!(difference, [expected]);
        assert_eq!(
            values_of(&a, None, quantity).unwrap()[0],
            a.spots[0].of(quantity)
        );
        let fewer = TargetMaps {
            spots: vec![SpotMaps::empty()],
        };
        assert!(values_of(&a, Some(&fewer), quantity).is_err());
    }
}
