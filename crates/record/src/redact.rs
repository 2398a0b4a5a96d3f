//! Redacts credentials where their place says what they are: in header fields by the field's name,
//! in URLs by the name of the query value.

use core::fmt::Write as _;

use crate::query::QueryScanner;
use crate::secret_names::SecretNames;
use crate::{Field, Initiator, What};

/// The text that replaces a secret in events.
pub const REDACTED: &str = "[redacted]";

/// The text that replaces a secret value in the query of a URL, which stays a URL with it.
pub const REDACTED_VALUE: &str = "*";

impl SecretNames {
    /// The text with every secret query value in it replaced by [`REDACTED_VALUE`]; `None` if it has
    /// none. The text may be a URL, the target of a request, or prose with URLs in it.
    pub fn redact_query(&self, text: &str) -> Option<String> {
        if !text.contains('=') {
            return None;
        }
        let mut scanner = QueryScanner::in_text();
        let secrets = scanner.secrets(text.as_bytes(), self);
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for secret in &secrets {
            redacted.push_str(text.get(from..secret.start)?);
            redacted.push_str(REDACTED_VALUE);
            from = secret.end;
        }
        redacted.push_str(text.get(from..)?);
        (redacted != text).then_some(redacted)
    }

    /// Takes the credentials out of a URL, or of prose with URLs in it: passwords, and the query values
    /// that are secret. `https://user:pass@host/?token=abc` becomes
    /// `https://user:[redacted]@host/?token=*`.
    pub fn redact_url(&self, url: &str) -> String {
        let url = without_passwords(url);
        self.redact_query(&url).unwrap_or(url)
    }

    /// Replaces the values of header fields that carry credentials (`Authorization`, `Cookie`,
    /// `X-Api-Key` and their like), and secret query values in the URLs of others (`Location`,
    /// `Referer`). The fields' names, order and number stay.
    pub fn redact_fields(&self, fields: &mut [Field]) {
        for Field(name, value) in fields {
            if self.has_field(name) {
                REDACTED.clone_into(value);
            } else {
                self.redact_text(value);
            }
        }
    }

    fn redact_text(&self, text: &mut String) {
        if let Some(redacted) = self.redact_query(text) {
            *text = redacted;
        }
    }

    /// Redacts the credentials in the header fields and URLs of an event that is about to be
    /// recorded.
    pub(crate) fn redact_event(&self, what: &mut What) {
        let url = |url: &mut String| {
            if url.contains(['@', '=']) {
                *url = self.redact_url(url);
            }
        };
        match what {
            What::RequestSent(request) => {
                self.redact_fields(&mut request.fields);
                url(&mut request.target);
            }
            What::ResponseHead(head) => self.redact_fields(&mut head.fields),
            What::CachedResponse(cached) => self.redact_fields(&mut cached.fields),
            What::ResponseEnded(response) => self.redact_fields(&mut response.trailers),
            What::ExchangeStarted(started) => {
                url(&mut started.url);
                self.redact_initiator(&mut started.initiator);
            }
            What::RunStarted(run) => {
                url(&mut run.subject);
                if let Some(subject) = run.replay_of.as_mut().and_then(|old| old.subject.as_mut()) {
                    url(subject);
                }
            }
            What::PageFound(found) => {
                url(&mut found.url);
                self.redact_initiator(&mut found.initiator);
            }
            What::LargestContent(largest) => {
                if let Some(address) = &mut largest.url {
                    url(address);
                }
            }
            What::PageNote(note) => self.redact_text(&mut note.note),
            What::ExchangeNote(note) => self.redact_text(&mut note.what),
            What::Fault(fault) => self.redact_fault(&mut fault.fault),
            _ => {}
        }
    }

    fn redact_initiator(&self, initiator: &mut Initiator) {
        match initiator {
            Initiator::Parser { url, .. }
            | Initiator::Style { url }
            | Initiator::LinkField { url }
            | Initiator::EarlyHints { url }
            | Initiator::Script { url, .. } => *url = self.redact_url(url),
            Initiator::User
            | Initiator::Redirect { .. }
            | Initiator::Retry { .. }
            | Initiator::Peer => {}
        }
    }

    /// Redacts the texts of a fault, any of which may quote a URL. There are few faults in a run.
    fn redact_fault(&self, fault: &mut crate::FaultKind) {
        let Ok(mut value) = serde_json::to_value(&*fault) else { return };
        if self.redact_value(&mut value)
            && let Ok(redacted) = serde_json::from_value(value)
        {
            *fault = redacted;
        }
    }

    fn redact_value(&self, value: &mut serde_json::Value) -> bool {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                let redacted = self.redact_url(text);
                let changed = redacted != *text;
                *text = redacted;
                changed
            }
            Value::Array(values) => {
                values.iter_mut().fold(false, |changed, value| self.redact_value(value) | changed)
            }
            Value::Object(fields) => {
                fields.values_mut().fold(false, |changed, value| self.redact_value(value) | changed)
            }
            _ => false,
        }
    }
}

