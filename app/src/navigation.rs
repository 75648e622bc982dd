//! Which page an address names, and going from one to the next without loading the document anew.
//!
//! The browser's Navigation API does the work: it keeps the history, restores where a page was scrolled to and tells
//! screen readers. Where a browser lacks it, links load the next document, which the server renders all the same. With
//! few addresses, none nested, that does what `leptos_router` would, for a tenth of the wasm module.

use std::iter;

use js_sys::{Object, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{EventTarget, FocusOptions, HtmlElement, Url};

use crate::pages::slide_part;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The list of slides, at `/`.
    Slides,
    /// One slide by its code, at `/slides/{code}`.
    Slide(String),
    /// All models, at `/models`.
    Models,
    /// One target of one model by their keys, at `/models/{model}/{target}`.
    Target(String, String),
    /// The state of the server, at `/status`.
    Status,
    /// No page has this address.
    Missing,
}

impl Page {
    /// The page at a path.
    #[must_use]
    pub fn at(path: &str) -> Self {
        match path {
            "/" => Self::Slides,
            "/models" => Self::Models,
            "/status" => Self::Status,
            _ => Self::below(path).unwrap_or(Self::Missing),
        }
    }

    /// The page at a path that names something.
    fn below(path: &str) -> Option<Self> {
        let is_name = |name: &&str| !name.is_empty() && !name.contains('/');
        if let Some(code) = path.strip_prefix("/slides/").filter(is_name) {
            return Some(Self::Slide(code.to_owned()));
        }
        let (model, target) = path.strip_prefix("/models/")?.split_once('/')?;
        let both = Some(model)
            .filter(is_name)
            .zip(Some(target).filter(is_name));
        both.map(|(model, target)| Self::Target(model.to_owned(), target.to_owned()))
    }

    /// Waits for the part of the application that this page is in; false where it cannot be had.
    pub(crate) async fn load(&self) -> bool {
        match self {
            Self::Slide(_) => slide_part::load().await.is_ok(),
            _ => true,
        }
    }

    /// What the window is called.
    #[must_use]
    pub fn title(&self) -> String {
        let page = match self {
            Self::Slides => "Slides",
            Self::Slide(code) => code,
            Self::Models => "Models",
            Self::Target(model, target) => &format!("{target} by {model}"),
            Self::Status => "Status",
            Self::Missing => "Page not found",
        };
        format!("{page} · Marrowscope")
    }
}

/// The page that is shown.
#[derive(Clone, Copy)]
pub struct CurrentPage(RwSignal<Page>);

impl CurrentPage {
    /// Makes the page of the request, or of the window, available to every component below, and follows the window.
    pub fn provide() -> Self {
        let current = Self(RwSignal::new(here()));
        provide_context(current);
        Effect::new(move |_| follow(current));
        Effect::new(move |_| document().set_title(&current.0.with(Page::title)));
        current
    }

    /// The one provided above.
    ///
    /// # Panics
    /// Outside of [`crate::App`].
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// The page that is shown.
    #[must_use]
    pub fn get(self) -> Page {
        self.0.get()
    }

    /// Whether this page is shown.
    #[must_use]
    pub fn is(self, page: &Page) -> bool {
        self.0.with(|shown| shown == page)
    }

    /// Makes the page that is shown anew.
    pub(crate) fn show_again(self) {
        self.0.notify();
    }

    fn is_untracked(self, page: &Page) -> bool {
        self.0.with_untracked(|shown| shown == page)
    }
}

/// The page of the request, or of the window.
pub(crate) fn here() -> Page {
    Page::at(&path())
}

/// The path of the request.
#[cfg(feature = "ssr")]
pub(crate) fn path() -> String {
    use_context::<axum::http::request::Parts>()
        .map_or_else(String::new, |parts| parts.uri.path().to_owned())
}

/// The query of the request, without the question mark.
#[cfg(feature = "ssr")]
pub(crate) fn query() -> String {
    use_context::<axum::http::request::Parts>()
        .and_then(|parts| parts.uri.query().map(str::to_owned))
        .unwrap_or_default()
}

