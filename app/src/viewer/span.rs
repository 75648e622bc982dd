//! The axis of histogram and colour bar, and the spans on it: the range of the colours and the threshold. No browser in here.

use domain::layer::Grading;

use super::told::LayerSummary;

/// Steps of a handle from one end of the axis to the other.
pub const STEPS: u16 = 1000;

/// From where to where an axis goes, in the unit of the layer's grading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Its left end.
    pub low: f64,
    /// Its right end, above the left one.
    pub high: f64,
}

/// An end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left one.
    Low,
    /// The right one.
    High,
}

impl Axis {
    /// The axis of a layer: all of its values, and the range of its colours.
    #[must_use]
    pub fn of(summary: &LayerSummary) -> Self {
        let (full, range) = (summary.full_range, summary.range);
        Self {
            low: full.0.min(range.0),
            high: full.1.max(range.1),
        }
    }

    /// Where a value lies, 0 to 1 from end to end; beyond that for values beyond the ends.
    #[must_use]
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// The value at a share. The ends are met exactly.
    #[must_use]
    pub fn value_at(&self, share: f64) -> f64 {
        if share >= 1.0 {
            self.high
        } else if share <= 0.0 {
            self.low
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    /// The step of a handle nearest to a value.
    #[must_use]
    pub fn step(&self, value: f64) -> u16 {
        let share = self.share(value).clamp(0.0, 1.0);
        (share * f64::from(STEPS)).round() as u16
    }

    /// The value at a step of a handle.
    #[must_use]
    pub fn value_at_step(&self, step: u16) -> f64 {
        self.value_at(f64::from(step) / f64::from(STEPS))
    }

    /// The threshold, as far as it lies on the axis; without one the whole axis.
    #[must_use]
    pub fn span(&self, threshold: Option<(f64, f64)>) -> (f64, f64) {
        let (low, high) = threshold.unwrap_or((self.low, self.high));
        (
            low.clamp(self.low, self.high),
            high.clamp(self.low, self.high),
        )
    }

    /// The threshold between two values in any order; `None` when it would let everything through.
    #[must_use]
    pub fn threshold(&self, one: f64, other: f64) -> Option<(f64, f64)> {
        let (low, high) = self.span(Some((one.min(other), one.max(other))));
        (low > self.low || high < self.high).then_some((low, high))
    }

    /// The threshold with one end moved. An end that meets the other one takes it along.
    #[must_use]
    pub fn threshold_with(
        &self,
        threshold: Option<(f64, f64)>,
        end: End,
        value: f64,
    ) -> Option<(f64, f64)> {
        let (low, high) = self.span(threshold);
        match end {
            End::Low => self.threshold(value, high.max(value)),
            End::High => self.threshold(low.min(value), value),
        }
    }
}

/// The range of the colours with one end set by hand. Of a signed layer the other end goes along, so that zero keeps its
/// colour; ranks stay within theirs. `None` when nothing would be left between the ends.
#[must_use]
pub fn range_with(summary: &LayerSummary, end: End, value: f64) -> Option<(f64, f64)> {
    let value = match summary.grading {
        Grading::Value => value,
        Grading::Percentile => {
            let (low, high) = summary.full_range;
            value.clamp(low, high)
        }
    };
    let range = if summary.signed {
        (-value.abs(), value.abs())
    } else {
        match end {
            End::Low => (value, summary.range.1),
            End::High => (summary.range.0, value),
        }
    };
    (range.0 < range.1 && (range.1 - range.0).is_finite()).then_some(range)
}

/// Height of a bar, 0 to 1000, that stands for so many tiles when the highest stands for `most`: logarithmic, so that one
/// tile of ten thousand can still be seen.
#[must_use]
pub fn bar_height(count: u32, most: u32) -> u16 {
    if count == 0 {
        return 0;
    }
    let height = f64::from(count).ln_1p() / f64::from(most.max(count)).ln_1p();
    (height * 1000.0).round() as u16
}

/// A value with four digits that count, to be written into a field.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    // Tenths cannot be written exactly, tens can: the one division gives the nearest number there is.
    let power = 10f64.powi(digits.abs());
    if !power.is_finite() {
        value
    } else if digits < 0 {
        (value / power).round() * power
    } else {
        (value * power).round() / power
    }
}

/// The step of a field for values of this size: a power of ten, about a hundredth of it.
#[must_use]
pub fn field_step(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() {
        let power = (size.log10() - 1.5).floor() as i32;
        if power < 0 {
            1.0 / 10f64.powi(-power)
        } else {
            10f64.powi(power)
        }
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::summary::tests::summary;
    use domain::layer::Quantity;

    const AXIS: Axis = Axis {
        low: -0.3,
        high: 0.3,
    };

    #[test]
    fn the_axis_holds_all_values_and_the_colours() {
        let mut summary = summary(Quantity::Contribution);
        assert_eq!(
            Axis::of(&summary),
            Axis {
                low: -0.5,
                high: 0.5
            }
        );
        summary.range = (-2.0, 2.0);
        assert_eq!(
            Axis::of(&summary),
            Axis {
                low: -2.0,
                high: 2.0
            }
        );
        summary.range = (-0.1, 0.1);
        assert_eq!(
            Axis::of(&summary),
            Axis {
                low: -0.5,
                high: 0.5
            }
        );
    }

    #[test]
    fn the_ends_of_the_axis_are_met_exactly() {
        assert_eq!(AXIS.value_at_step(0), -0.3);
        assert_eq!(AXIS.value_at_step(STEPS), 0.3);
        for step in [0, 1, 333, 500, 999, STEPS] {
            assert_eq!(AXIS.step(AXIS.value_at_step(step)), step);
        }
        assert_eq!(AXIS.step(7.0), STEPS);
    }

    #[test]
    fn a_brush_over_everything_is_no_threshold() {
        assert_eq!(AXIS.threshold(0.3, -0.3), None);
        assert_eq!(AXIS.threshold(9.0, -9.0), None);
        assert_eq!(AXIS.threshold(0.2, 0.1), Some((0.1, 0.2)));
        assert_eq!(AXIS.threshold(0.2, 5.0), Some((0.2, 0.3)));
    }

    #[test]
    fn a_handle_takes_the_other_one_along_and_leaves_it_exact_otherwise() {
        let before = Some((-0.100_000_1, 0.2));
        assert_eq!(
            AXIS.threshold_with(before, End::High, 0.25),
            Some((-0.100_000_1, 0.25))
        );
        assert_eq!(
            AXIS.threshold_with(before, End::Low, 0.25),
            Some((0.25, 0.25))
        );
        assert_eq!(
            AXIS.threshold_with(before, End::High, -0.2),
            Some((-0.2, -0.2))
        );
        assert_eq!(AXIS.threshold_with(Some((-0.3, 0.1)), End::High, 0.3), None);
    }

    #[test]
    fn zero_keeps_its_colour_when_one_end_is_set() {
        let signed = summary(Quantity::Contribution);
        assert_eq!(range_with(&signed, End::High, 0.2), Some((-0.2, 0.2)));
        assert_eq!(range_with(&signed, End::Low, 0.2), Some((-0.2, 0.2)));
        assert_eq!(range_with(&signed, End::Low, -3.0), Some((-3.0, 3.0)));
        assert_eq!(range_with(&signed, End::Low, 0.0), None);
        assert_eq!(range_with(&signed, End::Low, f64::NAN), None);
        assert_eq!(range_with(&signed, End::Low, f64::INFINITY), None);
    }

    #[test]
    fn the_ends_do_not_cross_and_ranks_stay_within_theirs() {
        let mut plain = summary(Quantity::Attention);
        (plain.range, plain.full_range) = ((0.0, 0.5), (0.0, 0.5));
        assert_eq!(range_with(&plain, End::Low, 0.1), Some((0.1, 0.5)));
        assert_eq!(range_with(&plain, End::Low, 0.5), None);
        assert_eq!(range_with(&plain, End::High, 9.0), Some((0.0, 9.0)));
        plain.grading = Grading::Percentile;
        (plain.range, plain.full_range) = ((0.0, 100.0), (0.0, 100.0));
        assert_eq!(range_with(&plain, End::Low, -5.0), Some((0.0, 100.0)));
        assert_eq!(range_with(&plain, End::Low, 95.0), Some((95.0, 100.0)));
    }

    #[test]
    fn a_single_tile_can_be_seen_beside_the_highest_bar() {
        assert_eq!(bar_height(0, 100), 0);
        assert_eq!(bar_height(100, 100), 1000);
        assert!(bar_height(1, 10_000) > 50);
        assert!(bar_height(10, 10_000) < bar_height(100, 10_000));
        assert_eq!(bar_height(1, 0), 1000);
    }

    #[test]
    fn fields_show_four_digits_and_step_by_hundredths() {
        for (value, text) in [
            (0.123_456, "0.1235"),
            (-0.000_012_345, "-0.00001235"),
            (123_456.0, "123500"),
            (100.0, "100"),
            (0.0, "0"),
        ] {
            assert_eq!(rounded(value).to_string(), text);
        }
        assert_eq!(rounded(f64::MIN_POSITIVE), f64::MIN_POSITIVE);
        assert_eq!(field_step(0.5), 0.01);
        assert_eq!(field_step(100.0), 1.0);
        assert_eq!(field_step(0.0), 1.0);
        assert_eq!(field_step(0.000_05).to_string(), "0.000001");
    }
}
