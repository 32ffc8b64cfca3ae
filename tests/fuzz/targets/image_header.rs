//! libFuzzer's way into `bodies/image_header`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::image_header::run(bytes));
