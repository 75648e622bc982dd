//! The part of Marrowscope that runs in the browser: it brings the server's pages to life.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the page, as soon as the module is loaded.
#[wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    app::start().await;
}
