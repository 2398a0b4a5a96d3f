//! What a server says of the other places where it can be had (Alt-Svc, RFC 7838).

use core::time::Duration;

use crate::message::{Fields, to_text};
use crate::params::{split, unquote};

/// How long what is said without a time holds (RFC 7838 §3.1).
const A_DAY: u64 = 86_400;

/// Another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alternative {
    /// The protocol there, as ALPN names it.
    pub(crate) protocol: String,
    /// The host; `None`: the same.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    /// For how long that holds.
    pub(crate) lasts: Duration,
}

/// The places that an answer names; `None` where it says nothing of the kind. None of them is what
/// `clear` says. What is broken is passed over.
pub(crate) fn alternatives(fields: &Fields) -> Option<Vec<Alternative>> {
    let mut said = fields.get_all("Alt-Svc").peekable();
    said.peek()?;
    let values = said.flat_map(|value| split(&to_text(value), ','));
    Some(values.filter_map(|value| alternative(&value)).collect())
}

fn alternative(value: &str) -> Option<Alternative> {
    let parts = split(value, ';');
    let (protocol, authority) = parts.first()?.split_once('=')?;
    let authority = unquote(authority.trim());
    let (host, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let mut age = A_DAY;
    for part in &parts[1..] {
        if let Some((name, argument)) = part.split_once('=')
            && name.trim() == "ma"
        {
            age = unquote(argument.trim()).parse().ok()?;
        }
    }
    Some(Alternative {
        protocol: protocol.trim().to_owned(),
        host: Some(host.to_owned()).filter(|host| !host.is_empty()),
        port,
        lasts: Duration::from_secs(age),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protocol, host, port, and for how many seconds.
    type Said = (String, Option<String>, u16, u64);

    fn said(value: &str) -> Option<Vec<Said>> {
        let mut fields = Fields::new();
        if !value.is_empty() {
            fields.add("Alt-Svc", value);
        }
        let of = |one: Alternative| (one.protocol, one.host, one.port, one.lasts.as_secs());
        Some(alternatives(&fields)?.into_iter().map(of).collect())
    }

    #[test]
    fn places_are_read_and_what_is_broken_is_passed_over() {
        let own = |protocol: &str, port, age| (protocol.to_owned(), None, port, age);
        let text =
            "h3=\":443\"; ma=60; persist=1, h3-29=\":8443\", h2=\"b.test:1\";ma=x, h3=443, x";
        assert_eq!(said(text), Some(vec![own("h3", 443, 60), own("h3-29", 8443, A_DAY)]));
        let other = Some(vec![("h3".to_owned(), Some("b.test".to_owned()), 9, A_DAY)]);
        assert_eq!(said("h3=\"b.test:9\""), other);
        assert_eq!(said("clear"), Some(Vec::new()));
        assert_eq!(said("h3=\":0\""), Some(Vec::new()));
        assert_eq!(said(""), None);
    }
}
