//! One stain alone: which, and by which vectors.

use domain::stain::{
    Glass, StainChannel, StainEstimate, StainSource, StainVector, Stains, WHITE, colour_of,
};
use domain::view::SlideSummary;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::format::number;
use super::state::ViewState;
use crate::erase::{Erase, Erased};
use crate::format::thousands;

/// How much of a stain the patch beside its vector shows: as much as in a well stained nucleus.
const SWATCH_AMOUNT: f64 = 0.7;

/// How far the question for the slide's own vectors and glass has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Nobody has wanted them.
    No,
    /// They are being estimated.
    Waiting,
    /// The server could not be reached, or refused.
    Failed,
    /// It answered.
    Answered,
}

/// A part of a stain vector: three decimals and a real minus.
fn decimals(value: f64) -> String {
    let thousandths = (value * 1000.0).round() as i64;
    let digits = (1000 + thousandths.abs() % 1000).to_string();
    let sign = if thousandths < 0 { "\u{2212}" } else { "" };
    [
        sign,
        &(thousandths.abs() / 1000).to_string(),
        ".",
        digits.get(1..).unwrap_or_default(),
    ]
    .concat()
}

/// What the slide's own vectors rest on, or why there are none.
fn estimate_text(estimate: &StainEstimate) -> String {
    estimate.problem.clone().unwrap_or_else(|| {
        [
            "Macenko et al. 2009, from ",
            &thousands(estimate.pixels.into()),
            " stained pixels of ",
            &number(estimate.um_per_px),
            " µm.",
        ]
        .concat()
    })
}

/// What densities are relative to, in words.
#[must_use]
pub fn glass_text(glass: Option<Glass>) -> String {
    match glass {
        Some([red, green, blue]) => {
            let levels = [red, green, blue].map(|level| level.to_string());
            [
                "glass of this slide, red, green, blue ",
                &levels.join(", "),
                " of 255",
            ]
            .concat()
        }
        None => "white, because the glass of this slide is not known".to_owned(),
    }
}

async fn fetch_estimate(url: String) -> Result<StainEstimate, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(&url))
        .await?
        .dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    // What the server says instead is no estimate either.
    serde_json::from_str(&text.as_string().unwrap_or_default()).map_err(|_| JsValue::NULL)
}

