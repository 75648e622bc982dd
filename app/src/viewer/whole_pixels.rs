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
        let style = picture.style();
        // A style that is set is laid out anew, be it the same.
        if style.get_property_value(name).ok()? != value {
            style.set_property(name, &value).ok()?;
        }
    }
    Some((width, height))
}

/// How far behind a place, CSS px, the first whole device pixel begins, and how many follow on the given length.
fn within(at: f64, length: f64, ratio: f64) -> Option<(f64, u32)> {
    // Layout counts in 64ths of a px: what is nearer is the same.
    const NEAR: f64 = 1.0 / 128.0;
    // Some browsers lay pictures on whole px even where these are several device pixels.
    let unit = if ratio.fract() == 0.0 { ratio } else { 1.0 };
    let per_px = ratio / unit;
    let first = (at * per_px - NEAR).ceil();
    let end = ((at + length) * per_px + NEAR).floor();
    let pixels = ((end - first) * unit) as u32;
    (pixels > 0).then(|| ((first / per_px - at).max(0.0), pixels))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn only_whole_pixels_are_covered() {
        assert_eq!(within(131.0, 842.609_375, 1.0), Some((0.0, 842)));
        assert_eq!(within(131.0, 842.609_375, 2.0), Some((0.0, 1684)));
        assert_eq!(within(10.25, 4.0, 2.0), Some((0.75, 6)));
        assert_eq!(within(10.0, 4.0, 1.25), Some((13.0 / 1.25 - 10.0, 4)));
        assert_eq!(within(0.0, 1.0, 1.5), Some((0.0, 1)));
        assert_eq!(within(0.0, 0.4, 1.5), None);
        assert_eq!(within(5.0, 0.0, 2.0), None);
    }

    #[test]
    fn what_layout_rounds_is_still_whole() {
        assert_eq!(within(10.004, 299.992, 1.0), Some((0.0, 300)));
        assert_eq!(within(10.004, 299.992, 3.0), Some((0.0, 900)));
    }
}
