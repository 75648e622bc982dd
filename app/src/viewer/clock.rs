//! The time for pauses, retries and the pace of drawing.

/// Now, ms since the page was opened: by a clock that nobody sets, unlike the one on the wall. 0 where there is none.
#[must_use]
pub fn now() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}
