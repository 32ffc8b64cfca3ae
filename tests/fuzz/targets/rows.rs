//! libFuzzer's way into `bodies/rows`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: turbo2ds_fuzz::shared::quieten(), |bytes: &[u8]| turbo2ds_fuzz::rows::run(bytes));
