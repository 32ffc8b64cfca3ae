//! libFuzzer's way into `bodies/fields`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::fields::run(bytes));
