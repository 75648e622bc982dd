#![doc = include_str!("../README.md")]

pub mod api;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
mod erase;
pub mod error;
pub mod format;
pub mod live;
mod load;
pub mod navigation;
pub mod pages;
#[cfg(feature = "ssr")]
mod router;
#[cfg(feature = "ssr")]
mod shell;
pub mod viewer;

use leptos::prelude::*;

use components::Header;
use erase::Erase;
use live::Live;
use navigation::{CurrentPage, Page};
use pages::{NotFound, SlideList, SlidePage, StatusPage, provide_list_view};
#[cfg(feature = "ssr")]
pub use router::router;
#[cfg(feature = "ssr")]
pub use shell::SiteAssets;

/// The application: the head of the page and the page that belongs to the address.
#[component]
pub fn App() -> impl IntoView {
    let current = CurrentPage::provide();
    Live::provide();
    provide_list_view();
    let page = move || match current.get() {
        Page::Slides => view! { <SlideList /> }.erase(),
        Page::Slide(code) => view! { <SlidePage code=code /> }.erase(),
        Page::Status => view! { <StatusPage /> }.erase(),
        Page::Missing => view! { <NotFound /> }.erase(),
    };
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <Header />
        <main id="main" tabindex="-1">
            {page}
        </main>
    }
}
