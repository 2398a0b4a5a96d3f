//! Takes credentials out of an entry's JSON, as they are taken out of a record's events.

use roundtrip_record::{REDACTED, REDACTED_VALUE, SecretNames};
use serde_json::Value;

/// Replaces the values of credentials in header fields, cookies and URLs. Returns whether there
/// were any.
pub(crate) fn entry(entry: &mut Value) -> bool {
    let mut changed = false;
    for part in ["request", "response"] {
        let Some(part) = entry.get_mut(part) else { continue };
        changed |= headers(part.get_mut("headers"));
        changed |= cookies(part.get_mut("cookies"));
        changed |= query(part.get_mut("queryString"));
        for url in ["url", "redirectURL"] {
            changed |= part.get_mut(url).is_some_and(address);
        }
    }
    for own in ["_request_headers", "_response_headers", "_headers"] {
        changed |= entry.get_mut(own).is_some_and(anything);
    }
    changed
}

fn headers(list: Option<&mut Value>) -> bool {
    let mut changed = false;
    for header in list.and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(name) = header.get("name").and_then(Value::as_str) else { continue };
        if is_credential(name) {
            header["value"] = REDACTED.into();
            changed = true;
        }
    }
    changed
}

/// Whether a header field of this name carries credentials.
fn is_credential(name: &str) -> bool {
    SecretNames::default().has_field(name)
}

fn query(list: Option<&mut Value>) -> bool {
    let mut changed = false;
    for pair in list.and_then(Value::as_array_mut).into_iter().flatten() {
        let name = pair.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| SecretNames::default().has_query_value(name)) {
            pair["value"] = REDACTED_VALUE.into();
            changed = true;
        }
    }
    changed
}

fn cookies(list: Option<&mut Value>) -> bool {
    let mut changed = false;
    for cookie in list.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(value) = cookie.get_mut("value") {
            *value = REDACTED.into();
            changed = true;
        }
    }
    changed
}

fn address(url: &mut Value) -> bool {
    let Value::String(url) = url else { return false };
    let without = SecretNames::default().redact_url(url);
    let changed = without != *url;
    *url = without;
    changed
}

/// Header fields in a form of the writer's own: lines `name: value`, in lists or objects.
fn anything(value: &mut Value) -> bool {
    match value {
        Value::String(line) => {
            let name = line.split(':').next().unwrap_or_default().trim();
            if !is_credential(name) {
                return false;
            }
            *line = format!("{name}: {REDACTED}");
            true
        }
        Value::Array(lines) => {
            lines.iter_mut().fold(false, |changed, line| anything(line) | changed)
        }
        Value::Object(members) => members.iter_mut().fold(false, |changed, (name, value)| {
            if is_credential(name) {
                *value = REDACTED.into();
                return true;
            }
            anything(value) | changed
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn credentials_go_and_all_else_stays() {
        let mut entry = json!({
            "request": {
                "url": "http://me:word@h/?token=9&a=1",
                "queryString": [{"name": "token", "value": "9"}],
                "cookies": [{"name": "id", "value": "7"}],
                "headers": [{"name": "COOKIE", "value": "id=7"}, {"name": "accept", "value": "*/*"}]
            },
            "response": {"headers": [{"name": "Set-Cookie", "value": "id=8"}], "cookies": {}},
            "_headers": {"request": ["cookie: id=7", "accept: */*"], "response": ["x-api-key: k"]},
            "_other": "cookie: kept, since nobody says that it is a header field"
        });
        assert!(super::entry(&mut entry));
        assert_eq!(entry["request"]["url"], "http://me:[redacted]@h/?token=*&a=1");
        assert_eq!(entry["request"]["queryString"][0]["value"], "*");
        assert_eq!(entry["request"]["headers"][0]["value"], "[redacted]");
        assert_eq!(entry["request"]["headers"][1]["value"], "*/*");
        assert_eq!(entry["request"]["cookies"][0], json!({"name": "id", "value": "[redacted]"}));
        assert_eq!(entry["response"]["headers"][0]["value"], "[redacted]");
        assert_eq!(entry["_headers"]["request"], json!(["cookie: [redacted]", "accept: */*"]));
        assert_eq!(entry["_headers"]["response"], json!(["x-api-key: [redacted]"]));
        assert!(entry["_other"].as_str().unwrap().contains("kept"));
        assert!(!super::entry(&mut json!({"request": {"url": "http://h/"}})));
    }
}
