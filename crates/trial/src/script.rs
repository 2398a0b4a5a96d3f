//! The trial of drill's scripts.

use roundtrip_drill::{Definitions, Options, Source, parse, run};

/// Parses bytes as a script, and runs it if it can be parsed.
///
/// # Panics
/// If parsing, running or reporting panics.
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
