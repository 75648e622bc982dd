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
    /// Larger, more.
    Plus,
    /// Smaller, less.
    Minus,
    /// All of it.
    Whole,
    /// The other way than [`IconName::Retry`] turns.
    TurnLeft,
    /// Turn, at any angle.
    Turn,
    /// The mirror image.
    Mirror,
    /// Measure.
    Ruler,
    /// Take away.
    Remove,
    /// Settings along a scale.
    Sliders,
    /// A picture.
    Camera,
    /// As large as the screen.
    FullScreen,
    /// Keys.
    Keyboard,
    /// Shut.
    Close,
    /// The whole with a part of it marked.
    Overview,
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
            Self::Plus => "M8 3v10M3 8h10",
            Self::Minus => "M3 8h10",
            Self::Whole => "M2.5 5.5v-3h3M10.5 2.5h3v3M13.5 10.5v3h-3M5.5 13.5h-3v-3M6 6h4v4H6z",
            Self::TurnLeft => "M3 8a5 5 0 1 0 1.6-3.7M3 2v3h3",
            Self::Turn => {
                "M3.4 10.2a5 5 0 0 0 9.2 0M12.6 5.8a5 5 0 0 0-9.2 0M13.4 2.8v3.2h-3.2M2.6 13.2V10h3.2"
            }
            Self::Mirror => "M8 1.8v12.4M5.8 4.2v7.6H1.6zM10.2 4.2v7.6h4.2z",
            Self::Ruler => {
                "M1.6 10.9 10.9 1.6l3.5 3.5-9.3 9.3zM4.7 7.8l1.4 1.4M7 5.5l2 2M9.3 3.2l1.4 1.4"
            }
            Self::Remove => "M2.8 4.3h10.4M6.2 4.3V2.5h3.6v1.8M4.2 4.3l.6 9.2h6.4l.6-9.2",
            Self::Sliders => "M2 4.7h6.5M12.5 4.7H14M10.5 2.7v4M2 11.3h1.5M7.5 11.3H14M5.5 9.3v4",
            Self::Camera => {
                "M1.8 4.8h2.9l1.1-1.9h4.4l1.1 1.9h2.9v8.3H1.8zM8 6.6a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z"
            }
            Self::FullScreen => "M9.5 6.5l4-4M10 2.5h3.5V6M6.5 9.5l-4 4M6 13.5H2.5V10",
            Self::Keyboard => "M1.5 4h13v8.2h-13zM4 6.8h.1M6.7 6.8h.1M9.3 6.8h.1M12 6.8h.1M5 9.6h6",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Overview => "M2.2 3h11.6v10H2.2zM8 7.6h3.6v3.2H8z",
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
