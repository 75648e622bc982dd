//! Facts as term and description.

use leptos::prelude::*;

/// A list of facts, side by side.
#[component]
pub fn Facts<T: IntoView + 'static>(
    /// Term and description.
    rows: Vec<(T, String)>,
) -> impl IntoView {
    let row = |(term, description): (T, String)| {
        view! {
            <dt>{term}</dt>
            <dd class="num">{description}</dd>
        }
    };
    view! { <dl class="facts">{rows.into_iter().map(row).collect_view()}</dl> }
}
