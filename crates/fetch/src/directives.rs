//! `Directives`: what `Cache-Control` fields say (RFC 9111 §5.2).

use std::collections::BTreeMap;

use roundtrip_http::message::{Fields, to_text};

/// The longest time that is told apart, in seconds: what is longer counts as that (RFC 9111 §1.2.2).
const LONGEST: u64 = 1 << 31;

/// The directives of a message, by their names in lower case. Of one that stands there twice the first
/// counts (RFC 9111 §4.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives(BTreeMap<String, Option<String>>);

impl Directives {
    /// Reads them off the fields of a message. `Pragma: no-cache` says what `no-cache` says, as it does
    /// for browsers.
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut found = BTreeMap::new();
        for value in fields.get_all("Cache-Control") {
            for directive in split(&to_text(value)) {
                let (name, argument) = match directive.split_once('=') {
                    Some((name, argument)) => (name.trim(), Some(unquoted(argument.trim()))),
                    None => (directive.as_str(), None),
                };
                found.entry(name.to_ascii_lowercase()).or_insert(argument);
            }
        }
        if fields.has("Pragma", "no-cache") {
            found.entry("no-cache".to_owned()).or_insert(None);
        }
        Self(found)
    }

    /// Whether there is a directive of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The seconds that a directive says; what is no number counts as 0, so that nothing is fresh by
    /// mistake. `None` where there is no such directive.
    pub(crate) fn seconds(&self, name: &str) -> Option<u64> {
        let argument = self.0.get(name)?;
        Some(argument.as_deref().and_then(delta_seconds).unwrap_or(0))
    }
}

/// A number of seconds (RFC 9111 §1.2.2).
pub(crate) fn delta_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(LONGEST).min(LONGEST))
}

/// The parts of a list between commas; a comma within quotes is none.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        match character {
            ',' if !quoted => {
                parts.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    let trimmed = parts.into_iter().map(|part| part.trim().to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// An argument without its quotes. Both forms mean the same (RFC 9111 §5.2).
pub(crate) fn unquoted(argument: &str) -> String {
    let inner = argument.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    inner.unwrap_or(argument).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_as_they_are_written() {
        let mut fields = Fields::new();
        fields.add("Cache-Control", "Max-Age=\"60\", private=\"a, b\", ,NO-STORE");
        fields.add("Cache-Control", "max-age=5, s-maxage=soon, stale=99999999999999999999");
        let found = Directives::of(&fields);
        assert_eq!(found.seconds("max-age"), Some(60));
        assert_eq!(found.seconds("s-maxage"), Some(0));
        assert_eq!(found.seconds("stale"), Some(LONGEST));
        assert_eq!(found.seconds("min-fresh"), None);
        assert!(found.has("no-store") && found.has("private") && !found.has("b\""), "{found:?}");
        let mut fields = Fields::new();
        assert!(!Directives::of(&fields).has("no-cache"));
        fields.add("Pragma", "no-cache");
        assert!(Directives::of(&fields).has("no-cache"));
    }
}
