//! The results of scripts, and their report.

use std::fmt::{self, Display, Formatter};

use crate::source::{Place, SyntaxError, Unsupported};

/// The result of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The host did what the script says.
    Passed {
        /// What the script's code printed.
        output: Vec<String>,
    },
    /// The host did something else.
    Failed(Failure),
    /// The script asks for something that is not supported.
    Skipped(Unsupported),
    /// The script cannot be read.
    Unreadable(SyntaxError),
    /// The file cannot be read; with the system's error text.
    NoFile(String),
}

/// A difference between what the host did and what the script says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The place of the event.
    pub place: Place,
    /// The lines that say what is different; for packets, the expected and the sent one follow.
    pub lines: Vec<String>,
    /// The last events before the failure, one line each.
    pub trace: Vec<String>,
    /// The lines that the script's code had printed.
    pub output: Vec<String>,
}

/// A script and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The script's name: its path.
    pub name: String,
    /// The result of the script.
    pub verdict: Verdict,
}

/// The results of all scripts. Its `Display` names those that did not pass, and why; its last line
/// is `N passed, N failed, N skipped`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The scripts, in the order in which they were run.
    pub scripts: Vec<Finished>,
}

impl Report {
    /// The number of scripts that passed, failed (including those that cannot be read), and were
    /// skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Verdict) -> bool| {
            self.scripts.iter().filter(|script| is(&script.verdict)).count()
        };
        let passed = count(|verdict| matches!(verdict, Verdict::Passed { .. }));
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        (passed, self.scripts.len() - passed - skipped, skipped)
    }

    /// The exit code: 0 if nothing failed, 1 if the host did something else than a script says, 2
    /// if a script cannot be read.
    pub fn exit_code(&self) -> u8 {
        let code = |script: &Finished| match script.verdict {
            Verdict::Passed { .. } | Verdict::Skipped(_) => 0,
            Verdict::Failed(_) => 1,
            Verdict::Unreadable(_) | Verdict::NoFile(_) => 2,
        };
        self.scripts.iter().map(code).max().unwrap_or(0)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for script in &self.scripts {
            script.fmt(f)?;
        }
        let (passed, failed, skipped) = self.counts();
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Display for Finished {
    /// Writes nothing for a script that passed without output.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Finished { name, verdict } = self;
        match verdict {
            Verdict::Passed { output } => {
                output.iter().try_for_each(|line| writeln!(f, "{name}: {line}"))
            }
            Verdict::Skipped(Unsupported { place, what }) => {
                writeln!(f, "{name}:{place}: skipped: {what} is not supported")
            }
            Verdict::Unreadable(error) => writeln!(f, "{name}:{error}"),
            Verdict::NoFile(why) => writeln!(f, "{name}: cannot be read: {why}"),
            Verdict::Failed(failure) => {
                let mut lines = failure.lines.iter();
                let first = lines.next().map_or("", String::as_str);
                writeln!(f, "{name}:{}: failed: {first}", failure.place)?;
                lines.try_for_each(|line| writeln!(f, "    {line}"))?;
                if !failure.trace.is_empty() {
                    writeln!(f, "  before it:")?;
                }
                failure.trace.iter().try_for_each(|line| writeln!(f, "    {line}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: Vec<Verdict>) -> Report {
        let named = |verdict| Finished { name: "a.pkt".into(), verdict };
        Report { scripts: verdicts.into_iter().map(named).collect() }
    }

    #[test]
    fn the_last_line_counts_and_the_exit_code_is_the_worst() {
        let passed = Verdict::Passed { output: vec!["hello".into()] };
        let place = Place { line: 3, column: 1 };
        let skipped = Verdict::Skipped(Unsupported { place, what: "MSG_OOB".into() });
        let failed = Verdict::Failed(Failure {
            place,
            lines: vec!["window: expected 1, sent 2".into(), "  expected …".into()],
            trace: vec!["0.000000 > . 1:1(0)".into()],
            output: vec![],
        });
        let all = report(vec![passed.clone(), skipped.clone(), failed]);
        assert_eq!(
            all.to_string(),
            "a.pkt: hello\na.pkt:3:1: skipped: MSG_OOB is not supported\n\
             a.pkt:3:1: failed: window: expected 1, sent 2\n      expected …\n  before it:\n    \
             0.000000 > . 1:1(0)\n1 passed, 1 failed, 1 skipped\n"
        );
        assert_eq!(all.exit_code(), 1);
        assert_eq!(report(vec![passed, skipped.clone()]).exit_code(), 0);
        assert_eq!(
            report(vec![skipped]).to_string().lines().last(),
            Some("0 passed, 0 failed, 1 skipped")
        );
        assert_eq!(report(vec![Verdict::NoFile("gone".into())]).exit_code(), 2);
    }
}
