#![doc = include_str!("../README.md")]

pub mod api;
#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(feature = "ssr")]
pub mod charts;
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
use pages::{
    ModelsPage, NotFound, SlideList, StatusPage, TargetPage, provide_list_view, slide_part,
};
#[cfg(feature = "ssr")]
pub use router::router;
#[cfg(feature = "ssr")]
pub use shell::SiteAssets;

/// Takes over the page that the server rendered, once all that it consists of is loaded. What the server rendered is
/// made anew where a part cannot be loaded: then the page says so.
#[cfg(feature = "hydrate")]
pub async fn start() {
    if navigation::here().load().await {
        leptos::mount::hydrate_body(App);
    } else {
        if let Some(body) = document().body() {
            body.set_inner_html("");
        }
        leptos::mount::mount_to_body(App);
    }
}

/// The application: the head of the page and the page that belongs to the address.
#[component]
pub fn App() -> impl IntoView {
    let current = CurrentPage::provide();
    Live::provide();
    provide_list_view();
    let page = move || match current.get() {
        Page::Slides => view! { <SlideList /> }.erase(),
        Page::Slide(code) => slide_part::slide_page(code),
        Page::Models => view! { <ModelsPage /> }.erase(),
        Page::Target(model, target) => view! { <TargetPage model=model target=target /> }.erase(),
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
    .erase()
}
