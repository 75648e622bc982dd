//! An estimate with its interval as a mark on a line from 0 to 1.

use leptos::prelude::*;

/// A dot with a whisker between 0 and 1, and a thin line at a value to compare with. The numbers stand beside it in
/// words, so it is hidden from screen readers.
#[component]
pub fn IntervalBar(
    /// The estimate.
    estimate: f64,
    /// From where to where the interval or the spread reaches.
    #[prop(optional_no_strip)]
    range: Option<(f64, f64)>,
    /// A value to compare with: chance, or the share in training.
    #[prop(optional_no_strip)]
    compare: Option<f64>,
) -> impl IntoView {
    let percent = |value: f64| format!("{:.1}%", value.clamp(0.0, 1.0) * 100.0);
    let whisker = range.map(|(low, high)| {
        let (low, high) = (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0));
        view! { <rect class="interval__range" x=percent(low) y="6" width=percent(high - low) height="4" rx="2" /> }
    });
    let line = compare.map(|value| {
        view! { <line class="interval__compare" x1=percent(value) x2=percent(value) y1="1" y2="15" /> }
    });
    view! {
        <svg class="interval" width="100%" height="16" aria-hidden="true">
            <line class="interval__axis" x1="0" x2="100%" y1="8" y2="8" />
            {line}
            {whisker}
            <circle class="interval__mark" cx=percent(estimate) cy="8" r="4" />
        </svg>
    }
    .into_any()
}
