//! libFuzzer's way into `bodies/read_back`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: turbo2ds_fuzz::shared::quieten(), |bytes: &[u8]| turbo2ds_fuzz::read_back::run(bytes));
