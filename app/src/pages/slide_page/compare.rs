//! Setting up a second view beside the first: without the heatmap, of another target or model, or of another slide.

use domain::address::PaneSpec;
use domain::layer::LayerSpec;
use domain::view::SlideDetail;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::viewer::layer_setup::{first_layer, of_other_values, with_fitting_colours};
use crate::viewer::{Panes, Side, number};

/// What is put beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    WithoutHeatmap,
    OtherTarget,
    OtherModel,
    Difference,
    OtherSlide,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::WithoutHeatmap,
        Self::OtherTarget,
        Self::OtherModel,
        Self::Difference,
        Self::OtherSlide,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::WithoutHeatmap => "Without the heatmap",
            Self::OtherTarget => "Another target",
            Self::OtherModel => "Another model",
            Self::Difference => "Difference of two models",
            Self::OtherSlide => "Another slide…",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::WithoutHeatmap => "without",
            Self::OtherTarget => "target",
            Self::OtherModel => "model",
            Self::Difference => "difference",
            Self::OtherSlide => "slide",
        }
    }

    /// The layers of the second view, `None` when the slide does not have what it takes.
    fn layers(self, slide: &SlideDetail, layer: Option<LayerSpec>) -> Option<Vec<LayerSpec>> {
        if self == Self::WithoutHeatmap {
            return Some(Vec::new());
        }
        let layer = layer.or_else(|| first_layer(slide))?;
        let model = slide.models.iter().find(|model| model.key == layer.model)?;
        let other_model = || {
            let has_target = |key: &str| {
                let of_model = slide.models.iter().find(|model| model.key == key)?;
                of_model
                    .targets
                    .iter()
                    .any(|target| target.key == layer.target)
                    .then_some(())
            };
            slide
                .models
                .iter()
                .map(|model| &model.key)
                .find(|key| **key != layer.model && has_target(key).is_some())
                .cloned()
        };
        let changed = match self {
            Self::OtherTarget => {
                let own = model
                    .targets
                    .iter()
                    .position(|target| target.key == layer.target);
                let next = own.map_or(0, |own| (own + 1) % model.targets.len().max(1));
                let target = model
                    .targets
                    .get(next)
                    .filter(|target| target.key != layer.target)?;
                of_other_values(LayerSpec {
                    target: target.key.clone(),
                    ..layer.clone()
                })
            }
            Self::OtherModel => of_other_values(LayerSpec {
                model: other_model()?,
                minus: None,
                ..layer.clone()
            }),
            Self::Difference => with_fitting_colours(of_other_values(LayerSpec {
                minus: Some(other_model()?),
                ..layer.clone()
            })),
            Self::WithoutHeatmap | Self::OtherSlide => layer.clone(),
        };
        Some(vec![changed])
    }
}

