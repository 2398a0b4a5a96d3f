//! The cookies of an archive's requests and responses.

use roundtrip_record::{Field, REDACTED};
use serde_json::{Value, json};

use crate::text::iso8601;

/// The cookies of `Cookie` fields (RFC 6265 §4.2); none where the record did not keep them.
pub(super) fn sent(fields: &[Field]) -> Vec<Value> {
    values(fields, "cookie")
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

/// The cookies of `Set-Cookie` fields (RFC 6265 §4.1), with the attributes that HAR has a place for.
pub(super) fn set(fields: &[Field]) -> Vec<Value> {
    values(fields, "set-cookie").filter_map(one).collect()
}

fn one(text: &str) -> Option<Value> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie =
        json!({ "name": name.trim(), "value": value.trim(), "httpOnly": false, "secure": false });
    for attribute in parts {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "path" => cookie["path"] = json!(value.trim()),
            "domain" => cookie["domain"] = json!(value.trim()),
            "samesite" => cookie["sameSite"] = json!(value.trim()),
            "httponly" => cookie["httpOnly"] = json!(true),
            "secure" => cookie["secure"] = json!(true),
            // A date that is not one of HTTP's is left out: the archive wants ISO 8601.
            "expires" => {
                if let Some(at) = date(value.trim()) {
                    cookie["expires"] = json!(at);
                }
            }
            _ => {}
        }
    }
    Some(cookie)
}

/// A date of RFC 9110 §5.6.7 as ISO 8601.
fn date(text: &str) -> Option<String> {
    let at = httpdate::parse_http_date(text).ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(iso8601(u64::try_from(since.as_nanos()).ok()?))
}

fn values<'a>(fields: &'a [Field], name: &'static str) -> impl Iterator<Item = &'a str> {
    let named = fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name));
    named.map(|field| field.1.as_str()).filter(|value| *value != REDACTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field(name.into(), value.into())
    }

    #[test]
    fn each_pair_of_a_cookie_field_is_one() {
        let fields =
            [field("cookie", "a=b; c=d=e"), field("Cookie", "f="), field("Cookie", REDACTED)];
        let expected = json!([
            { "name": "a", "value": "b" }, { "name": "c", "value": "d=e" }, { "name": "f", "value": "" },
        ]);
        assert_eq!(Value::Array(sent(&fields)), expected);
    }

    #[test]
    fn attributes_stand_beside_the_value() {
        let line = "id=7; Path=/x; HttpOnly; Expires=Sun, 06 Nov 1994 08:49:37 GMT; SameSite=Lax";
        let fields = [field("Set-Cookie", line), field("set-cookie", "k=v; Secure; Expires=soon")];
        let expected = json!([
            {
                "name": "id", "value": "7", "path": "/x", "httpOnly": true, "secure": false,
                "expires": "1994-11-06T08:49:37.000Z", "sameSite": "Lax",
            },
            { "name": "k", "value": "v", "httpOnly": false, "secure": true },
        ]);
        assert_eq!(Value::Array(set(&fields)), expected);
    }
}
