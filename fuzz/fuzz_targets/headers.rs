//! A file of any kind: slide, image that needs a pyramid, or neither.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| slide::fuzz_targets::headers(data));
