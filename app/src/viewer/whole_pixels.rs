//! A canvas that covers whole device pixels: on a part of one the browser would stretch the picture, and what is drawn over it
//! by the page would lie beside it.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlCanvasElement, HtmlElement};

/// Lays the element that holds the canvas over all whole device pixels of the element around it. Their numbers across and
/// down; `None` where there is not one.
#[must_use]
pub fn fill_parent(canvas: &HtmlCanvasElement, ratio: f64) -> Option<(u32, u32)> {
    let picture: HtmlElement = canvas.parent_element()?.dyn_into().ok()?;
    let field: Element = picture.parent_element()?;
    let rect = field.get_bounding_client_rect();
    let (left, width) = within(rect.left(), rect.width(), ratio)?;
    let (top, height) = within(rect.top(), rect.height(), ratio)?;
    for (name, px) in [
        ("left", left),
        ("top", top),
        ("width", f64::from(width) / ratio),
        ("height", f64::from(height) / ratio),
    ] {
        let value = [&px.to_string(), "px"].concat();
        picture.style().set_property(name, &value).ok()?;
    }
    Some((width, height))
}

/// How far behind a place, CSS px, the first whole device pixel begins, and how many follow on the given length.
fn within(at: f64, length: f64, ratio: f64) -> Option<(f64, u32)> {
    // Layout counts in 64ths of a px: what is nearer is the same.
    const NEAR: f64 = 1.0 / 128.0;
    let first = (at * ratio - NEAR).ceil();
    let end = ((at + length) * ratio + NEAR).floor();
    let pixels = (end - first) as u32;
    (pixels > 0).then(|| ((first / ratio - at).max(0.0), pixels))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn only_whole_pixels_are_covered() {
        assert_eq!(within(131.0, 842.609_375, 2.0), Some((0.0, 1685)));
        assert_eq!(within(131.0, 842.609_375, 1.0), Some((0.0, 842)));
        assert_eq!(within(10.25, 4.0, 2.0), Some((0.25, 7)));
        assert_eq!(within(10.5, 4.0, 2.0), Some((0.0, 8)));
        assert_eq!(within(0.0, 1.0, 1.5), Some((0.0, 1)));
        assert_eq!(within(0.0, 0.4, 2.0), None);
        assert_eq!(within(5.0, 0.0, 2.0), None);
    }

    #[test]
    fn what_layout_rounds_is_still_whole() {
        let (left, pixels) = within(1.0 / 3.0 - 0.005, 300.01, 3.0).unwrap();
        assert!((left - 0.005).abs() < 1e-9);
        assert_eq!(pixels, 900);
    }
}
