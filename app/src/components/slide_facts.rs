//! What a slide is: its file, its size, where it comes from.

use domain::view::SlideDetail;
use leptos::prelude::*;

use crate::format;

/// The facts about a slide, folded away.
#[component]
pub fn SlideFacts(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    view! {
        {move || {
            let detail = slide.get();
            let summary = detail.summary;
            let tiles = summary
                .tiles
                .map_or_else(|| "not laid yet".to_owned(), |tiles| format::thousands(tiles.into()));
            let objective = summary
                .objective
                .map_or_else(|| "not named by the file".to_owned(), |objective| format!("{objective}×"));
            view! {
                <section class="panel" aria-labelledby="facts-title">
                    <h2 class="panel__title" id="facts-title">
                        "About this slide"
                    </h2>
                    <p>{detail.source}</p>
                    <dl class="facts">
                        <dt>"Specimen"</dt>
                        <dd>{summary.specimen.clone()}</dd>
                        <dt>"Size"</dt>
                        <dd class="num">
                            {format!("{}, {}", format::size_px(summary.width, summary.height), format::size_mm(&summary))}
                        </dd>
                        <dt>"Resolution"</dt>
                        <dd class="num">{format::mpp(summary.mpp)}</dd>
                        <dt>"Objective"</dt>
                        <dd class="num">{objective}</dd>
                        <dt>"Format"</dt>
                        <dd>{detail.format}</dd>
                        <dt>"Tiles"</dt>
                        <dd class="num">{tiles}</dd>
                        <dt>"SHA-256"</dt>
                        <dd class="mono">{format!("{}…", summary.version)}</dd>
                    </dl>
                </section>
            }
        }}
    }
    .into_any()
}
