//! Stored JPEG streams, given a stated colour model. The first four bytes are the size that is expected.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(([w0, w1, h0, h1], stream)) = data.split_first_chunk() {
        let (width, height) = (
            u16::from_be_bytes([*w0, *w1]).into(),
            u16::from_be_bytes([*h0, *h1]).into(),
        );
        slide::fuzz_targets::jpeg_headers(stream, width, height);
    }
});