/// The query of the window.
#[cfg(not(feature = "ssr"))]
pub(crate) fn query() -> String {
    let query = window().location().search().unwrap_or_default();
    query.trim_start_matches('?').to_owned()
}

/// The path of the window.
#[cfg(not(feature = "ssr"))]
fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

// By hand, because web-sys counts the Navigation API as unstable.
#[wasm_bindgen]
extern "C" {
    type NavigateEvent;
    #[wasm_bindgen(method, getter, js_name = canIntercept)]
    fn can_intercept(this: &NavigateEvent) -> bool;
    #[wasm_bindgen(method, getter, js_name = hashChange)]
    fn hash_change(this: &NavigateEvent) -> bool;
    #[wasm_bindgen(method, getter, js_name = downloadRequest)]
    fn download_request(this: &NavigateEvent) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn destination(this: &NavigateEvent) -> Destination;
    #[wasm_bindgen(method)]
    fn intercept(this: &NavigateEvent, options: &Object);

    type Destination;
    #[wasm_bindgen(method, getter)]
    fn url(this: &Destination) -> String;
}

/// Shows the page of every address of ours that the window goes to.
fn follow(current: CurrentPage) {
    let Some(navigation) = Reflect::get(&window(), &"navigation".into())
        .ok()
        .and_then(|navigation| navigation.dyn_into::<EventTarget>().ok())
    else {
        return;
    };
    let navigate = Closure::<dyn Fn(NavigateEvent)>::new(move |event: NavigateEvent| {
        let ours =
            event.can_intercept() && !event.hash_change() && event.download_request().is_none();
        let Ok(url) = Url::new(&event.destination().url()) else {
            return;
        };
        let page = Page::at(&url.pathname());
        // The same page at another address is not a new page: the viewer writes its view into the query.
        if !ours || page == Page::Missing || current.is_untracked(&page) {
            return;
        }
        let show = Closure::once_into_js(move || {
            future_to_promise(async move {
                // Without its part the page tells what is missing.
                page.load().await;
                // Another page may have been asked for meanwhile.
                if here() == page {
                    current.0.set(page);
                    loaded().await;
                }
                Ok(JsValue::UNDEFINED)
            })
        });
        let options = Object::new();
        // Setting a property of a fresh object does not fail.
        let _ = Reflect::set(&options, &"handler".into(), &show);
        let _ = Reflect::set(&options, &"focusReset".into(), &"manual".into());
        event.intercept(&options);
    });
    // Fails only for a listener that is not a function.
    let _ = navigation
        .add_event_listener_with_callback("navigate", navigate.into_js_value().unchecked_ref());
}

/// Waits until the page has its data, a second at most: only then can the browser scroll to where the page was left.
async fn loaded() {
    // The first pause is for the page to be put in place at all.
    for pause in iter::once(0).chain(iter::repeat_n(50, 20)) {
        let pause = Promise::new(&mut |go_on, _| {
            let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&go_on, pause);
        });
        let waited = JsFuture::from(pause).await;
        let waits = document().query_selector("main [aria-busy]").ok().flatten();
        if waits.is_none() || waited.is_err() {
            break;
        }
    }
    // Who goes on with the keyboard goes on from the top of the page, not of the document.
    if let Some(main) = document().get_element_by_id("main") {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = main
            .unchecked_into::<HtmlElement>()
            .focus_with_options(&options);
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn every_page_has_one_address() {
        assert_eq!(Page::at("/"), Page::Slides);
        assert_eq!(Page::at("/status"), Page::Status);
        assert_eq!(Page::at("/models"), Page::Models);
        assert_eq!(
            Page::at("/models/m-1/del5q"),
            Page::Target("m-1".to_owned(), "del5q".to_owned())
        );
        assert_eq!(
            Page::at("/slides/PH-0001"),
            Page::Slide("PH-0001".to_owned())
        );
        for nowhere in ["", "/slides", "/slides/", "/slides/a/b", "/Status", "//"] {
            assert_eq!(Page::at(nowhere), Page::Missing, "{nowhere}");
        }
    }

    #[test]
    fn the_window_is_called_after_its_page() {
        assert_eq!(Page::at("/slides/SKIN-1").title(), "SKIN-1 · Marrowscope");
    }
}
