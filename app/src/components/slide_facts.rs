//! What a slide is: its file, its size, where it comes from.

use domain::view::SlideDetail;
use leptos::prelude::*;

use crate::components::Facts;
use crate::erase::Erase;
use crate::format;

/// The facts about a slide.
#[component]
pub fn SlideFacts(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let facts = move || {
        let detail = slide.get();
        let summary = detail.summary;
        let tiles = summary.tiles.map_or_else(
            || "not laid yet".to_owned(),
            |tiles| format::thousands(tiles.into()),
        );
        let objective = summary.objective.map_or_else(
            || "not named by the file".to_owned(),
            |objective| format!("{objective}×"),
        );
        let size = format!(
            "{}, {}",
            format::size_px(summary.width, summary.height),
            format::size_mm(&summary)
        );
        let rows = vec![
            ("Specimen", summary.specimen),
            ("Size", size),
            ("Resolution", format::mpp(summary.mpp)),
            ("Objective", objective),
            ("Format", detail.format),
            ("Tiles", tiles),
            ("SHA-256", format!("{}…", summary.version)),
        ];
        view! {
            <p>{detail.source}</p>
            <Facts rows=rows />
        }
    };
    view! {
        <section class="panel" aria-labelledby="facts-title">
            <h2 class="panel__title" id="facts-title">
                "About this slide"
            </h2>
            {facts}
        </section>
    }
    .erase()
}