/// The text with the passwords of all its URLs replaced.
fn without_passwords(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut redacted = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        redacted.push_str("://");
        let end = piece.find(['/', '?', '#']).unwrap_or(piece.len());
        let userinfo = piece[..end].rsplit_once('@').map_or("", |(userinfo, _)| userinfo);
        match userinfo.split_once(':') {
            Some((user, _)) => {
                let _ = write!(redacted, "{user}:{REDACTED}{}", &piece[userinfo.len()..]);
            }
            None => redacted.push_str(piece),
        }
    }
    redacted
}

/// Overwrites every occurrence of every text, and returns whether there was one.
pub(crate) fn blank_texts<T: AsRef<[u8]>>(bytes: &mut [u8], texts: &[T]) -> bool {
    let mut found = false;
    for text in texts {
        let text = text.as_ref();
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], text) {
            bytes[from + at..from + at + text.len()].fill(b'*');
            from += at + text.len();
            found = true;
        }
    }
    found
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        let after = from + at + 1;
        if bytes[after..].starts_with(rest) {
            return Some(after - 1);
        }
        from = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_query_values_are_replaced_wherever_a_url_stands() {
        let names = SecretNames::with(&["Card".into()]);
        for (text, expected) in [
            ("https://a.example/?token=abc", "https://a.example/?token=*"),
            ("/x?a=1&access_token=a%2Fb&b=2#top", "/x?a=1&access_token=*&b=2#top"),
            ("/cb#id_token=eyJ.x.y&state=7", "/cb#id_token=*&state=7"),
            ("/x?X-Amz-Signature=00ff&X-Amz-Date=2026", "/x?X-Amz-Signature=*&X-Amz-Date=2026"),
            ("/p;jsessionid=0A1B?x=1", "/p;jsessionid=*?x=1"),
            ("</x?api_key=abc>; rel=preload", "</x?api_key=*>; rel=preload"),
            ("go to \"/x?client-secret=s3\" now", "go to \"/x?client-secret=*\" now"),
            ("/pay?card=4111&sum=3", "/pay?card=*&sum=3"),
            ("/x?a=1&amp;sid=9&amp;b=2", "/x?a=1&amp;sid=*&amp;b=2"),
        ] {
            assert_eq!(names.redact_query(text).as_deref(), Some(expected));
            assert_eq!(names.redact_query(expected), None, "{expected} is left alone");
        }
        for plain in [
            "/x?page=2&sort=key",
            "/tokens?a=b",
            "text/html; charset=utf-8",
            "token=abc",
            "/x?token=",
            "/a?monkey=1&sidebar=2",
        ] {
            assert_eq!(names.redact_query(plain), None, "{plain}");
        }
    }

    #[test]
    fn passwords_are_replaced_in_every_url_of_a_text() {
        let names = SecretNames::with(&[]);
        for (text, expected) in [
            ("http://u:p@a.example/", "http://u:[redacted]@a.example/"),
            ("http://u:p@q@a.example:81?token=x", "http://u:[redacted]@a.example:81?token=*"),
            (
                "from http://a.example:80/ to ftp://u:p@b.example, then ws://v:q@c.example/x",
                "from http://a.example:80/ to ftp://u:[redacted]@b.example, then \
                 ws://v:[redacted]@c.example/x",
            ),
            ("http://a.example:8080/@vite/client", "http://a.example:8080/@vite/client"),
            ("http://u@a.example:80/", "http://u@a.example:80/"),
            ("u:p@a.example", "u:p@a.example"),
        ] {
            assert_eq!(names.redact_url(text), expected);
            assert_eq!(names.redact_url(expected), expected, "it is left alone");
        }
    }

    #[test]
    fn no_fault_quotes_a_password() {
        let url = || "http://user:hunter2@a.example/?token=K4TZ".to_owned();
        let why = || format!("{} said no", url());
        let addressed = crate::FaultKind::BadUrl { url: url(), why: why() };
        let last = crate::FaultKind::TooManyRedirects { limit: 5, last: url() };
        let redirect = crate::FaultKind::BadRedirect { location: url(), why: why() };
        let coding = crate::FaultKind::BadEncoding { coding: "br".into(), why: why() };
        let painted = crate::FaultKind::PaintFailed { why: why() };
        for fault in [addressed, last, redirect, coding, painted] {
            let mut what = What::Fault(crate::Fault {
                step: crate::Step::Wait,
                exchange: None,
                connection: None,
                since: crate::Time::ZERO,
                fatal: true,
                fault,
            });
            SecretNames::with(&[]).redact_event(&mut what);
            let text = format!("{what:?}");
            assert!(!text.contains("hunter2") && !text.contains("K4TZ"), "{text}");
            assert!(text.contains("http://user:[redacted]@a.example/?token=*"), "{text}");
        }
    }
}