/// The controls for the stains.
pub(super) fn stain_controls(
    state: ViewState,
    summary: &SlideSummary,
    is_open: Memo<bool>,
) -> Erased {
    let url = ["/slides/", &summary.code, "/", &summary.version, "/stains"].concat();
    let asked = RwSignal::new(Asked::No);
    // The source that is chosen while no stain is shown alone.
    let resting = RwSignal::new(StainSource::default());
    let source = Memo::new(move |_| {
        state
            .stain
            .get()
            .map_or_else(|| resting.get(), |(_, source)| source)
    });

    let url = StoredValue::new(url);
    Effect::new(move |_| {
        let is_shown = state.stain.with(Option::is_some);
        // Presets need the glass, too. Whoever chooses a source has it tried once more.
        source.track();
        let is_wanted = is_open.get() || is_shown;
        let is_new = matches!(asked.get_untracked(), Asked::No | Asked::Failed);
        if !is_wanted || !is_new {
            return;
        }
        asked.set(Asked::Waiting);
        let url = url.get_value();
        spawn_local(async move {
            let estimate = fetch_estimate(url).await;
            // The page may have been left meanwhile.
            if asked.is_disposed() {
                return;
            }
            asked.set(if estimate.is_ok() {
                Asked::Answered
            } else {
                Asked::Failed
            });
            state.stains.set(estimate.ok());
        });
    });

    let choose_channel = move |key: String| {
        state
            .stain
            .set(StainChannel::parse(&key).map(|channel| (channel, source.get_untracked())));
    };
    let choose_source = move |key: String| {
        let chosen = StainSource::parse(&key).unwrap_or_default();
        resting.set(chosen);
        state.stain.update(|stain| {
            if let Some((_, source)) = stain {
                *source = chosen;
            }
        });
    };
    let channel_key = move || state.stain.get().map_or("", |(channel, _)| channel.key());
    let channels = StainChannel::ALL
        .map(|channel| {
            let is_chosen = move || channel_key() == channel.key();
            view! {
                <option value=channel.key() selected=is_chosen>
                    {channel.title()}
                </option>
            }
        })
        .collect_view();
    let sources = StainSource::ALL
        .map(|own| {
            view! {
                <option value=own.key() selected=move || source.get() == own>
                    {own.title()}
                </option>
            }
        })
        .collect_view();
    let vectors = Memo::new(move |_| state.stains_of(source.get()));
    let glass = Memo::new(move |_| state.glass());
    let row = |name, test_id, pick: fn(&Stains) -> Option<StainVector>| {
        vector_row(name, test_id, vectors, glass, pick)
    };
    let rows = [
        row("Haematoxylin", "vector-haematoxylin", |stains| {
            Some(stains.haematoxylin)
        }),
        row("Eosin", "vector-eosin", |stains| Some(stains.eosin)),
        row("Residual", "vector-residual", |stains| {
            Some(stains.basis()?[2])
        }),
    ]
    .collect_view();
    let note = move || match (source.get(), asked.get()) {
        (_, Asked::Failed) => {
            "The slide could not be looked at. Choose another source to try once more.".to_owned()
        }
        (StainSource::Slide, Asked::Waiting) => {
            "Estimating the vectors from this slide…".to_owned()
        }
        (StainSource::Slide, _) => state
            .stains
            .with(|estimate| estimate.as_ref().map_or_else(String::new, estimate_text)),
        _ => "Fixed values, the same for every slide.".to_owned(),
    };
    let relative = move || ["Relative to ", &glass_text(glass.get()), "."].concat();
    let has_asked = move || matches!(asked.get(), Asked::Answered | Asked::Failed);
    view! {
        <label class="setting setting--wide">
            <span>"Stain"</span>
            <select
                class="input"
                prop:value=channel_key
                data-testid="stain-channel"
                on:change=move |event| choose_channel(event_target_value(&event))
            >
                <option value="" selected=move || channel_key().is_empty()>
                    "All, as scanned"
                </option>
                {channels}
            </select>
        </label>
        <label class="setting setting--wide">
            <span>"Vectors"</span>
            <select
                class="input"
                prop:value=move || source.get().key()
                data-testid="stain-source"
                on:change=move |event| choose_source(event_target_value(&event))
            >
                {sources}
            </select>
        </label>
        <table class="stains" hidden=move || vectors.with(Option::is_none) data-testid="stain-vectors">
            <caption class="note">"Optical density of each stain, length 1"</caption>
            <thead>
                <tr>
                    <th scope="col">"Stain"</th>
                    <th scope="col">"Red"</th>
                    <th scope="col">"Green"</th>
                    <th scope="col">"Blue"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        <p class="note" data-testid="stain-glass" hidden=move || !has_asked()>
            {relative}
        </p>
        <p class="note" role="status" data-testid="stain-note">
            {note}
        </p>
    }
    .erase()
}

fn vector_row(
    name: &'static str,
    test_id: &'static str,
    vectors: Memo<Option<Stains>>,
    glass: Memo<Option<Glass>>,
    pick: fn(&Stains) -> Option<StainVector>,
) -> Erased {
    let vector = move || vectors.with(|stains| stains.as_ref().and_then(pick));
    let swatch = move || {
        let glass = glass.get().unwrap_or(WHITE);
        let colour = colour_of(vector()?, SWATCH_AMOUNT, glass);
        let [red, green, blue] = colour.map(|value| value.to_string());
        Some(["rgb(", &red, " ", &green, " ", &blue, ")"].concat())
    };
    let cells = [0usize, 1, 2]
        .map(|channel| {
            let text = move || {
                let value = vector().and_then(|vector| vector.get(channel).copied());
                value.map_or_else(String::new, decimals)
            };
            view! { <td>{text}</td> }
        })
        .collect_view();
    view! {
        <tr data-testid=test_id>
            <th scope="row">
                <span class="stains__swatch" style:background=swatch aria-hidden="true"></span>
                {name}
            </th>
            {cells}
        </tr>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_vectors_have_three_decimals() {
        assert_eq!(decimals(0.65), "0.650");
        assert_eq!(decimals(-0.0712), "\u{2212}0.071");
        assert_eq!(decimals(0.99995), "1.000");
    }

    #[test]
    fn the_vectors_say_what_they_rest_on_or_why_there_are_none() {
        let estimate = |problem: Option<&str>| StainEstimate {
            stains: None,
            glass: None,
            pixels: 12_345,
            um_per_px: 2.0,
            problem: problem.map(str::to_owned),
        };
        let text = estimate_text(&estimate(None));
        assert!(text.contains("12,345 stained pixels of 2.00 µm"), "{text}");
        assert_eq!(estimate_text(&estimate(Some("Blank."))), "Blank.");
    }

    #[test]
    fn it_is_said_what_densities_are_relative_to() {
        assert!(glass_text(Some([243, 241, 246])).ends_with("243, 241, 246 of 255"));
        assert!(glass_text(None).starts_with("white, because"));
    }
}
