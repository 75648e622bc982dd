#![doc = include_str!("../README.md")]

pub mod api;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod error;
pub mod format;
pub mod live;
pub mod pages;
#[cfg(feature = "ssr")]
mod router;
#[cfg(feature = "ssr")]
mod shell;
pub mod viewer;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use components::Header;
use live::Live;
use pages::{NotFound, SlideList, SlidePage, StatusPage};
#[cfg(feature = "ssr")]
pub use router::router;
#[cfg(feature = "ssr")]
pub use shell::SiteAssets;

/// The application: the head of the page and the page that belongs to the address.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Live::provide();
    view! {
        <Title formatter=|page: String| {
            if page.is_empty() { "Marrowscope".to_owned() } else { format!("{page} · Marrowscope") }
        } />
        <Router>
            <a class="skip" href="#main">
                "Skip to content"
            </a>
            <Header />
            <main id="main" tabindex="-1">
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=SlideList ssr=SsrMode::Async />
                    <Route path=path!("/slides/:code") view=SlidePage ssr=SsrMode::Async />
                    <Route path=path!("/status") view=StatusPage ssr=SsrMode::Async />
                </Routes>
            </main>
        </Router>
    }
}
