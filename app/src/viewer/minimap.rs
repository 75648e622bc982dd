//! The whole slide in small, with the field of the view in it.

use domain::view::SlideSummary;
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::command::Command;
use super::ruler::stroke;
use super::state::ViewState;
use super::told::{Overview, OverviewSpot};
use crate::components::{Icon, IconName};
use crate::erase::Erase;

/// Long side of the overview, CSS px; as in the style sheet.
const LONG_SIDE: f64 = 160.0;
/// Pixels of the heatmap per CSS px.
const SHARPNESS: f64 = 2.0;
/// A field that is smaller than this is marked by a cross, px.
const TINY: f64 = 9.0;
/// Inner and outer end of the arms of that cross, px from the middle.
const ARM: (f64, f64) = (4.0, 11.0);
/// The line stays so far inside the edge of the overview, px.
const INSET: f64 = 1.5;
/// Narrower viewers begin with the overview folded away, px.
const NARROW: i32 = 480;

/// Where a slide's overview is served.
#[must_use]
pub fn thumbnail_url(summary: &SlideSummary) -> String {
    [
        "/slides/",
        &summary.code,
        "/",
        &summary.version,
        "/thumbnail",
    ]
    .concat()
}

/// The outline of the field as an SVG path in an overview of so many px: the field's corners, as far as they are on the slide,
/// or a cross where there would be nothing to see.
fn field_path(corners: &[(f64, f64); 4], (width, height): (f64, f64)) -> String {
    let outline = clipped(corners, (width, height));
    let extent = |of: fn(&(f64, f64)) -> f64| {
        let low = corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        high - low
    };
    let mut path = String::new();
    if outline.is_empty() || extent(|corner| corner.0).max(extent(|corner| corner.1)) < TINY {
        let x = corners.iter().map(|corner| corner.0).sum::<f64>() / 4.0;
        let y = corners.iter().map(|corner| corner.1).sum::<f64>() / 4.0;
        for (dx, dy) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let at = |far: f64| (x + dx * far, y + dy * far);
            stroke(&mut path, at(ARM.0), at(ARM.1));
        }
        return path;
    }
    let ends = outline.iter().cycle().skip(1);
    for (from, to) in outline.iter().zip(ends) {
        stroke(&mut path, *from, *to);
    }
    path
}

/// The part of a convex polygon that lies in the overview (Sutherland and Hodgman 1974).
fn clipped(corners: &[(f64, f64)], (width, height): (f64, f64)) -> Vec<(f64, f64)> {
    // Each edge as how far a point lies inside of it.
    let inside = |edge: usize, (x, y): (f64, f64)| match edge {
        0 => x - INSET,
        1 => width - INSET - x,
        2 => y - INSET,
        _ => height - INSET - y,
    };
    let mut polygon = corners.to_vec();
    for edge in 0..4 {
        let mut rest = Vec::new();
        let ends = polygon.iter().cycle().skip(1);
        for (&from, &to) in polygon.iter().zip(ends) {
            let (begins, ends) = (inside(edge, from), inside(edge, to));
            if begins >= 0.0 {
                rest.push(from);
            }
            if (begins >= 0.0) != (ends >= 0.0) {
                let share = begins / (begins - ends);
                rest.push((
                    from.0 + (to.0 - from.0) * share,
                    from.1 + (to.1 - from.1) * share,
                ));
            }
        }
        polygon = rest;
    }
    polygon
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}

/// Draws the cells over the overview; `scale` is canvas px per slide px.
fn draw(canvas: &HtmlCanvasElement, overview: &Overview, scale: f64) -> Option<()> {
    let target = context(canvas)?;
    target.set_image_smoothing_enabled(false);
    for OverviewSpot {
        rect,
        columns,
        rows,
        rgba,
    } in &overview.spots
    {
        let cells: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
        cells.set_width(*columns);
        cells.set_height(*rows);
        let image =
            ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), *columns, *rows).ok()?;
        context(&cells)?.put_image_data(&image, 0.0, 0.0).ok()?;
        target
            .draw_image_with_html_canvas_element_and_dw_and_dh(
                &cells,
                rect.x * scale,
                rect.y * scale,
                rect.width * scale,
                rect.height * scale,
            )
            .ok()?;
    }
    Some(())
}

