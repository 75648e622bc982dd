//! The part of Marrowscope that runs in the browser: it brings the server's pages to life.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the page, as soon as the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
