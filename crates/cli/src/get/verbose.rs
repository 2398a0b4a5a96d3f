//! An event as `-v` prints it, in curl's format.

use std::fmt::Write as _;

use roundtrip_record::{AttemptEnd, EndedBy, Event, Field, Time, Transport, What};

/// Tells the time of day of what is in a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The record's epoch, in nanoseconds since 1970.
    pub(super) epoch: u64,
}

impl Clock {
    /// The time of day with a blank behind it, or nothing where no clock is wanted.
    pub(super) fn stamp(clock: Option<Self>, at: Time) -> String {
        let Some(clock) = clock else { return String::new() };
        let micros = clock.epoch.saturating_add(at.nanos()) / 1000;
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}.{micros:06} ", seconds % 60)
    }
}

/// Writes what an event tells, if it tells anything.
pub(super) fn line(event: &Event, out: &mut String) -> std::fmt::Result {
    match &event.what {
        What::NameEnded(name) if !name.addresses.is_empty() => {
            let addresses: Vec<String> = name.addresses.iter().map(ToString::to_string).collect();
            writeln!(out, "* The name has {}", addresses.join(", "))
        }
        What::ConnectAttempt(attempt) if attempt.transport == Transport::Unix => {
            writeln!(out, "*   Trying the Unix domain socket...")
        }
        What::ConnectAttempt(attempt) => writeln!(out, "*   Trying {}...", attempt.to),
        What::ConnectResult(result) if result.transport == Transport::Unix => match &result.end {
            AttemptEnd::Connected => writeln!(out, "* Connected to the Unix domain socket"),
            _ => Ok(()),
        },
        What::ConnectResult(result) => match &result.end {
            AttemptEnd::Connected => writeln!(out, "* Connected to {}", result.to),
            AttemptEnd::Refused => writeln!(out, "* {} refused the connection", result.to),
            AttemptEnd::TimedOut => writeln!(out, "* {} never answered", result.to),
            AttemptEnd::Unreachable { why, .. } => {
                writeln!(out, "* {} cannot be reached: {}", result.to, clean(why))
            }
            _ => Ok(()),
        },
        What::TlsEstablished(tls) => writeln!(
            out,
            "* {}, {}{}",
            clean(tls.version.as_str()),
            clean(&tls.cipher),
            tls.alpn.as_ref().map_or(String::new(), |alpn| format!(", ALPN {}", clean(alpn)))
        ),
        What::RequestSent(sent) if sent.exchange.is_some() => {
            if sent.reused > 0 {
                writeln!(out, "* On the connection of before")?;
            }
            writeln!(out, "> {} {} {}", sent.method, clean(&sent.target), sent.version)?;
            fields(out, '>', &sent.fields)
        }
        What::ResponseHead(head) if head.exchange.is_some() => {
            writeln!(out, "< {} {} {}", head.version, head.status, clean(&head.reason))?;
            fields(out, '<', &head.fields)
        }
        What::ConnectionEnding(ending) => match ending.by {
            EndedBy::Kept => writeln!(out, "* Connection kept"),
            _ => writeln!(out, "* Connection closed: {}", clean(&ending.why)),
        },
        _ => Ok(()),
    }
}

fn fields(out: &mut String, mark: char, fields: &[Field]) -> std::fmt::Result {
    for Field(name, value) in fields {
        writeln!(out, "{mark} {}: {}", clean(name), clean(value))?;
    }
    writeln!(out, "{mark}")
}

/// Replaces control characters in text from the network, which could control the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_day_begins_anew() {
        let clock = Some(Clock { epoch: 86_399_999_998_000 });
        let at = |micros| Time::ZERO + Duration::from_micros(micros);
        assert_eq!(Clock::stamp(clock, at(1)), "23:59:59.999999 ");
        assert_eq!(Clock::stamp(clock, at(2)), "00:00:00.000000 ");
        assert_eq!(Clock::stamp(None, at(2)), "");
    }
}
