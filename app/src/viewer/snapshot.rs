//! A view as a picture to keep: what is seen, with scale bar and where it comes from.

use std::time::Duration;

use domain::NOT_FOR_DIAGNOSIS;
use domain::address::ViewSpec;
use domain::camera::Camera;
use domain::geometry::Mpp;
use domain::layer::{Grading, LayerSpec};
use domain::view::SlideSummary;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement, Path2d, Url};

use super::format::number;
use super::image_settings::light_text;
use super::magnification::{scanned, um_per_px};
use super::position::{orientation_text, px_text, um_text};
use super::ruler::drawn;
use super::scale_bar::{Bar, magnification_text};
use super::state::{LayerSummary, OverlayStatus, ViewState};
use crate::erase::Erase;

/// Everything is drawn in CSS px and enlarged to the pixels of the screen.
const FONT: &str = "12px system-ui, \"Noto Sans\", \"Liberation Sans\", Arial, sans-serif";
const STRONG: &str = "600 13px system-ui, \"Noto Sans\", \"Liberation Sans\", Arial, sans-serif";
const LINE: f64 = 17.0;
const MARGIN: f64 = 12.0;
/// The picture is of no theme: dark on white reads on paper, too.
const INK: &str = "#1d1e1f";
const PAPER: &str = "#ffffff";
/// How long the file is kept for the browser to take, s.
const KEPT: Duration = Duration::from_secs(60);

/// What stands below the picture.
struct Provenance<'a> {
    summary: &'a SlideSummary,
    camera: Camera,
    mpp: Mpp,
    /// Pixels of the picture per CSS px.
    sharpness: f64,
    /// What light and stain are, where not plain.
    image: Vec<String>,
    layers: Vec<String>,
    address: String,
}

impl Provenance<'_> {
    fn lines(&self) -> Vec<String> {
        let Self {
            summary,
            camera,
            mpp,
            ..
        } = self;
        let synthetic = if summary.cohort.synthetic {
            " (synthetic)"
        } else {
            ""
        };
        let centre = (camera.centre_x, camera.centre_y);
        let um = (centre.0 * mpp.x, centre.1 * mpp.y);
        let mut place = vec![
            magnification_text(camera.zoom, summary.objective, *mpp),
            [
                &number(um_per_px(camera, *mpp) / self.sharpness),
                " µm per px of this picture",
            ]
            .concat(),
            ["centre ", &px_text(centre), " (", &um_text(um), ")"].concat(),
        ];
        let lies = orientation_text(camera);
        if !lies.is_empty() {
            place.push(lies);
        }
        let mut lines = vec![
            [
                "Slide ",
                &summary.code,
                synthetic,
                ", version ",
                &summary.version,
                ". ",
                NOT_FOR_DIAGNOSIS,
                ".",
            ]
            .concat(),
            place.join(" · "),
        ];
        if !self.image.is_empty() {
            lines.push(self.image.join(" · "));
        }
        lines.extend(self.layers.iter().cloned());
        lines.push(self.address.clone());
        lines
    }

    /// `CODE_x_y_mag.png`, of letters that every system takes.
    fn file_name(&self) -> String {
        let whole = |value: f64| (value.round() as i64).to_string();
        let power = scanned(self.summary.objective, self.mpp) * self.camera.zoom;
        let power = ((power * 100.0).round() / 100.0).to_string();
        let parts = [
            &self.summary.code,
            &whole(self.camera.centre_x),
            &whole(self.camera.centre_y),
            &[&power, "x"].concat(),
        ];
        [&parts.map(String::as_str).join("_"), ".png"].concat()
    }
}

/// A layer as it is drawn, in words.
fn layer_text(layer: &LayerSpec, summary: &LayerSummary) -> String {
    let span = |(low, high): (f64, f64)| [&number(low), " to ", &number(high)].concat();
    let minus = summary.minus.as_ref();
    let model = minus.map_or_else(
        || summary.model.clone(),
        |minus| [&summary.model, " − ", minus].concat(),
    );
    let unit = if summary.grading == Grading::Percentile {
        "percentile of this slide’s tiles"
    } else {
        summary.quantity.unit(summary.scale)
    };
    let opacity = ((layer.opacity * 100.0).round() as i64).to_string();
    let mut parts = vec![
        ["Heatmap ", &summary.target, " by ", &model].concat(),
        summary.quantity.title().to_owned(),
        [
            layer.colour_map.title(),
            " ",
            &span(summary.range),
            " (",
            unit,
            ")",
        ]
        .concat(),
        ["opacity ", &opacity, " %"].concat(),
    ];
    if let Some(threshold) = layer.threshold {
        parts.push(["only ", &span(threshold)].concat());
    }
    if layer.smooth {
        parts.push("smoothed".to_owned());
    }
    parts.join(" · ")
}

