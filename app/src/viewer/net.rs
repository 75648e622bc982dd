//! Fetching tiles and terms.

use js_sys::{ArrayBuffer, Float32Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Blob, ColorSpaceConversion, ImageBitmap, ImageBitmapOptions, PremultiplyAlpha,
    RequestInit, Response,
};

use super::retry::{Refusal, wait_of};

impl From<JsValue> for Refusal {
    fn from(_: JsValue) -> Self {
        Self::AGAIN
    }
}

async fn get(url: &str, signal: Option<&AbortSignal>) -> Result<Response, Refusal> {
    let init = RequestInit::new();
    init.set_signal(signal);
    let window = web_sys::window().ok_or(Refusal::FINAL)?;
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(url, &init))
        .await?
        .dyn_into()?;
    match response.status() {
        200 => Ok(response),
        // Too many requests, and a tile that takes too long, are worth another try; what is not there is not.
        status => Err(Refusal {
            is_final: (400..500).contains(&status) && !matches!(status, 408 | 429),
            wait: response
                .headers()
                .get("retry-after")
                .ok()
                .flatten()
                .and_then(|header| wait_of(&header)),
            detail: detail_of(&response).await,
        }),
    }
}

/// What an answer says of itself where it is the server's `application/problem+json` (RFC 9457, section 3.1.4).
async fn detail_of(response: &Response) -> Option<String> {
    let kind = response.headers().get("content-type").ok()??;
    if !kind.starts_with("application/problem+json") {
        return None;
    }
    let body = JsFuture::from(response.json().ok()?).await.ok()?;
    Reflect::get(&body, &"detail".into()).ok()?.as_string()
}

/// A pyramid tile, decoded off the main thread and cut to what it shows; its numbers are those in the file.
///
/// # Errors
/// When the server refuses or the bytes are no image.
pub async fn tile(
    url: &str,
    (width, height): (u32, u32),
    signal: &AbortSignal,
) -> Result<ImageBitmap, Refusal> {
    let response = get(url, Some(signal)).await?;
    let blob: Blob = JsFuture::from(response.blob()?).await?.dyn_into()?;
    let options = ImageBitmapOptions::new();
    options.set_color_space_conversion(ColorSpaceConversion::None);
    options.set_premultiply_alpha(PremultiplyAlpha::None);
    let window = web_sys::window().ok_or(Refusal::FINAL)?;
    let promise = window
        .create_image_bitmap_with_blob_and_a_sx_and_a_sy_and_a_sw_and_a_sh_and_a_options(
            &blob,
            0,
            0,
            width as i32,
            height as i32,
            &options,
        )?;
    Ok(JsFuture::from(promise).await?.dyn_into()?)
}

/// Numbers as the server writes them: f32, little endian, as every wasm machine has them.
///
/// # Errors
/// When the server refuses.
pub async fn numbers(url: &str) -> Result<Vec<f32>, Refusal> {
    let response = get(url, None).await?;
    let buffer: ArrayBuffer = JsFuture::from(response.array_buffer()?).await?.dyn_into()?;
    if !buffer.byte_length().is_multiple_of(4) {
        return Err(Refusal::FINAL);
    }
    Ok(Float32Array::new(&buffer).to_vec())
}
