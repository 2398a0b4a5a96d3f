//! The one rule for tests that need what a machine may not have: an outside tool, a privilege.
//!
//! Such a test says what is missing and passes; with `ROUNDTRIP_NO_SKIP` in the environment, as in
//! `.ci/run`, it fails, so that nothing goes untested unseen. Test files include this one by its path.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write as _;
use std::path::Path;

/// Whether a program is there; without it, the test is skipped.
pub(crate) fn has(program: &str) -> bool {
    let there = is_there(program);
    if !there {
        skip(&format!("{program} is not installed"));
    }
    there
}

/// Says what is missing; fails where nothing may be.
///
/// # Panics
/// With `ROUNDTRIP_NO_SKIP` in the environment.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("ROUNDTRIP_NO_SKIP").is_none(), "{why}, and nothing may be skipped");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Past what the test harness keeps to itself of tests that pass.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// In the search path, or where daemons are that only root has there.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}
