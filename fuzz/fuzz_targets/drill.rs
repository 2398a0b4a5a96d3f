//! drill's reader and runner: see `roundtrip_trial::script`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::script(bytes));
