//! A view as a picture to keep: what is seen, with scale bar and where it comes from.

use std::time::Duration;

use domain::view::SlideSummary;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement, Path2d, Url};

use super::heading::view_name;
use super::panes::Panes;
use super::provenance::{ColourKey, Provenance, provenance};
use super::ruler::drawn;
use super::scale_bar::Bar;
use super::state::ViewState;
use super::told::{Missing, Picture};
use crate::erase::Erase;

/// Everything is drawn in CSS px and enlarged to the pixels of the screen.
const FONT: &str = "12px system-ui, \"Noto Sans\", \"Liberation Sans\", Arial, sans-serif";
const STRONG: &str = "600 13px system-ui, \"Noto Sans\", \"Liberation Sans\", Arial, sans-serif";
const LINE: f64 = 17.0;
const MARGIN: f64 = 12.0;
/// The picture is of no theme: dark on white reads on paper, too.
const INK: &str = "#1d1e1f";
const PAPER: &str = "#ffffff";
/// Colours of a layer at most so long, with their values on the line below.
const KEY_WIDTH: f64 = 240.0;
const KEY_LINES: f64 = 2.0;
/// How long the file is kept for the browser to take, s.
const KEPT: Duration = Duration::from_secs(60);

/// Cuts a line into lines that are not wider; a word that is wider alone is cut, too.
fn wrapped(line: &str, width: f64, measure: impl Fn(&str) -> f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = String::new();
    for word in line.split_inclusive(' ') {
        if !rest.is_empty() && measure(&[&rest, word.trim_end()].concat()) > width {
            lines.push(std::mem::take(&mut rest));
        }
        for char in word.chars() {
            rest.push(char);
            if char != ' ' && measure(&rest) > width && rest.chars().count() > 1 {
                rest.pop();
                lines.push(std::mem::replace(&mut rest, char.to_string()));
            }
        }
    }
    lines.push(rest);
    lines
}

fn new_canvas(
    width: u32,
    height: u32,
) -> Result<(HtmlCanvasElement, CanvasRenderingContext2d), JsValue> {
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    Ok((canvas, context))
}

/// The picture with rulers and scale bar, and what there is to say below it.
fn composed(
    picture: &HtmlCanvasElement,
    state: ViewState,
    provenance: &Provenance,
) -> Result<HtmlCanvasElement, JsValue> {
    let Provenance {
        camera,
        mpp,
        sharpness,
        ..
    } = *provenance;
    let width = f64::from(picture.width()) / sharpness;
    let height = f64::from(picture.height()) / sharpness;
    let (_, ruler) = new_canvas(1, 1)?;
    ruler.set_font(FONT);
    let measure = |text: &str| ruler.measure_text(text).map_or(0.0, |size| size.width());
    let lines: Vec<String> = provenance
        .lines()
        .iter()
        .flat_map(|line| wrapped(line, width - 2.0 * MARGIN, measure))
        .collect();
    let rows = lines.len() as f64 + KEY_LINES * provenance.keys.len() as f64;
    let strip = rows * LINE + 2.0 * MARGIN;
    let (canvas, context) = new_canvas(
        picture.width(),
        ((height + strip) * sharpness).ceil() as u32,
    )?;
    context.set_fill_style_str(PAPER);
    context.fill_rect(
        0.0,
        0.0,
        f64::from(canvas.width()),
        f64::from(canvas.height()),
    );
    context.draw_image_with_html_canvas_element(picture, 0.0, 0.0)?;
    context.scale(sharpness, sharpness)?;

    context.set_text_align("center");
    context.set_text_baseline("middle");
    context.set_line_join("round");
    context.set_font(STRONG);
    for ruler in state.rulers.get_untracked() {
        let ruler = drawn(&ruler, &camera, mpp);
        let path = Path2d::new_with_path_string(&ruler.path)?;
        let (x, y) = ruler.label;
        for (colour, wide, label_wide) in [(PAPER, 5.0, 4.0), (INK, 2.0, 0.0)] {
            context.set_stroke_style_str(colour);
            context.set_fill_style_str(colour);
            context.set_line_width(wide);
            context.stroke_with_path(&path);
            context.set_line_width(label_wide);
            if label_wide > 0.0 {
                context.stroke_text(&ruler.text, x, y)?;
            }
            context.fill_text(&ruler.text, x, y)?;
        }
    }

    let bar = Bar::of(&camera, mpp);
    let (left, bottom) = (MARGIN, height - MARGIN);
    context.set_fill_style_str(PAPER);
    context.fill_rect(left, bottom - 36.0, bar.px + 2.0 * MARGIN, 36.0);
    context.set_fill_style_str(INK);
    context.fill_rect(left + MARGIN, bottom - 12.0, bar.px, 4.0);
    context.fill_text(&bar.text(), left + MARGIN + bar.px / 2.0, bottom - 23.0)?;

    // A ruler may lead out of the picture.
    context.set_fill_style_str(PAPER);
    context.fill_rect(0.0, height, width, strip);
    context.set_fill_style_str(INK);
    context.set_text_align("left");
    context.set_font(FONT);
    for (index, line) in lines.iter().enumerate() {
        let middle = height + MARGIN + (index as f64 + 0.5) * LINE;
        context.fill_text(line, MARGIN, middle)?;
    }
    for (index, key) in provenance.keys.iter().enumerate() {
        let row = lines.len() as f64 + KEY_LINES * index as f64;
        draw_key(&context, key, height + MARGIN + row * LINE, width)?;
    }
    Ok(canvas)
}

