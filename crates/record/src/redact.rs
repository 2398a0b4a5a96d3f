//! Redacts credentials where their place says what they are: in header fields and in URLs.

use crate::{Field, What};

/// The text that replaces a secret in events.
pub const REDACTED: &str = "[redacted]";

/// Header fields whose values are credentials, in lower case.
pub(crate) const FIELDS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    // What services and their gateways call a key or a token.
    "api-key",
    "apikey",
    "x-api-key",
    "x-api-token",
    "x-access-token",
    "x-auth-key",
    "x-auth-token",
    "x-amz-security-token",
    "x-csrf-token",
    "x-functions-key",
    "x-goog-api-key",
    "x-session-token",
    "x-vault-token",
    "x-xsrf-token",
    "ocp-apim-subscription-key",
    "private-token",
];

/// Replaces the values of header fields that carry credentials (`Authorization`, `Cookie`,
/// `X-Api-Key` and their like). The fields' names, order and number stay.
pub fn redact(fields: &mut [Field]) {
    for Field(name, value) in fields {
        if FIELDS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
            REDACTED.clone_into(value);
        }
    }
}

/// Takes the password out of a URL: `https://user:pass@host/` becomes `https://user:[redacted]@host/`.
pub fn redact_url(url: &str) -> String {
    let Some(start) = url.find("://").map(|at| at + 3) else { return url.to_owned() };
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let authority = &url[start..end];
    let Some((userinfo, _)) = authority.rsplit_once('@') else { return url.to_owned() };
    let Some((user, _)) = userinfo.split_once(':') else { return url.to_owned() };
    format!("{}{user}:{REDACTED}{}", &url[..start], &url[start + userinfo.len()..])
}

/// Redacts the credentials in the header fields and URLs of an event that is about to be recorded.
pub(crate) fn redact_event(what: &mut What) {
    let url = |url: &mut String| {
        if url.contains('@') {
            *url = redact_url(url);
        }
    };
    match what {
        What::RequestSent(request) => {
            redact(&mut request.fields);
            url(&mut request.target);
        }
        What::ResponseHead(head) => redact(&mut head.fields),
        What::ResponseEnded(response) => redact(&mut response.trailers),
        What::ExchangeStarted(started) => url(&mut started.url),
        What::RunStarted(run) => {
            url(&mut run.subject);
            if let Some(subject) = run.replay_of.as_mut().and_then(|old| old.subject.as_mut()) {
                url(subject);
            }
        }
        What::PageFound(found) => url(&mut found.url),
        What::Fault(fault) => match &mut fault.fault {
            crate::FaultKind::BadUrl { url: given, .. } => url(given),
            crate::FaultKind::TooManyRedirects { last, .. } => url(last),
            crate::FaultKind::BadRedirect { location, .. } => url(location),
            _ => {}
        },
        _ => {}
    }
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
