//! app
pub mod viewer;
/// dev
pub fn dev(json: String) {
    use leptos::prelude::*;
    use viewer::*;
    console_error_panic_hook::set_once();
    let detail: domain::view::SlideDetail = serde_json::from_str(&json).unwrap();
    leptos::mount::mount_to_body(move || {
        provide_context(ViewState::new());
        let slide = RwSignal::new(detail.clone());
        view! { <div class="dev"><div class="v"><Viewer slide=slide/></div><div class="p"><LayerControls slide=slide/><Legend/><ReadOut/></div></div> }
    });
}
