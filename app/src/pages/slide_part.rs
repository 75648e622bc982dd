//! The slide page as a part of its own: the build puts what only this page needs into a second WebAssembly module, which
//! a browser loads when the page is wanted or likely to be.
//!
//! Whoever shows a page waits for its part first ([`load`]), so that the page itself is made at once: hydration must find
//! the whole view, not one that comes later. On the server there are no parts.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use leptos::leptos_dom::helpers::request_idle_callback_with_handle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use super::SlidePage;
use crate::api;
use crate::components::Failure;
use crate::erase::{Erase, Erased};
use crate::error::AppError;
use crate::navigation::CurrentPage;

static LOADED: AtomicBool = AtomicBool::new(cfg!(not(target_family = "wasm")));

/// Waits for the part.
///
/// # Errors
/// When the server does not answer, or no longer has the part. The next call tries anew.
pub(crate) async fn load() -> Result<(), SplitLoaderError> {
    fetch_slide_page().await?;
    LOADED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Begins to load the part, for a page that may be asked for next.
pub(crate) fn expect() {
    if !LOADED.load(Ordering::Relaxed) {
        // What fails now is tried again, and told, when the page is asked for.
        spawn_local(async { drop(load().await) });
    }
}

/// The same when the browser has nothing better to do.
pub(crate) fn expect_when_idle() {
    if request_idle_callback_with_handle(expect).is_err() {
        // Safari does not tell.
        set_timeout(expect, std::time::Duration::from_secs(1));
    }
}

/// The page at `/slides/{code}`, or the failure to load its part.
pub(crate) fn slide_page(code: String) -> Erased {
    let loaded = LOADED
        .load(Ordering::Relaxed)
        .then(|| at_once(slide_page_of_part(code.clone())));
    match loaded {
        Some(Poll::Ready(Ok(page))) => page,
        _ => view! { <Missing code=code /> }.erase(),
    }
}

/// The split: what is reached from here only is the part. Its name is in `xtask::web::scripts`.
#[wasm_split(
    slide_page,
    wasm_split_path = ::leptos::wasm_split,
    preload(fetch_slide_page),
    fallible
)]
fn slide_page_of_part(code: String) -> Result<Erased, SplitLoaderError> {
    Ok(view! { <SlidePage code=code /> }.erase())
}

/// What a future has without waiting.
fn at_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// In place of the page whose part did not come.
#[component]
fn Missing(code: String) -> impl IntoView {
    let current = CurrentPage::expect();
    let title = format!("Slide {code}");
    let retry = move |()| {
        spawn_local(async move {
            if load().await.is_ok() {
                current.show_again();
            } else if api::progress().await.is_ok() {
                // A server that answers but lacks the part is newer than this page.
                let _ = window().location().reload();
            }
        });
    };
    let error = AppError::unavailable("The viewer could not be loaded from the server.");
    view! {
        <div class="page">
            <h1 class="page__title">{title}</h1>
            <Failure error=error retry=retry />
        </div>
    }
    .erase()
}
