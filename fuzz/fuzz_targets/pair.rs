//! Two hosts and a bad link: see `roundtrip_trial::pair`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::pair(bytes));
