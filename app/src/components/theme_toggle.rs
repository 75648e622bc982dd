//! Light, dark, or as the system has it.

use leptos::prelude::*;

use crate::components::{Icon, IconName};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    const fn icon(self) -> IconName {
        match self {
            Self::System => IconName::System,
            Self::Light => IconName::Light,
            Self::Dark => IconName::Dark,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::System => "Theme: as the system. Change to light",
            Self::Light => "Theme: light. Change to dark",
            Self::Dark => "Theme: dark. Change to that of the system",
        }
    }

    const fn key(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    fn stored() -> Self {
        let storage = window().local_storage().ok().flatten();
        match storage
            .and_then(|storage| storage.get_item("theme").ok().flatten())
            .as_deref()
        {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    fn apply(self) {
        let storage = window().local_storage().ok().flatten();
        let root = document().document_element();
        // Storage may be forbidden or full; the choice then lasts as long as the page.
        match self.key() {
            Some(key) => {
                let _ = storage.map(|storage| storage.set_item("theme", key));
                let _ = root.map(|root| root.set_attribute("data-theme", key));
            }
            None => {
                let _ = storage.map(|storage| storage.remove_item("theme"));
                let _ = root.map(|root| root.remove_attribute("data-theme"));
            }
        }
    }
}

/// A button that goes through the three themes.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    // The server does not know the choice: both sides start from the system's, the effect corrects it.
    let theme = RwSignal::new(Theme::System);
    Effect::new(move |_| theme.set(Theme::stored()));
    let change = move |_| {
        theme.update(|theme| *theme = theme.next());
        theme.get_untracked().apply();
    };
    view! {
        <button
            class="button button--bare"
            on:click=change
            aria-label=move || theme.get().label()
            title=move || theme.get().label()
        >
            {move || view! { <Icon name=theme.get().icon() /> }}
        </button>
    }
}
