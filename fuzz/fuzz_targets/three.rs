//! HTTP/3 among strangers: see `roundtrip_trial::three`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::three(bytes));
