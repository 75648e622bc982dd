//! A plot with its note, its points that lead somewhere, and its files.

use domain::report::{DrawnPlot, PlotLink};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement, HtmlImageElement};

use crate::erase::Erase;

/// A drawing that the server has made; over it links where points lead somewhere.
#[component]
pub fn PlotFigure(
    /// The drawing.
    plot: DrawnPlot,
    /// Address of its files, without what tells them apart: `.svg`, `.csv`.
    base: String,
) -> impl IntoView {
    // Dots lie too close to each other for fingers and for the keyboard: those have the list.
    let dot = {
        let (width, height) = plot.size;
        let share =
            |at: i32, whole: u32| format!("{:.3}%", 100.0 * f64::from(at) / f64::from(whole));
        move |link: &PlotLink| {
            view! {
                <a
                    class="plot__dot"
                    tabindex="-1"
                    aria-hidden="true"
                    title=link.name.clone()
                    href=link.href.clone()
                    style:left=share(link.at.0, width)
                    style:top=share(link.at.1, height)
                ></a>
            }
        }
    };
    let entry = |link: &PlotLink| {
        view! {
            <li>
                <a class="plot__entry" href=link.href.clone()>
                    {link.name.clone()}
                </a>
            </li>
        }
    };
    let dots = plot.links.iter().map(dot).collect_view();
    let list = (!plot.links.is_empty()).then(|| {
        let entries = plot.links.iter().map(entry).collect_view();
        view! {
            <details class="plot__list">
                <summary>"As a list"</summary>
                <ul>{entries}</ul>
            </details>
        }
    });
    let file = move |ending: &str| [&base, "/", &plot.key, ending].concat();
    let (picture, size) = (file(".svg"), plot.size);
    let name = [&plot.title, ". ", &plot.note].concat();
    view! {
        <figure class="plot">
            <figcaption class="plot__title">{plot.title}</figcaption>
            <div class="plot__area">
                <div class="plot__drawing" role="img" aria-label=name inner_html=plot.svg></div>
                {dots}
            </div>
            <p class="note">{plot.note}</p>
            {list}
            <p class="plot__files">
                <a href=file(".svg") download rel="external">
                    "SVG"
                </a>
                <button type="button" class="link" on:click=move |_| save_png(picture.clone(), size)>
                    "PNG"
                </button>
                <a href=file(".csv") download rel="external">
                    "CSV"
                </a>
            </p>
        </figure>
    }
    .erase()
}

/// Pixels of a picture per px of the drawing: sharp in print.
const SHARPNESS: u32 = 3;

/// Has the browser paint a drawing's file and hands it out as PNG. A browser that cannot leaves the other two files.
fn save_png(file: String, (width, height): (u32, u32)) {
    spawn_local(async move {
        if let Err(problem) = paint(&file, width * SHARPNESS, height * SHARPNESS).await {
            leptos::logging::warn!("the picture could not be made: {problem:?}");
        }
    });
}

async fn paint(file: &str, width: u32, height: u32) -> Result<(), JsValue> {
    let image = HtmlImageElement::new()?;
    image.set_src(file);
    JsFuture::from(image.decode()).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: CanvasRenderingContext2d = context.dyn_into()?;
    let (wide, high) = (f64::from(width), f64::from(height));
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, wide, high)?;
    let name = file
        .rsplit('/')
        .next()
        .unwrap_or(file)
        .replace(".svg", ".png");
    let done = Closure::once_into_js(move |blob: web_sys::Blob| -> Result<(), JsValue> {
        let url = web_sys::Url::create_object_url_with_blob(&blob)?;
        let link: HtmlAnchorElement = document().create_element("a")?.dyn_into()?;
        link.set_href(&url);
        link.set_download(&name);
        link.click();
        web_sys::Url::revoke_object_url(&url)
    });
    canvas.to_blob(done.unchecked_ref())
}
