//! The `JUnit` view: each condition is a test.

use core::fmt::Write as _;

use super::words::verdict;
use crate::condition::Judged;
use crate::measured::Measured;

/// The conditions as a `JUnit` test suite; one that is so is a failure.
pub fn junit(measured: &Measured, judged: &[Judged]) -> String {
    let failures = judged.iter().filter(|one| one.holds).count();
    let attributes = format!(
        "name=\"load {}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{:.6}\"",
        escape(&measured.plan.subject()),
        judged.len(),
        measured.took().as_secs_f64()
    );
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
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {attributes}>\n  <testsuite {attributes}>\n{cases}  \
         </testsuite>\n</testsuites>\n"
    )
}

/// Text as XML 1.0 holds it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in roundtrip_report::text::clean(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
