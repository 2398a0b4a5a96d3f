//! What a server wants to know (RFC 9110 §11.3): schemes with their parameters.

use crate::params::{split, unquote};

/// A scheme that a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Whether it is of this scheme.
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        // Of several the last counts, as for curl.
        let found = self.params.iter().rev().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The challenges of one field. Commas stand between challenges and between their parameters alike: what
/// has no equals sign in its first word begins a challenge.
pub(super) fn challenges(field: &[u8]) -> Vec<Challenge> {
    let mut all: Vec<Challenge> = Vec::new();
    for part in split(&String::from_utf8_lossy(field), ',') {
        let (word, rest) = part.split_once([' ', '\t']).unwrap_or((&part, ""));
        let param = if word.contains('=') || rest.trim_start().starts_with('=') {
            part.as_str()
        } else {
            all.push(Challenge { scheme: word.to_owned(), params: Vec::new() });
            rest.trim()
        };
        if let (Some((name, value)), Some(last)) = (param.split_once('='), all.last_mut()) {
            last.params.push((name.trim().to_owned(), unquote(value.trim())));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_told_apart() {
        let text = b"Digest realm=\"a, b\", nonce = \"x\\\"y\",qop=\"auth , auth-int\", Basic realm=z, NTLM";
        let all = challenges(text);
        let schemes: Vec<&str> = all.iter().map(|one| one.scheme.as_str()).collect();
        assert_eq!(schemes, ["Digest", "Basic", "NTLM"]);
        assert!(all[0].is("digest"));
        assert_eq!(all[0].get("REALM"), Some("a, b"));
        assert_eq!(all[0].get("nonce"), Some("x\"y"));
        assert_eq!(all[0].get("qop"), Some("auth , auth-int"));
        assert_eq!(all[1].get("realm"), Some("z"));
        assert_eq!(challenges(b""), []);
    }
}
