//! The slide viewer: image and overlay under one camera, drawn with WebGL2.
//!
//! `schedule`, `retry`, `cache`, `motion`, `fingers`, `input`, `maps`, `values`, `prepared` and `cells` decide and know no browser;
//! `renderer`, `program`, `clock` and `net` are the browser's hands; `scene`, `events`, `drawing`, `orders`, `layers` and `engine` join them. The
//! components are the same on the server, where nothing of that runs.

mod cache;
mod cells;
mod clock;
mod colour_bar;
pub mod command;
mod controls;
mod drawing;
mod engine;
mod events;
mod fields;
mod fingers;
mod format;
mod full_screen;
mod heading;
mod histogram;
mod image_settings;
mod input;
mod keys;
mod layer_change;
mod layer_list;
pub mod layer_setup;
mod layers;
mod legend;
mod magnification;
mod maps;
mod minimap;
mod motion;
mod net;
mod orders;
mod overview;
mod pace;
pub mod panes;
mod position;
mod prepared;
mod program;
mod provenance;
mod read_out;
mod renderer;
mod retry;
mod ruler;
mod scale_bar;
mod scales;
mod scene;
mod schedule;
mod screen_caption;
mod shaders;
mod snapshot;
mod span;
mod stain_settings;
pub mod state;
mod summary;
#[cfg(test)]
mod test_slide;
mod tile;
mod told;
mod toolbar;
mod top_tiles;
mod turn;
mod values;
mod whole_pixels;

pub use controls::LayerControls;
pub use format::number;
pub use heading::PaneHeading;
pub use layer_change::settled;
pub use legend::{Legend, OtherLegends};
pub use panes::{Panes, Side};
pub use read_out::ReadOut;
pub use state::ViewState;
pub use top_tiles::TopTiles;

use std::time::Duration;

use domain::view::{SlideDetail, SlideSummary};
use leptos::html;
use leptos::prelude::*;

use command::{Ask, Command, Tool};
use engine::Engine;
use keys::KeyList;
use minimap::{Minimap, thumbnail_url};
use position::Position;
use ruler::Rulers;
use scale_bar::ScaleBar;
use screen_caption::ScreenCaption;
use snapshot::Snapshot;
use told::FailedTiles;
use toolbar::Toolbar;

/// How long tiles that were given up are left alone before all of them are tried once more.
const RETRY: Duration = Duration::from_secs(20);

