//! The HTML document around the application.

use std::iter;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::navigation::{self, Page};

/// Where the built files are, as URLs that change with their content. The build writes them to `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteAssets {
    /// The glue between the browser and the wasm module.
    pub js: String,
    /// The wasm module.
    pub wasm: String,
    /// The style sheet.
    pub css: String,
    /// Modules that the glue imports.
    pub modules: Vec<String>,
    /// The wasm modules that only the page of a slide needs.
    pub slide: Vec<String>,
}

/// Runs before anything is drawn: a stored choice of theme must not flash.
const EARLY_SCRIPT: &str = "try{const t=localStorage.getItem('theme');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}";

/// The document that every page is served in.
pub fn shell(assets: &SiteAssets) -> impl IntoView + use<> {
    let SiteAssets {
        js,
        wasm,
        css,
        modules,
        slide,
    } = assets.clone();
    let start = format!(
        "import({js:?}).then(m=>m.default({{module_or_path:{wasm:?}}}).then(()=>m.hydrate()))"
    );
    let page = navigation::here();
    // All that the page needs is asked for at once, not one after the other.
    let wasm_of_page = match page {
        Page::Slide(_) => iter::once(wasm).chain(slide).collect(),
        _ => vec![wasm],
    };
    let title = page.title();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta
                    name="description"
                    content="Explore what models see in H&E bone marrow slides. For research and teaching only, not for diagnosis."
                />
                <script>{EARLY_SCRIPT}</script>
                <link rel="icon" href="/public/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=css />
                <link rel="modulepreload" href=js />
                {modules
                    .into_iter()
                    .map(|module| view! { <link rel="modulepreload" href=module /> })
                    .collect_view()}
                {wasm_of_page
                    .into_iter()
                    .map(|wasm| {
                        view! {
                            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
                        }
                    })
                    .collect_view()}
                <script type="module">{start}</script>
                <title>{title}</title>
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
