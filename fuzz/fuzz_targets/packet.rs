//! Readers and writers of packets: see `roundtrip_trial::packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundtrip_trial::packet(bytes));
