//! Which view is which where two are side by side: what stands above each, and what the panel calls the one it is about.

use leptos::prelude::*;

use super::panes::{Panes, Side};
use super::state::ViewState;
use super::summary::{grade_unit, layer_title, models_title, span};
use super::told::{LayerSummary, OverlayStatus};

/// What the screen calls a view while there are two; `None` while there is one.
pub(super) fn view_name(panes: Panes, state: ViewState) -> Option<&'static str> {
    let is_second = panes.of(Side::Second) == state;
    let name = if is_second { "View B" } else { "View A" };
    panes.beside.with(Option::is_some).then_some(name)
}

/// What a layer shows and of which model, and from where to where its colours go.
fn heading(summary: &LayerSummary) -> (String, String) {
    // Two models with a minus between them say by themselves that it is a difference.
    let title = layer_title(&summary.target, summary.quantity, false);
    let models = models_title(&summary.model, summary.minus.as_deref());
    let ends = span(summary.signed, summary.range, grade_unit(summary));
    ([&title, " \u{b7} ", &models].concat(), ends)
}

/// Above a view while there are two: its letter, its slide, and what the topmost layer that is seen shows.
#[component]
pub fn PaneHeading(
    /// Which of the two.
    side: Side,
    /// What its slide is called, and what is to be known of it.
    #[prop(into)]
    slide: Signal<String>,
) -> impl IntoView {
    let panes = Panes::get();
    let state = panes.of(side);
    let name = move || [side.letter(), " \u{b7} ", &slide.get()].concat();
    let shown = Memo::new(move |_| {
        state.overlays.with(|overlays| {
            overlays.iter().rev().find_map(|status| match status {
                OverlayStatus::Shown(summary) => Some(heading(summary)),
                _ => None,
            })
        })
    });
    let whole = move || {
        let shown = shown.get();
        shown.map(|(what, ends)| [&name(), " \u{b7} ", &what, " \u{b7} ", &ends].concat())
    };
    let layer = move || {
        shown.get().map(|(what, ends)| {
            view! {
                <span class="pane__what">{what}</span>
                " "
                <span class="pane__ends">{ends}</span>
            }
        })
    };
    view! {
        <p
            class="pane__label"
            title=whole
            hidden=move || panes.beside.with(Option::is_none)
            data-testid=["pane-label-", side.letter()].concat()
        >
            <span class="pane__name">{name}</span>
            <span class="pane__layer">{layer}</span>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::summary;
    use super::*;
    use domain::layer::Quantity;

    #[test]
    fn a_heading_says_what_of_which_model_and_how_far_the_colours_go() {
        let mut layer = summary(Quantity::Contribution);
        let (what, ends) = heading(&layer);
        assert_eq!(what, "del(5q), Contribution \u{b7} One");
        assert_eq!(ends, "\u{2212}0.500 to +0.500 log odds");
        layer.minus = Some("Other".to_owned());
        assert_eq!(
            heading(&layer).0,
            "del(5q), Contribution \u{b7} One \u{2212} Other"
        );
    }
}
