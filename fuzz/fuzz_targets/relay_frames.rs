//! `cargo fuzz` feeds the target of the same name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| switchboard_fuzz::relay_frames(data));
