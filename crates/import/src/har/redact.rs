//! Takes credentials out of an entry's JSON, as they are taken out of a record's events.

use roundtrip_record::{REDACTED, REDACTED_VALUE, SecretNames};
use serde_json::Value;
use url::form_urlencoded;

/// Replaces the values of credentials in header fields, cookies, URLs and the fields of forms; the
/// texts of bodies are the record's own and are redacted there. Returns whether there were any.
pub(crate) fn entry(entry: &mut Value, names: &SecretNames) -> bool {
    let mut changed = false;
    for part in ["request", "response"] {
        let Some(part) = entry.get_mut(part) else { continue };
        changed |= headers(part.get_mut("headers"), names);
        changed |= cookies(part.get_mut("cookies"));
        changed |= pairs(part.get_mut("queryString"), names, |_| REDACTED_VALUE.into());
        let form = part.get_mut("postData").and_then(|data| data.get_mut("params"));
        changed |= pairs(form, names, stars);
        for url in ["url", "redirectURL"] {
            changed |= part.get_mut(url).is_some_and(|url| address(url, names));
        }
    }
    for own in ["_request_headers", "_response_headers", "_headers"] {
        changed |= entry.get_mut(own).is_some_and(|value| anything(value, names));
    }
    changed
}

fn headers(list: Option<&mut Value>, names: &SecretNames) -> bool {
    let mut changed = false;
    for header in list.and_then(Value::as_array_mut).into_iter().flatten() {
        let name = header.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| names.has_field(name)) {
            header["value"] = REDACTED.into();
            changed = true;
        }
    }
    changed
}

/// The pairs of a query or a form; `instead` makes a text that takes a value's place.
fn pairs(list: Option<&mut Value>, names: &SecretNames, instead: fn(&Value) -> String) -> bool {
    let mut changed = false;
    for pair in list.and_then(Value::as_array_mut).into_iter().flatten() {
        let name = pair.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| names.has_query_value(name))
            && let Some(value) = pair.get_mut("value")
        {
            *value = instead(value).into();
            changed = true;
        }
    }
    changed
}

/// A star for each byte that a form's value takes in the body, so that the body that is made of the
/// fields keeps its length, as a body whose text is known does.
fn stars(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let coded = form_urlencoded::byte_serialize(text.as_bytes());
    REDACTED_VALUE.repeat(coded.map(str::len).sum())
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

fn address(url: &mut Value, names: &SecretNames) -> bool {
    let Value::String(url) = url else { return false };
    let without = names.redact_url(url);
    let changed = without != *url;
    *url = without;
    changed
}

/// Header fields in a form of the writer's own: lines `name: value`, in lists or objects.
fn anything(value: &mut Value, names: &SecretNames) -> bool {
    match value {
        Value::String(line) => {
            let name = line.split(':').next().unwrap_or_default().trim();
            if !names.has_field(name) {
                return false;
            }
            *line = format!("{name}: {REDACTED}");
            true
        }
        Value::Array(lines) => {
            lines.iter_mut().fold(false, |changed, line| anything(line, names) | changed)
        }
        Value::Object(members) => members.iter_mut().fold(false, |changed, (name, value)| {
            if names.has_field(name) {
                *value = REDACTED.into();
                return true;
            }
            anything(value, names) | changed
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(super::entry(&mut entry, &SecretNames::default()));
        assert_eq!(entry["request"]["url"], "http://me:[redacted]@h/?token=*&a=1");
        assert_eq!(entry["request"]["queryString"][0]["value"], "*");
        assert_eq!(entry["request"]["headers"][0]["value"], "[redacted]");
        assert_eq!(entry["request"]["headers"][1]["value"], "*/*");
        assert_eq!(entry["request"]["cookies"][0], json!({"name": "id", "value": "[redacted]"}));
        assert_eq!(entry["response"]["headers"][0]["value"], "[redacted]");
        assert_eq!(entry["_headers"]["request"], json!(["cookie: [redacted]", "accept: */*"]));
        assert_eq!(entry["_headers"]["response"], json!(["x-api-key: [redacted]"]));
        assert!(entry["_other"].as_str().unwrap().contains("kept"));
        let mut open = json!({"request": {"url": "http://h/"}});
        assert!(!super::entry(&mut open, &SecretNames::default()));
    }

    #[test]
    fn names_of_the_user_and_fields_of_forms_count() {
        let mut entry = json!({
            "request": {
                "url": "http://h/?ticket=9",
                "headers": [{"name": "X-Ticket", "value": "open sesame"}, {"name": "token"}],
                "queryString": [{"name": "ticket", "value": "9"}],
                "postData": {"params": [
                    {"name": "Ticket", "value": "a b&c"}, {"name": "password", "value": 12345},
                    {"name": "user", "value": "me"}
                ]}
            },
            "_headers": ["x-ticket: open sesame"]
        });
        let names = SecretNames::with(&["X-Ticket".into(), "ticket".into()]);
        assert!(super::entry(&mut entry, &names));
        assert_eq!(entry["request"]["url"], "http://h/?ticket=*");
        assert_eq!(entry["request"]["headers"][0]["value"], "[redacted]");
        assert_eq!(entry["request"]["queryString"][0]["value"], "*");
        let form = &entry["request"]["postData"]["params"];
        // "a+b%26c" is what stands in the body.
        assert_eq!((&form[0]["value"], &form[1]["value"]), (&json!("*******"), &json!("*****")));
        assert_eq!(form[2]["value"], "me");
        assert_eq!(entry["_headers"], json!(["x-ticket: [redacted]"]));
    }
}
