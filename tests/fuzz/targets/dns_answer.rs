//! libFuzzer's way into `bodies/dns_answer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| turbo2ds_fuzz::dns_answer::run(bytes));
