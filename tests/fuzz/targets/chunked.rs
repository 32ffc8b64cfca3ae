//! libFuzzer's way into `bodies/chunked`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::chunked::run(bytes));
