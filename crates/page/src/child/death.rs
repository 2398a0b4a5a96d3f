//! How a child ended, in words for a finding.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::limits;

/// The most of what a child said on standard error that is kept, in bytes.
pub(super) const LAST_WORDS: usize = 4096;

/// Why the child is gone: `status` is how it ended, `said` the end of what it wrote on standard
/// error.
pub(super) fn words(status: ExitStatus, said: &str) -> String {
    let said = said.trim().replace('\n', " ");
    let ended = match (status.signal().and_then(Signal::from_named_raw), status.code()) {
        (Some(Signal::XCPU), _) => {
            format!(
                "was ended: it used more than {} s of processor time",
                limits::CHILD_CPU.as_secs()
            )
        }
        (Some(Signal::ABORT), _) if said.contains("memory allocation of") => {
            format!("was ended: it wanted more than {} MiB of memory", limits::CHILD_MEMORY >> 20)
        }
        (Some(signal), _) => format!("was ended by {}", name(signal)),
        (None, Some(code)) => format!("ended with exit code {code} and without an answer"),
        (None, None) => format!("ended: {status}"),
    };
    if said.is_empty() { ended } else { format!("{ended} ({said})") }
}

fn name(signal: Signal) -> String {
    let known = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::HUP, "SIGHUP"),
        (Signal::ILL, "SIGILL"),
        (Signal::INT, "SIGINT"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::SYS, "SIGSYS"),
        (Signal::TERM, "SIGTERM"),
        (Signal::TRAP, "SIGTRAP"),
    ];
    known.iter().find(|(of, _)| *of == signal).map_or_else(
        || format!("signal {}", signal.as_raw()),
        |(_, name)| format!("signal {} ({name})", signal.as_raw()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_words() {
        let signal = |number: i32| ExitStatus::from_raw(number);
        let rows = [
            (signal(9), "", "was ended by signal 9 (SIGKILL)"),
            (signal(11), "", "was ended by signal 11 (SIGSEGV)"),
            (
                signal(6),
                "thread 'layout' has overflowed its stack\n",
                "was ended by signal 6 (SIGABRT) (thread 'layout' has overflowed its stack)",
            ),
            (
                signal(6),
                "memory allocation of 64 bytes failed",
                "was ended: it wanted more than 3072 MiB of memory \
                 (memory allocation of 64 bytes failed)",
            ),
            (signal(24), "", "was ended: it used more than 60 s of processor time"),
            (ExitStatus::from_raw(3 << 8), "", "ended with exit code 3 and without an answer"),
        ];
        for (status, said, expected) in rows {
            assert_eq!(words(status, said), expected);
        }
    }
}
