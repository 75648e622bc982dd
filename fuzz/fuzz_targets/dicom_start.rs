//! The start of a file that may be DICOM.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| slide::fuzz_targets::dicom_start(data));
