//! Whether the colours of two views may be compared, and making it so.

use domain::layer::LayerSpec;
use leptos::prelude::*;

use super::panes::{Panes, Side};
use super::state::ViewState;
use super::told::OverlayStatus;

/// From where to where the colours of a layer go.
type Ends = (f64, f64);

impl Panes {
    /// Where the colours of the chosen layers of both views end, where they show the same quantity.
    #[must_use]
    pub fn scales(&self) -> Option<(Ends, Ends)> {
        self.beside.with(Option::is_some).then_some(())?;
        let of = |state: ViewState| match state.chosen_status() {
            OverlayStatus::Shown(summary) => Some((
                (summary.quantity, summary.grading, summary.signed),
                summary.range,
            )),
            _ => None,
        };
        let (one, other) = (of(self.of(Side::First))?, of(self.of(Side::Second))?);
        (one.0 == other.0).then_some((one.1, other.1))
    }

    /// Gives the chosen layers of both views the ends that hold what either has.
    pub fn share_scale(&self) {
        let Some(((low, high), (other_low, other_high))) = untrack(|| self.scales()) else {
            return;
        };
        let range = Some((low.min(other_low), high.max(other_high)));
        for side in [Side::First, Side::Second] {
            self.of(side)
                .change_layer(|layer| LayerSpec { range, ..layer });
        }
    }
}
