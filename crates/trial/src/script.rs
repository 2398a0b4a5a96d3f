//! Scripts for drill.

use roundtrip_drill::{Definitions, Options, Source, parse, run};

/// Reads bytes as a script, and runs what can be read.
///
/// # Panics
/// If reading, running or telling does.
pub fn script(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = parse(&text, &Definitions::default()) {
        assert!(!error.to_string().is_empty());
    }
    let report = run(&[Source::new("trial.pkt", text)], &Options::default());
    let (passed, failed, skipped) = report.counts();
    assert_eq!(passed + failed + skipped, 1);
    assert!(report.to_string().ends_with("skipped\n"));
}