/// Draws the colours of a layer with what they are called beside them, and their values below.
fn draw_key(
    context: &CanvasRenderingContext2d,
    key: &ColourKey,
    top: f64,
    width: f64,
) -> Result<(), JsValue> {
    let inner = (width - 2.0 * MARGIN).max(1.0);
    let long = KEY_WIDTH.min(inner / 2.0);
    let table = key.colours.table();
    let step = long / table.len().max(1) as f64;
    for (index, [red, green, blue]) in table.iter().enumerate() {
        let (red, green, blue) = (red.to_string(), green.to_string(), blue.to_string());
        context.set_fill_style_str(&["rgb(", &red, ",", &green, ",", &blue, ")"].concat());
        // Each goes on under the next: no gap between them where they end within a pixel.
        let left = index as f64 * step;
        context.fill_rect(
            MARGIN + left,
            top + 2.0,
            (2.0 * step).min(long - left),
            LINE - 4.0,
        );
    }
    context.set_fill_style_str(INK);
    let beside = inner - long - MARGIN;
    context.fill_text_with_max_width(
        &key.title,
        2.0 * MARGIN + long,
        top + 0.5 * LINE,
        beside.max(1.0),
    )?;
    for (share, text) in &key.marks {
        let size = context.measure_text(text)?.width();
        context.fill_text(text, MARGIN + share * (long - size), top + 1.5 * LINE)?;
    }
    Ok(())
}

/// Hands a canvas to the browser as a file to keep.
fn save(
    canvas: &HtmlCanvasElement,
    name: String,
    done: impl FnOnce(bool) + 'static,
) -> Result<(), JsValue> {
    let keep = move |blob: JsValue| -> Result<(), JsValue> {
        let blob: Blob = blob.dyn_into()?;
        let url = Url::create_object_url_with_blob(&blob)?;
        let link: HtmlElement = document().create_element("a")?.dyn_into()?;
        link.set_attribute("href", &url)?;
        link.set_attribute("download", &name)?;
        link.click();
        set_timeout(
            move || {
                // What is gone need not be given back.
                let _ = Url::revoke_object_url(&url);
            },
            KEPT,
        );
        Ok(())
    };
    let keep = Closure::once_into_js(move |blob: JsValue| done(keep(blob).is_ok()));
    canvas.to_blob(keep.unchecked_ref())
}

/// What is said of a picture that was saved.
fn saved_text(view: Option<&str>, missing: Missing) -> String {
    let picture = view.map_or_else(
        || "The picture".to_owned(),
        |view| ["The picture of ", view].concat(),
    );
    match missing.text() {
        None => [&picture, " was saved."].concat(),
        Some(missing) => [&picture, " was saved, but ", &missing, "; it says so."].concat(),
    }
}

/// Saves the picture that the viewer takes upon [`super::state::Ask::Snapshot`], and says whether that went well.
#[component]
pub fn Snapshot(summary: SlideSummary) -> impl IntoView {
    let state = ViewState::from_context();
    let panes = Panes::get();
    let said = RwSignal::new(String::new());
    Effect::new(move |_| {
        let Some(picture) = state.snapshot.get() else {
            return;
        };
        state.snapshot.set(None);
        let Some(camera) = state.camera.get_untracked() else {
            return;
        };
        let Picture { canvas, missing } = picture;
        let view = untrack(|| view_name(panes, state));
        let sharpness = f64::from(canvas.width()) / camera.width.max(1.0);
        let tell = move |is_saved: bool| {
            // The page may have been left meanwhile.
            let _ = said.try_set(if is_saved {
                saved_text(view, missing)
            } else {
                "The picture could not be made. Make the window smaller and try again.".to_owned()
            });
        };
        let saved = provenance(state, &summary, sharpness, missing, view)
            .ok_or(JsValue::NULL)
            .and_then(|provenance| {
                let canvas = composed(&canvas, state, &provenance)?;
                save(&canvas, provenance.file_name(), tell)
            });
        if saved.is_err() {
            tell(false);
        }
        set_timeout(
            move || {
                let _ = said.try_set(String::new());
            },
            Duration::from_secs(5),
        );
    });
    view! {
        <p class="viewer__said" class:viewer__said--shown=move || said.with(|said| !said.is_empty()) role="status" data-testid="viewer-said">
            {said}
        </p>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_lacks_tiles_is_not_called_whole() {
        let whole = saved_text(None, Missing { tiles: 0, of: 48 });
        assert_eq!(whole, "The picture was saved.");
        let text = saved_text(Some("View B"), Missing { tiles: 3, of: 48 });
        assert!(text.starts_with("The picture of View B was saved, "));
        assert!(
            text.contains("but 3 of 48 tiles of the image were not loaded"),
            "{text}"
        );
    }

    #[test]
    fn lines_are_cut_at_words_and_long_words_anywhere() {
        let measure = |text: &str| text.chars().count() as f64;
        assert_eq!(
            wrapped("one two three", 8.0, measure),
            ["one two ", "three"]
        );
        assert_eq!(
            wrapped("a abcdefghijkl b", 5.0, measure),
            ["a ", "abcde", "fghij", "kl b"]
        );
        assert_eq!(wrapped("", 5.0, measure), [""]);
        assert_eq!(wrapped("ab", 0.0, measure), ["a", "b"]);
    }
}
