//! The `JUnit` view: each condition is a test.

use core::fmt::Write as _;

use roundtrip_report::text::clean;
use roundtrip_report::{escape_xml, suite};

use super::words::verdict;
use crate::condition::Judged;
use crate::measured::Measured;

/// The conditions as a `JUnit` test suite; one that is so is a failure.
pub fn junit(measured: &Measured, judged: &[Judged]) -> String {
    let failures = judged.iter().filter(|one| one.holds).count();
    let mut cases = String::new();
    for one in judged {
        let name = escape(&format!("not {}", one.condition));
        // Writing to memory does not fail.
        let _ = write!(cases, "    <testcase classname=\"roundtrip.load\" name=\"{name}\"");
        let _ = if one.holds {
            let message = escape(&format!("{}: {}", one.condition, one.measured));
            let told = escape(&verdict(measured));
            writeln!(
                cases,
                ">\n      <failure type=\"condition.exceeded\" message=\"{message}\">{told}</failure>\n    </testcase>"
            )
        } else {
            writeln!(cases, "/>")
        };
    }
    let name = format!("load {}", clean(&measured.plan.subject()));
    suite(&name, (judged.len(), failures), measured.took().as_secs_f64(), &cases)
}

/// Text of a load as XML 1.0 holds it.
fn escape(text: &str) -> String {
    escape_xml(&clean(text))
}
