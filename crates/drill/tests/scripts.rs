//! Every script of ours, run.

use std::path::Path;

use roundtrip_drill::{Options, Source, run};

fn sources() -> Vec<Source> {
    Source::files(Path::new("scripts"))
}

/// All pass, none is skipped, and there are as many as promised.
#[test]
fn all_pass() {
    let report = run(&sources(), &Options::default());
    let (passed, failed, skipped) = report.counts();
    assert!(failed == 0 && skipped == 0, "{report}");
    assert!(passed >= 120, "only {passed} scripts");
}

/// Every script begins with a comment that cites where its expectation comes from: an RFC with its
/// section, a function or setting of the kernel, or a manual page.
#[test]
fn each_cites_its_source() {
    let folder = Path::new("scripts");
    for source in sources() {
        let text = std::fs::read_to_string(source.name()).expect("it was read before");
        let comment = text.lines().map_while(|line| line.strip_prefix("//"));
        let head: String = comment.collect();
        let cites = head.contains("RFC ")
            || head.contains("tcp_")
            || head.contains("(7)")
            || head.contains("(2)")
            || head.contains("(8)")
            || head.contains("inet_");
        let name = Path::new(source.name()).strip_prefix(folder).unwrap_or(folder).display();
        assert!(cites, "{name} cites nothing: {head}");
    }
}

/// A script that expects what does not happen must fail: each script with its last expected
/// packet changed by one sequence number.
#[test]
fn scripts_can_fail() {
    let mut changed = 0;
    for source in sources() {
        let text = std::fs::read_to_string(source.name()).expect("it was read before");
        let Some(wrong) = with_another_acknowledgement(&text) else { continue };
        let report = run(&[Source::new(source.name(), wrong)], &Options::default());
        assert_eq!(report.exit_code(), 1, "{} passes when changed: {report}", source.name());
        changed += 1;
    }
    assert!(changed >= 100, "only {changed} scripts were changed");
}

/// The same script with another number after the last `ack` that is expected.
fn with_another_acknowledgement(text: &str) -> Option<String> {
    let is_expected = |line: &&str| line.contains(" > ") && line.contains(" ack ");
    let line = text.lines().rev().find(is_expected)?;
    let (before, after) = line.split_once(" ack ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let number: u32 = after[..digits].parse().ok()?;
    let wrong = format!("{before} ack {}{}", number + 7, &after[digits..]);
    let at = text.rfind(line)?;
    Some(format!("{}{wrong}{}", &text[..at], &text[at + line.len()..]))
}

/// The same scripts give the same report, to the letter.
#[test]
fn two_runs_are_equal() {
    let sources = sources();
    assert_eq!(run(&sources, &Options::default()), run(&sources, &Options::default()));
}

/// Exit codes and last lines are a contract with those who call the command.
#[test]
fn reports_end_as_promised() {
    let report = |text: &str| run(&[Source::new("x.pkt", text)], &Options::default());
    let passed = report("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
    assert_eq!(
        (passed.exit_code(), passed.to_string().as_str()),
        (0, "1 passed, 0 failed, 0 skipped\n")
    );
    let failed = report("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1");
    assert_eq!(failed.exit_code(), 1);
    let skipped =
        report("`rm -rf /`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 mystery(3) = 0");
    assert_eq!(skipped.exit_code(), 0);
    assert!(skipped.to_string().ends_with("0 passed, 0 failed, 1 skipped\n"), "{skipped}");
    let unreadable = report("0 socket(..., SOCK_STREAM, IPPROTO_TCP = 3");
    assert_eq!(unreadable.exit_code(), 2);
    assert!(
        unreadable.to_string().contains("x.pkt:1:40: expected `,` or `)`, found `=`"),
        "{unreadable}"
    );
    let missing = run(&Source::files(Path::new("/nonexistent.pkt")), &Options::default());
    assert_eq!(missing.exit_code(), 2);
}

/// What differs is shown with both packets and what went before.
#[test]
fn a_mismatch_shows_both_sides() {
    let text = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 1000 <mss 1000>
+0 > S. 0:0(0) ack 1 win 5 <mss 1400>";
    let report = run(&[Source::new("x.pkt", text)], &Options::default()).to_string();
    for part in [
        "x.pkt:5:1: failed: window: expected 5, sent 64240",
        "options: expected <mss 1400>, sent <mss 1460>",
        "  expected   0.000001 > S. 0:0(0) ack 1 win 5 <mss 1400>",
        "  sent       0.000001 > S. 0:0(0) ack 1 win 64240 <mss 1460>",
        "      0.000001 < S 0:0(0) win 1000 <mss 1000>",
    ] {
        assert!(report.contains(part), "{part:?} is missing in:\n{report}");
    }
}

/// Time is virtual: hours of it take no time.
#[test]
fn hours_pass_at_once() {
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+86400 close(3) = 0";
    assert_eq!(run(&[Source::new("x.pkt", text)], &Options::default()).exit_code(), 0);
}

/// No text makes it panic.
#[test]
fn hostile_scripts_are_answered() {
    let all = sources();
    let texts: Vec<String> =
        all.iter().filter_map(|source| std::fs::read_to_string(source.name()).ok()).collect();
    // Each script with a line taken out, and cut short in the middle of another.
    for (number, text) in texts.iter().enumerate() {
        let lines: Vec<&str> = text.lines().collect();
        let without: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| at % 7 != number % 7)
            .map(|(_, line)| *line)
            .collect();
        let cut = text.char_indices().nth(text.chars().count() * 2 / 3).map_or(0, |(at, _)| at);
        for text in [without.join("\n"), text[..cut].to_owned(), text.replace('1', "4294967295")] {
            let report = run(&[Source::new("x.pkt", text)], &Options::default());
            assert_eq!(report.scripts.len(), 1);
        }
    }
}

/// A folder without scripts is a mistake, not a success.
#[test]
fn a_folder_without_scripts_fails() {
    let folder = std::env::temp_dir().join(format!("roundtrip-drill-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("below")).expect("a folder");
    let report = run(&Source::files(&folder), &Options::default());
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!(report.exit_code(), 2);
    let text = report.to_string();
    assert!(text.contains("there is no *.pkt file in it"), "{text}");
    assert!(text.ends_with("0 passed, 1 failed, 0 skipped\n"), "{text}");
}
