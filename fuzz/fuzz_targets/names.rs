//! The readers of names: see `roundtrip_trial::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::names(bytes));