/// The slide, to be moved about in. Fills its container; shares its state by [`ViewState`].
#[component]
pub fn Viewer(
    /// The slide. What is said of it may change; which slide it is may not.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let state = ViewState::from_context();
    let canvas = NodeRef::<html::Canvas>::new();
    let outline = NodeRef::<html::Div>::new();

    let summary = slide.with_untracked(|slide| slide.summary.clone());
    state.mpp.set(summary.mpp);
    let name = [
        "Slide ",
        &summary.code,
        ". Arrow keys move, plus and minus zoom, 0 shows the whole slide, h switches the heatmap, question mark lists all keys. The values are those of the tile in the middle.",
    ]
    .concat();

    Effect::new(move |_| {
        let (Some(canvas), Some(outline)) = (canvas.get(), outline.get()) else {
            return;
        };
        let first = slide.get_untracked();
        let Some(engine) = Engine::start(canvas, outline.into(), first, state) else {
            state.is_supported.set(false);
            return;
        };
        let for_slide = engine.clone();
        Effect::new(move |started: Option<()>| {
            let slide = slide.get();
            if started.is_some() {
                for_slide.slide_changed(slide);
            }
        });
        let for_layers = engine.clone();
        Effect::new(move |_| {
            state.layers.track();
            state.chosen.track();
            state.overlay_on.track();
            state.overview_on.track();
            state.wants_all_targets.track();
            for_layers.layers_changed();
        });
        let for_image = engine.clone();
        Effect::new(move |_| {
            state.light.track();
            state.stain.track();
            state.stains.track();
            for_image.image_changed();
        });
        let for_picture = engine.clone();
        Effect::new(move |_| {
            if state.ask.get() == Some(Ask::Snapshot) {
                state.ask.set(None);
                for_picture.take_picture();
            }
        });
        Effect::new(move |_| {
            if let Some(command) = state.command.get() {
                // Done once: a viewer that is made anew does not do it again.
                state.command.update_untracked(|command| *command = None);
                engine.command(command);
            }
        });
    });

    let is_noticed =
        move || state.is_interrupted.get() || state.failed_tiles.with(|failed| failed.count > 0);
    let notice = move || {
        if state.is_interrupted.get() {
            "The graphics card is taken away for the moment: the slide is drawn again as soon as it is back".to_owned()
        } else {
            state.failed_tiles.with(FailedTiles::text)
        }
    };
    let is_retry_vain = move || {
        state.is_interrupted.get() || state.failed_tiles.with(|failed| failed.refusal.is_some())
    };
    // A server that was away for longer than the tries last is back some time: nobody need press anything.
    Effect::new(move |timer: Option<Option<TimeoutHandle>>| {
        if let Some(Some(timer)) = timer {
            timer.clear();
        }
        let is_failing = state.failed_tiles.with(|failed| failed.count > 0);
        let try_again = move || {
            let _ = state.command.try_set(Some(Command::Retry));
        };
        (is_failing && !is_retry_vain())
            .then(|| set_timeout_with_handle(try_again, RETRY).ok())
            .flatten()
    });
    let objective = summary.objective;
    let captioned = summary.clone();
    let toolbar = view! { <Toolbar summary=summary.clone() /> };
    let minimap = view! { <Minimap summary=summary.clone() /> };
    let snapshot = view! { <Snapshot summary=summary.clone() /> };
    let measures = move || state.tool.get() == Tool::Ruler;
    let overview = move || {
        (!state.is_supported.get()).then(|| view! { <StaticOverview summary=summary.clone() /> })
    };
    view! {
        <div class="viewer" class:viewer--static=move || !state.is_supported.get() data-testid="viewer">
            {toolbar}
            <div class="viewer__field" class:viewer__field--measuring=measures>
                <div class="viewer__picture">
                    <canvas
                        node_ref=canvas
                        class="viewer__canvas"
                        class:viewer__canvas--lost=move || state.is_interrupted.get()
                        tabindex="0"
                        role="application"
                        aria-label=name
                        data-testid="viewer-canvas"
                    ></canvas>
                    <div class="viewer__frame" aria-hidden="true">
                        <div node_ref=outline class="viewer__outline" data-testid="viewer-outline"></div>
                        <div class="viewer__cross" data-testid="viewer-cross"></div>
                    </div>
                    <Rulers />
                </div>
                <p class="viewer__notice" class:viewer__notice--shown=is_noticed>
                    <span role="status" data-testid="viewer-notice">
                        {notice}
                    </span>
                    <button
                        type="button"
                        class="viewer__retry"
                        hidden=is_retry_vain
                        on:click=move |_| state.command.set(Some(Command::Retry))
                    >
                        "Try again"
                    </button>
                </p>
                <ScaleBar objective />
                {minimap}
                {snapshot}
                {overview}
            </div>
            <ScreenCaption summary=captioned />
            <Position />
            <KeyList />
        </div>
    }
}

/// What is left without WebGL2.
#[component]
fn StaticOverview(summary: SlideSummary) -> impl IntoView {
    let thumbnail = thumbnail_url(&summary);
    let text = ["Overview of slide ", &summary.code].concat();
    view! {
        <div class="viewer__static" data-testid="viewer-static">
            <p>
                "This browser has no WebGL2, or it is switched off: the slide cannot be zoomed and no heatmap drawn. This is its overview."
            </p>
            <img src=thumbnail alt=text />
        </div>
    }
}
