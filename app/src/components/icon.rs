//! The few icons, drawn on a grid of 16 × 16.

use leptos::prelude::*;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    /// All is well.
    Check,
    /// Waits.
    Clock,
    /// Works.
    Work,
    /// Needs attention.
    Warning,
    /// Back to where one came from.
    Back,
    /// Stop.
    Stop,
    /// Once more.
    Retry,
    /// A sun.
    Light,
    /// A moon.
    Dark,
    /// As the system has it.
    System,
    /// Look for.
    Search,
}

impl IconName {
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "M3 8.5 6.5 12 13 4.5",
            Self::Clock => "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2.2 1.6",
            Self::Work => "M8 2.5a5.5 5.5 0 1 1-5.2 3.7",
            Self::Warning => "M8 2.5 14.2 13.3H1.8zM8 6.5v3.2M8 11.4v.2",
            Self::Back => "M10 3 5 8l5 5",
            Self::Stop => "M4.5 4.5h7v7h-7z",
            Self::Retry => "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
            Self::Light => {
                "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3.1 3.1l1.1 1.1M11.8 11.8l1.1 1.1M12.9 3.1l-1.1 1.1M4.2 11.8l-1.1 1.1"
            }
            Self::Dark => "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
            Self::System => {
                "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 2.5v11M8 5l3.6-1.2M8 8h5.5M8 11l3.6 1.2"
            }
            Self::Search => "M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2 13.5 13.5",
        }
    }
}

/// An icon beside its words; it is hidden from screen readers, so the words must say it all.
#[component]
pub fn Icon(name: IconName) -> impl IntoView {
    let class = if name == IconName::Work {
        "icon icon--turns"
    } else {
        "icon"
    };
    view! {
        <svg class=class viewBox="0 0 16 16" aria-hidden="true">
            <path d=name.path() />
        </svg>
    }
}
