//! The word that stands beside every slide that was drawn.

use leptos::prelude::*;

/// "synthetic", beside a slide, patient or cohort that was drawn and not photographed.
#[component]
pub fn SyntheticBadge() -> impl IntoView {
    view! {
        <span class="badge" title="Drawn by the program with a known composition. No patient is behind it.">
            "synthetic"
        </span>
    }
}