/// What a viewer shows, said.
fn provenance(state: ViewState, summary: &SlideSummary, sharpness: f64) -> Option<Provenance<'_>> {
    let camera = state.camera.get_untracked()?;
    let layers = if state.overlay_on.get_untracked() {
        let statuses = state.overlays.get_untracked();
        let layers = state.layers.get_untracked();
        layers
            .iter()
            .zip(&statuses)
            .filter_map(|(layer, status)| match status {
                OverlayStatus::Shown(summary) if layer.visible => Some(layer_text(layer, summary)),
                _ => None,
            })
            .collect()
    } else {
        Vec::new()
    };
    let stain = state
        .stain
        .get_untracked()
        .map(|(channel, source)| ["Only ", channel.title(), ", vectors ", source.title()].concat());
    let view = ViewSpec {
        first: untrack(|| state.spec()),
        beside: None,
    };
    let origin = window().location().origin().unwrap_or_default();
    Some(Provenance {
        summary,
        camera,
        mpp: state.mpp.get_untracked(),
        sharpness,
        image: light_text(&state.light.get_untracked())
            .into_iter()
            .chain(stain)
            .collect(),
        layers,
        address: [&origin, "/slides/", &summary.code, "?", &view.to_query()].concat(),
    })
}

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
    let strip = lines.len() as f64 * LINE + 2.0 * MARGIN;
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

    context.set_text_align("left");
    context.set_font(FONT);
    for (index, line) in lines.iter().enumerate() {
        let middle = height + MARGIN + (index as f64 + 0.5) * LINE;
        context.fill_text(line, MARGIN, middle)?;
    }
    Ok(canvas)
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

/// Saves the picture that the viewer takes upon [`super::state::Ask::Snapshot`], and says whether that went well.
#[component]
pub fn Snapshot(summary: SlideSummary) -> impl IntoView {
    let state = ViewState::from_context();
    let said = RwSignal::new("");
    Effect::new(move |_| {
        let Some(picture) = state.snapshot.get() else {
            return;
        };
        state.snapshot.set(None);
        let Some(camera) = state.camera.get_untracked() else {
            return;
        };
        let sharpness = f64::from(picture.width()) / camera.width.max(1.0);
        let tell = move |is_saved: bool| {
            // The page may have been left meanwhile.
            let _ = said.try_set(if is_saved {
                "The picture was saved."
            } else {
                "The picture could not be made. Make the window smaller and try again."
            });
        };
        let saved = provenance(state, &summary, sharpness)
            .ok_or(JsValue::NULL)
            .and_then(|provenance| {
                let canvas = composed(&picture, state, &provenance)?;
                save(&canvas, provenance.file_name(), tell)
            });
        if saved.is_err() {
            tell(false);
        }
        set_timeout(
            move || {
                let _ = said.try_set("");
            },
            Duration::from_secs(5),
        );
    });
    view! {
        <p class="viewer__said" class:viewer__said--shown=move || !said.get().is_empty() role="status" data-testid="viewer-said">
            {said}
        </p>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::super::state::default_layer;
    use super::*;
    use domain::geometry::SlideRect;
    use domain::layer::Quantity;
    use domain::score::Scale;
    use domain::view::{CohortSummary, JobCounts};

    fn summary() -> SlideSummary {
        SlideSummary {
            code: "PH-0001".to_owned(),
            version: "0123456789ab".to_owned(),
            patient: "P-1".to_owned(),
            specimen: "P-1-1".to_owned(),
            cohort: CohortSummary {
                key: "phantom".to_owned(),
                title: "Phantoms".to_owned(),
                synthetic: true,
            },
            tissue: "marrow".to_owned(),
            width: 2000,
            height: 3000,
            mpp: Mpp::square(0.5),
            objective: Some(20.0),
            tiles: None,
            encoded: false,
            models: 0,
            findings: Vec::new(),
            jobs: JobCounts::default(),
        }
    }

    #[test]
    fn a_picture_says_where_it_comes_from() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 2000.0,
            height: 3000.0,
        };
        let summary = summary();
        let provenance = Provenance {
            summary: &summary,
            camera: Camera {
                zoom: 0.5,
                rotation: 30.0,
                ..Camera::fit(&rect, 800.0, 600.0)
            },
            mpp: summary.mpp,
            sharpness: 2.0,
            image: vec!["Brightness +10 %".to_owned()],
            layers: vec!["Heatmap X".to_owned()],
            address: "http://localhost/slides/PH-0001?at=1,2".to_owned(),
        };
        let lines = provenance.lines();
        assert_eq!(
            lines[0],
            "Slide PH-0001 (synthetic), version 0123456789ab. For research and teaching only, not for diagnosis."
        );
        assert_eq!(
            lines[1],
            "10.0× · 0.500 µm per px of this picture · centre x 1,000, y 1,500 px (x 500.0, y 750.0 µm) · turned 30°"
        );
        assert_eq!(
            lines[2..],
            [
                "Brightness +10 %",
                "Heatmap X",
                "http://localhost/slides/PH-0001?at=1,2"
            ]
        );
        assert_eq!(provenance.file_name(), "PH-0001_1000_1500_10x.png");
    }

    #[test]
    fn a_layer_is_said_with_model_range_and_threshold() {
        let layer = LayerSpec {
            threshold: Some((0.1, 0.5)),
            ..default_layer("m".to_owned(), "t".to_owned())
        };
        let summary = LayerSummary {
            model: "Model A".to_owned(),
            minus: Some("Model B".to_owned()),
            target: "SF3B1".to_owned(),
            quantity: Quantity::Contribution,
            signed: true,
            scale: Scale::Logit,
            grading: Grading::Value,
            range: (-0.5, 0.5),
            full_range: (-0.5, 0.5),
            extremes: None,
            tiles: 1,
            drawn: 1,
            histogram: Vec::new(),
            top: Vec::new(),
            fold_models: 1,
            notes: Vec::new(),
        };
        let text = layer_text(&layer, &summary);
        assert!(
            text.starts_with("Heatmap SF3B1 by Model A − Model B · Contribution · "),
            "{text}"
        );
        assert!(
            text.contains("−0.500 to 0.500")
                && text.ends_with("opacity 55 % · only 0.100 to 0.500"),
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
