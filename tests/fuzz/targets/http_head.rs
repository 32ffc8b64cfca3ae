//! libFuzzer's way into `bodies/http_head`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::http_head::run(bytes));