/// The overview: says where the view is, and takes it elsewhere by a click, a drag or the arrow keys. Always upright.
#[component]
pub fn Minimap(summary: SlideSummary) -> impl IntoView {
    let state = ViewState::from_context();
    let (slide_width, slide_height) = (
        f64::from(summary.width.max(1)),
        f64::from(summary.height.max(1)),
    );
    let scale = LONG_SIDE / slide_width.max(slide_height);
    let size = (slide_width * scale, slide_height * scale);
    let is_open = RwSignal::new(true);
    let is_ready = Memo::new(move |_| state.camera.with(Option::is_some));
    let area = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();

    Effect::new(move |_| {
        let viewer = area
            .get()
            .and_then(|area| area.closest(".viewer").ok().flatten());
        if viewer.is_some_and(|viewer| viewer.client_width() < NARROW) {
            is_open.set(false);
        }
    });
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else {
            return;
        };
        // A new size clears it, too.
        canvas.set_width((size.0 * SHARPNESS) as u32);
        canvas.set_height((size.1 * SHARPNESS) as u32);
        if state.overview_on.get() && is_open.get() {
            state.overview.with(|overview| {
                // What cannot be drawn is left out: the image below it still says where one is.
                overview
                    .as_ref()
                    .and_then(|overview| draw(&canvas, overview, scale * SHARPNESS))
            });
        }
    });

    let field = move || {
        let corners = state.camera.get()?.corners();
        Some(field_path(
            &corners.map(|(x, y)| (x * scale, y * scale)),
            size,
        ))
    };
    let go = move |event: &ev::PointerEvent| {
        let Some(area) = area.get_untracked() else {
            return;
        };
        let rect = area.get_bounding_client_rect();
        let share = |client: i32, start: f64, long: f64| {
            ((f64::from(client) - start) / long.max(1.0)).clamp(0.0, 1.0)
        };
        let x = share(event.client_x(), rect.left(), rect.width()) * slide_width;
        let y = share(event.client_y(), rect.top(), rect.height()) * slide_height;
        state.command.set(Some(Command::Centre(x, y)));
    };
    let press = move |event: ev::PointerEvent| {
        if let Some(area) = area.get_untracked().filter(|_| event.button() == 0) {
            // Fails when the pointer is gone already; then there is nothing to follow.
            let _ = area.set_pointer_capture(event.pointer_id());
            go(&event);
        }
    };
    let drag = move |event: ev::PointerEvent| {
        if event.buttons() & 1 != 0 {
            go(&event);
        }
    };
    let step = move |event: ev::KeyboardEvent| {
        let (right, down) = match event.key().as_str() {
            "ArrowLeft" => (-1.0, 0.0),
            "ArrowRight" => (1.0, 0.0),
            "ArrowUp" => (0.0, -1.0),
            "ArrowDown" => (0.0, 1.0),
            _ => return,
        };
        event.prevent_default();
        if let Some(camera) = state.camera.get_untracked() {
            let seen = camera.visible();
            let x = (camera.centre_x + right * seen.width / 4.0).clamp(0.0, slide_width);
            let y = (camera.centre_y + down * seen.height / 4.0).clamp(0.0, slide_height);
            state.command.set(Some(Command::Centre(x, y)));
        }
    };
    let px = |value: f64| [&value.to_string(), "px"].concat();
    let has_layers = move || state.layers.with(|layers| !layers.is_empty());
    view! {
        <div class="minimap" hidden=move || !is_ready.get() data-testid="minimap">
            <div class="minimap__head">
                <button
                    type="button"
                    class="minimap__button"
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    aria-label="Overview"
                    title=move || if is_open.get() { "Fold the overview away" } else { "Show the overview" }
                    data-testid="minimap-fold"
                    on:click=move |_| is_open.update(|open| *open = !*open)
                >
                    <Icon name=IconName::Overview />
                </button>
                <button
                    type="button"
                    class="minimap__button minimap__button--text"
                    aria-pressed=move || if state.overview_on.get() { "true" } else { "false" }
                    title="Show the heatmap of the chosen layer in the overview"
                    hidden=move || !(is_open.get() && has_layers())
                    data-testid="minimap-heatmap"
                    on:click=move |_| state.overview_on.update(|on| *on = !*on)
                >
                    "Heatmap in overview"
                </button>
            </div>
            <div
                node_ref=area
                class="minimap__area"
                style:width=px(size.0)
                style:height=px(size.1)
                hidden=move || !is_open.get()
                tabindex="0"
                role="application"
                aria-label="Overview of the slide. Arrow keys move the view."
                title="Click or drag to move the view"
                data-testid="minimap-area"
                on:pointerdown=press
                on:pointermove=drag
                on:keydown=step
            >
                <img class="minimap__image" src=thumbnail_url(&summary) alt="" draggable="false" />
                <canvas node_ref=canvas class="minimap__image"></canvas>
                <svg class="minimap__image" aria-hidden="true">
                    <path class="minimap__edge" d=field />
                    <path class="minimap__line" d=field data-testid="minimap-field" />
                </svg>
            </div>
        </div>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (f64, f64) = (160.0, 120.0);

    fn square(x: f64, y: f64, half: f64) -> [(f64, f64); 4] {
        [
            (x - half, y - half),
            (x + half, y - half),
            (x + half, y + half),
            (x - half, y + half),
        ]
    }

    #[test]
    fn the_outline_is_that_of_the_field() {
        assert_eq!(
            field_path(&square(60.0, 50.0, 10.0), SIZE),
            "M50 40L70 40M70 40L70 60M70 60L50 60M50 60L50 40"
        );
    }

    #[test]
    fn a_field_beyond_the_slide_is_outlined_at_its_edge() {
        let all = clipped(&square(80.0, 60.0, 500.0), SIZE);
        assert_eq!(all.len(), 4);
        for corner in [(1.5, 1.5), (158.5, 1.5), (158.5, 118.5), (1.5, 118.5)] {
            assert!(
                all.iter()
                    .any(|other| (other.0 - corner.0).hypot(other.1 - corner.1) < 1e-9),
                "{corner:?} of {all:?}"
            );
        }
        // A square on its point loses the one corner that is outside.
        let turned = [(10.0, 40.0), (30.0, 60.0), (10.0, 80.0), (-10.0, 60.0)];
        assert_eq!(clipped(&turned, SIZE).len(), 5);
        assert!(clipped(&square(-90.0, 60.0, 20.0), SIZE).is_empty());
    }

    #[test]
    fn a_tiny_field_is_marked_by_a_cross() {
        let path = field_path(&square(60.0, 50.0, 1.0), SIZE);
        assert_eq!(path.matches('M').count(), 4);
        assert!(path.starts_with("M64 50L71 50"), "{path}");
        assert!(!field_path(&square(-90.0, 60.0, 20.0), SIZE).is_empty());
    }
}