/// The choice of what is compared, whether both views move together, and the end of it.
#[component]
pub(super) fn Compare() -> impl IntoView {
    let panes = Panes::get();
    let is_compared = move || panes.beside.with(Option::is_some);
    let (wants_slide, set_wants_slide) = signal(false);
    let (codes, set_codes) = signal(Vec::<String>::new());
    let (problem, set_problem) = signal("");
    // A view that came with the address is none of the kinds; it stands there as one that was chosen without.
    let (chosen, set_chosen) = signal(if panes.beside.with_untracked(Option::is_some) {
        "open".to_owned()
    } else {
        String::new()
    });
    Effect::new(move |_| {
        if panes.beside.with(Option::is_none) && !wants_slide.get_untracked() {
            set_chosen.set(String::new());
        }
    });

    let open = move |slide: String, layers: Vec<LayerSpec>| {
        let first = untrack(|| panes.of(Side::First).spec());
        panes.compare_with(slide, PaneSpec { layers, ..first });
    };
    let choose = move |key: String| {
        set_problem.set("");
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.key() == key) else {
            set_wants_slide.set(false);
            return panes.close_beside();
        };
        set_wants_slide.set(kind == Kind::OtherSlide);
        if kind == Kind::OtherSlide {
            spawn_local(async move {
                if let Ok(slides) = api::list_slides().await {
                    set_codes.try_set(slides.into_iter().map(|slide| slide.code).collect());
                }
            });
            return;
        }
        let first = panes.of(Side::First);
        let slide = panes.slide.get_untracked();
        match kind.layers(&slide, untrack(|| first.chosen_layer())) {
            Some(layers) => {
                // Two targets or models are compared by their heatmaps: the first one's is to be seen, too.
                if kind != Kind::WithoutHeatmap
                    && first.layers.with_untracked(Vec::is_empty)
                    && let Some(layer) = first_layer(&slide)
                {
                    first.add_layer(layer);
                }
                open(slide.summary.code, layers);
            }
            None => set_problem.set(match kind {
                Kind::OtherTarget => "There is no other target on this slide.",
                _ => "No other model has predicted this target here.",
            }),
        }
    };
    let choose_slide = move |code: String| {
        let code = code.trim();
        if code.parse::<domain::ids::Code>().is_err() {
            set_problem.set("Type the code of a slide, for example PH-0001.");
            return;
        }
        // As it is written in the list, however it was typed. A list that did not come decides nothing.
        let known = codes.with_untracked(|codes| {
            let same = |known: &&String| known.eq_ignore_ascii_case(code);
            codes
                .iter()
                .find(same)
                .cloned()
                .or_else(|| codes.is_empty().then(|| code.to_owned()))
        });
        let Some(code) = known else {
            set_problem.set("No slide has this code: choose one of the list.");
            return;
        };
        set_problem.set("");
        let layers = panes.of(Side::First).layers.get_untracked();
        open(code, layers);
    };
    let scales = move || {
        let (one, other) = panes.scales()?;
        (one != other).then(|| (number(one.1), number(other.1)))
    };
    let options = Kind::ALL
        .map(|kind| view! { <option value=kind.key()>{kind.title()}</option> })
        .collect_view();
    let code_options = move || {
        codes
            .get()
            .into_iter()
            .map(|code| view! { <option value=code></option> })
            .collect_view()
    };
    let sides = [Side::First, Side::Second]
        .map(|side| {
            let is_active = move || panes.active.get() == side;
            view! {
                <button
                    type="button"
                    class="button button--small"
                    aria-pressed=move || is_active().to_string()
                    data-testid=["compare-side-", side.letter()].concat()
                    on:click=move |_| panes.activate(side)
                >
                    {["View ", side.letter()].concat()}
                </button>
            }
        })
        .collect_view();
    view! {
        <section
            class="panel compare"
            aria-labelledby="compare-title"
            data-testid="compare"
            hidden=move || !panes.of(Side::First).is_supported.get()
        >
            <h2 class="panel__title" id="compare-title">
                "Comparison"
            </h2>
            <label class="layer__field">
                <span>"Compare with"</span>
                <select
                    class="input"
                    data-testid="compare-kind"
                    prop:value=move || chosen.get()
                    on:change=move |event| {
                        let key = event_target_value(&event);
                        set_chosen.set(key.clone());
                        choose(key);
                    }
                >
                    <option value="">"Nothing"</option>
                    <option value="open" hidden disabled>
                        "View B as it is"
                    </option>
                    {options}
                </select>
            </label>
            <label class="layer__field" hidden=move || !wants_slide.get()>
                <span>"Code of the slide"</span>
                <input
                    class="input"
                    type="text"
                    list="compare-codes"
                    autocomplete="off"
                    data-testid="compare-slide"
                    on:change=move |event| choose_slide(event_target_value(&event))
                />
                <datalist id="compare-codes">{code_options}</datalist>
            </label>
            <p class="note" role="status" hidden=move || problem.get().is_empty()>
                {move || problem.get()}
            </p>
            <div class="compare__row" hidden=move || !is_compared()>
                {sides}
                <label
                    class="layer__switch"
                    title="Ties the views as they lie to each other now: place, zoom and turn. Neither jumps; the one that is moved leads."
                >
                    <input
                        type="checkbox"
                        role="switch"
                        data-testid="compare-sync"
                        prop:checked=move || panes.synchronised.get()
                        on:change=move |event| panes.synchronise(event_target_checked(&event))
                    />
                    <span>"Move together"</span>
                </label>
                <button
                    type="button"
                    class="button button--small"
                    title="Brings the other view to the zoom and turn of the one that is marked and, of the same slide, to its place"
                    data-testid="compare-align"
                    on:click=move |_| panes.align()
                >
                    "Align"
                </button>
                <button
                    type="button"
                    class="button button--small"
                    data-testid="compare-close"
                    on:click=move |_| {
                        set_wants_slide.set(false);
                        panes.close_beside();
                    }
                >
                    "Close view B"
                </button>
            </div>
            <p class="compare__row" hidden=move || scales().is_none() data-testid="compare-scales">
                <span>{move || scales().map(|(one, other)| format!("Equal colours are not equal values: the colours of view A end at {one}, those of view B at {other}."))}</span>
                <button
                    type="button"
                    class="button button--small"
                    data-testid="compare-same-scale"
                    on:click=move |_| panes.share_scale()
                >
                    "Same scale in both"
                </button>
            </p>
            <p class="note" hidden=move || !is_compared()>
                "The settings of this panel are those of the view that is marked. Views that move together keep how they lie to each other; Align brings the other one to the place of the one that is marked, or for another slide to its zoom and turn."
            </p>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_key_of_its_own() {
        for kind in Kind::ALL {
            let same = Kind::ALL
                .into_iter()
                .filter(|other| other.key() == kind.key());
            assert_eq!(same.count(), 1, "{}", kind.title());
        }
    }
}
