//! Prints what happens to standard error for `-v`, in curl's format.

use std::fmt::Write as _;

use roundtrip_record::{AttemptEnd, EndedBy, Event, Field, HostId, Log, Role, What};

/// Prints what has happened since it was last called.
#[derive(Debug, Default)]
pub(super) struct Teller {
    told: usize,
    /// Whose doings are told: in the lab the record holds those of servers, too.
    client: Option<HostId>,
}

impl Teller {
    pub(super) fn tell(&mut self, log: &Log) {
        let events = log.events_from(self.told);
        let mut text = String::new();
        for event in &events {
            match &event.what {
                What::HostDeclared(host) if host.role == Role::Client => {
                    self.client = Some(host.id);
                }
                _ if self.client == Some(event.host) => {
                    // Writing to a string cannot fail.
                    let _ = line(event, &mut text);
                }
                _ => (),
            }
        }
        self.told += events.len();
        eprint!("{text}");
    }
}

fn line(event: &Event, out: &mut String) -> std::fmt::Result {
    match &event.what {
        What::NameEnded(name) if !name.addresses.is_empty() => {
            let addresses: Vec<String> = name.addresses.iter().map(ToString::to_string).collect();
            writeln!(out, "* The name has {}", addresses.join(", "))
        }
        What::ConnectAttempt(attempt) => writeln!(out, "*   Trying {}...", attempt.to),
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
