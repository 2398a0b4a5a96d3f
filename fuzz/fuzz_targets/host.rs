//! One host among strangers: see `roundtrip_trial::host`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::host(bytes));
