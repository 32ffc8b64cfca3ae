//! libFuzzer's way into `bodies/url`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::url::run(bytes));
