//! The `JUnit` view, an XML file by which a visit can be a test: each exchange is a test case, each
//! fault its failure.

use core::fmt::Write;

use crate::budget::limit;
use crate::comparison::{Comparison, condition};
use crate::finding::Finding;
use crate::model::{Exchange, Model};

/// The record as a `JUnit` test suite.
pub fn junit(model: &Model) -> String {
    let model = &*model.in_english();
    let mut cases = String::new();
    let mut failures = 0;
    for exchange in model.seen() {
        failures += usize::from(case(&mut cases, model, exchange));
    }
    // A fault outside any exchange becomes a test case of its own.
    let apart: Vec<&Finding> = model
        .findings
        .iter()
        .filter(|finding| finding.exchange.is_none_or(|id| model.exchange(id).is_none()))
        .collect();
    for finding in &apart {
        failures += 1;
        let _ = write!(
            cases,
            "    <testcase classname=\"roundtrip\" name=\"{}\">\n{}    </testcase>\n",
            escape_xml(finding.step.name()),
            failure(finding)
        );
    }
    let limits = model.budget.as_ref().map_or(&[][..], |budget| &budget.limits);
    for one in limits {
        let told = limit(one);
        failures += usize::from(one.exceeded);
        let failed = one.exceeded.then_some(("budget.exceeded", told.as_str()));
        judged_case(&mut cases, "roundtrip.budget", &one.name, failed);
    }
    let run = model.run.as_ref();
    let name = run.map_or("roundtrip".into(), |run| format!("{} {}", run.command, run.subject));
    let count = model.seen().len() + apart.len() + limits.len();
    let seconds = model.total().took().as_secs_f64();
    suite(&name, (count, failures), seconds, &cases)
}

/// A comparison as a `JUnit` test suite: each condition is a test case. The time is B's load.
pub fn comparison_junit(comparison: &Comparison) -> String {
    let mut cases = String::new();
    let names = &comparison.names;
    for one in &comparison.conditions {
        let told = condition(one);
        let failed = one.fails().then_some(("condition.exceeded", told.as_str()));
        judged_case(&mut cases, "roundtrip.fail-if", &one.condition, failed);
    }
    let failures = comparison.conditions.iter().filter(|one| one.fails()).count();
    let name = format!("diff {} {}", names.a, names.b);
    let seconds = comparison.diff.load.took.b.as_secs_f64();
    suite(&name, (comparison.conditions.len(), failures), seconds, &cases)
}

/// Writes a test case that is judged by a figure; `failed` has the type of the failure and what it
/// says.
fn judged_case(cases: &mut String, class: &str, name: &str, failed: Option<(&str, &str)>) {
    let _ = write!(
        cases,
        "    <testcase classname=\"{}\" name=\"{}\"",
        escape_xml(class),
        escape_xml(name)
    );
    let _ = match failed {
        None => writeln!(cases, "/>"),
        Some((kind, says)) => writeln!(
            cases,
            ">\n      <failure type=\"{kind}\" message=\"{}\"/>\n    </testcase>",
            escape_xml(says)
        ),
    };
}

/// The whole file, of one suite with these numbers of tests and failures; `cases` are its test cases.
pub fn suite(name: &str, (count, failures): (usize, usize), seconds: f64, cases: &str) -> String {
    let attributes = format!(
        "name=\"{}\" tests=\"{count}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.6}\"",
        escape_xml(name)
    );
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {attributes}>\n  <testsuite {attributes}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// Writes one exchange as a test case, and returns whether it failed.
fn case(cases: &mut String, model: &Model, exchange: &Exchange) -> bool {
    let name = format!("{} {}", exchange.method, exchange.url);
    let seconds = exchange.span.took().as_secs_f64();
    let _ = write!(
        cases,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.6}\"",
        crate::names::kind(exchange.kind),
        escape_xml(&name)
    );
    let findings: Vec<&Finding> = model.findings_of(exchange.id).collect();
    if !findings.is_empty() {
        let failures: String = findings.iter().map(|finding| failure(finding)).collect();
        let _ = write!(cases, ">\n{failures}    </testcase>\n");
        return true;
    }
    if !exchange.failed() {
        cases.push_str("/>\n");
        return false;
    }
    let message =
        exchange.status().map_or("no complete answer".into(), |status| format!("status {status}"));
    let _ = write!(
        cases,
        ">\n      <failure type=\"http.error\" message=\"{message}\"/>\n    </testcase>\n"
    );
    true
}

fn failure(finding: &Finding) -> String {
    let mut text = finding.evidence.join("\n");
    for line in finding.meaning.iter().chain([&finding.next]) {
        text.push('\n');
        text.push_str(line);
    }
    format!(
        "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
        finding.nel,
        escape_xml(&finding.headline),
        escape_xml(&text)
    )
}

/// Escapes text for XML 1.0. Characters that XML 1.0 cannot hold become `�`.
pub fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(char),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            char if char.is_control() => escaped.push('\u{FFFD}'),
            char => escaped.push(char),
        }
    }
    escaped
}
