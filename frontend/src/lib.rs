//! dev harness, not committed
use wasm_bindgen::prelude::*;
#[wasm_bindgen]
pub fn start(json: String) { app::dev(json); }
