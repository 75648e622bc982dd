//! How a model did on the patients that its fold models had not seen, in words.

use leptos::prelude::*;

/// What the numbers of a model mean: stands once below all tables.
#[component]
pub fn ModelNote() -> impl IntoView {
    view! {
        <p class="note">
            "Each patient is judged only by fold models that have not seen them; only pairs of patients within a fold are compared. The intervals are conditional on these models: they hold for new patients, not for new training. An AUROC of 0.5 is chance; where there is room the thin line marks it."
        </p>
    }
}
