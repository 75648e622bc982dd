//! The kinds of fields that controls are made of.

use leptos::prelude::*;

/// Keys and what the screen calls them.
pub type Choices = Vec<(String, String)>;

/// A labelled list to choose from.
pub fn choice(
    label: &'static str,
    test_id: &'static str,
    choices: Signal<Choices>,
    chosen: Signal<String>,
    choose: Callback<String>,
) -> impl IntoView {
    let items = move || {
        choices
            .get()
            .into_iter()
            .map(|(key, title)| {
                let own = key.clone();
                let is_chosen = move || chosen.with(|chosen| *chosen == own);
                view! {
                    <option value=key selected=is_chosen.clone() prop:selected=is_chosen>
                        {title}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <label class="layer__field">
            <span>{label}</span>
            <select
                class="input"
                data-testid=test_id
                on:change=move |event| choose.run(event_target_value(&event))
            >
                {items}
            </select>
        </label>
    }
}

/// A box to be ticked, with its words.
pub fn tick(
    label: &'static str,
    title: &'static str,
    test_id: &'static str,
    is_ticked: Signal<bool>,
    set: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="layer__tick" title=title>
            <input
                type="checkbox"
                data-testid=test_id
                prop:checked=is_ticked
                on:change=move |event| set.run(event_target_checked(&event))
            />
            <span>{label}</span>
        </label>
    }
}
