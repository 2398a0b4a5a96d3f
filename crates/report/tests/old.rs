//! Records of schema 1 can still be shown, in every view.

use std::path::Path;

use roundtrip_record::Folder;
use roundtrip_report::{Attachments, Model, Options, har, html, json, junit, perfetto, terminal};

/// The run's folder, and how its first line begins.
const RUNS: [(&str, &str); 7] = [
    ("visit-live", "200 OK  http://127.0.0.1:18931/  9.63 ms"),
    ("visit-lab", "200 OK  http://127.0.0.1:18931/  live → 125 ms on cable"),
    ("visit-404", "✗ wait  404 Not Found after 1.01 ms"),
    ("visit-refused", "✗ connect  127.0.0.1:1 refused the connection"),
    ("visit-nxdomain", "✗ name  nosuchscheme.invalid does not exist"),
    ("get", "200 OK  http://127.0.0.1:18931/"),
    ("resolve", "localhost  ::1, 127.0.0.1"),
];

#[test]
fn every_view_shows_a_record_of_schema_1() {
    for (run, first) in RUNS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../record/tests/data").join(run);
        let folder = Folder::open(path).unwrap();
        let (events, _) = folder.read().unwrap();
        let model = Model::new(events);
        let text = terminal(&model, &Options { width: 100, ..Options::default() });
        assert!(text.starts_with(first), "{run}: {text}");
        assert!(html(&model, &Attachments::of(&folder)).contains("</html>"), "{run}");
        assert!(har(&model, &folder.bodies())["log"]["entries"].is_array(), "{run}");
        assert!(json(&model)["exit"].is_number(), "{run}");
        assert!(junit(&model).contains("<testsuite"), "{run}");
        assert!(perfetto(&model)["traceEvents"].is_array(), "{run}");
    }
}
