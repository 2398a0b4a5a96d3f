//! Variables, which `--variable` sets and `--expand-…` fills in: `{{NAME}}`, `{{NAME:trim:url}}`
//! (curl(1), since 8.3).

use std::collections::BTreeMap;

use data_encoding::BASE64;

use super::line_error::LineError;
use super::percent::{Letters, encoded, is_unreserved};
use super::source;

/// What `--variable` set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variables(BTreeMap<String, Vec<u8>>);

impl Variables {
    /// Takes `NAME=TEXT`, `NAME@FILE`, or `%NAME` for one of the environment, which may have a value for
    /// where it is not set: `%NAME=TEXT`, `%NAME@FILE`.
    pub(super) fn set(&mut self, text: &str) -> Result<(), LineError> {
        let bad = |why: &str| LineError::of(format!("--variable {text}: {why}"));
        let (imported, rest) = match text.strip_prefix('%') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, value) = match rest.find(['=', '@']) {
            Some(at) => (&rest[..at], Some(&rest[at..])),
            None => (rest, None),
        };
        if !is_name(name) {
            return Err(bad("a name has letters, digits and _"));
        }
        let of_environment = imported.then(|| std::env::var_os(name)).flatten();
        let value = match (of_environment, value) {
            (Some(set), _) => set.to_string_lossy().into_owned().into_bytes(),
            (None, Some(value)) => match value.strip_prefix('@') {
                Some(path) => source::read(path).map_err(|error| bad(&format!("{error:#}")))?,
                None => value.as_bytes()[1..].to_vec(),
            },
            (None, None) if imported => return Err(bad("the environment has no such variable")),
            (None, None) => return Err(bad("wanted NAME=TEXT, NAME@FILE or %NAME")),
        };
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// Fills variables in. One that was not set is empty; `\{{` stands for two braces.
    pub(super) fn expand(&self, text: &str) -> Result<String, LineError> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            if rest[..at].ends_with('\\') {
                out.push_str(&rest[..at - 1]);
                out.push_str("{{");
                rest = &rest[at + 2..];
                continue;
            }
            let Some(end) = rest[at..].find("}}") else { break };
            out.push_str(&rest[..at]);
            out.push_str(&self.value(&rest[at + 2..at + end])?);
            rest = &rest[at + end + 2..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The value of `NAME:FUNCTION:…`.
    fn value(&self, text: &str) -> Result<String, LineError> {
        let mut parts = text.split(':').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let mut value = self.0.get(name).cloned().unwrap_or_default();
        for function in parts {
            value = match function {
                "trim" => value.trim_ascii().to_vec(),
                "json" => {
                    let quoted = serde_json::Value::from(String::from_utf8_lossy(&value));
                    let quoted = quoted.to_string();
                    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
                }
                "url" => encoded(&value, is_unreserved, Letters::Capital).into_bytes(),
                "b64" => BASE64.encode(&value).into_bytes(),
                "64dec" => BASE64.decode(&value).unwrap_or_else(|_| b"[64dec-fail]".to_vec()),
                other => {
                    return Err(LineError::of(format!(
                        "{{{{{text}}}}}: there is no function {other}; there are trim, json, url, b64 and 64dec"
                    )));
                }
            };
        }
        String::from_utf8(value).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
            LineError::of(format!("{{{{{text}}}}}: the value is no text; :b64 makes it one"))
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let mut all = Variables::default();
        for text in ["host=a.test", "word= x \"y\" ", "%NO_SUCH_VARIABLE=d"] {
            assert_eq!(all.set(text), Ok(()));
        }
        for (text, expected) in [
            ("http://{{host}}/", "http://a.test/"),
            ("{{word:trim:url}}", "x%20%22y%22"),
            ("{{word:trim:json}}", "x \\\"y\\\""),
            ("{{host:b64}}", "YS50ZXN0"),
            ("{{host:b64:64dec}}", "a.test"),
            ("[{{none}}]{{NO_SUCH_VARIABLE}}", "[]d"),
            ("\\{{host}} {{open", "{{host}} {{open"),
        ] {
            assert_eq!(all.expand(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(all.expand("{{host:none}}").is_err());
        assert!(all.set("a-b=1").is_err() && all.set("alone").is_err());
    }
}
