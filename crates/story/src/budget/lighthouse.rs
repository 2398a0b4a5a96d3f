//! Budgets as Lighthouse's `budget.json` has them (docs/performance-budgets.md of Lighthouse, and
//! github.com/GoogleChrome/budget.json): times in milliseconds, sizes in KiB, numbers of requests.

use serde_json::{Map, Value};

use super::limit::{BadBudget, Budget, Entry, Group, Limit, Measured, Sum, unknown};
use super::path::PathPattern;
use crate::figure::Figure;
use crate::quantity::scaled;

/// Lighthouse's names of times that are measured here, too.
const MEASURED: &[&str] = &["first-contentful-paint", "largest-contentful-paint"];
/// Lighthouse's names of figures that a page has only where its scripts run, or that are worked out
/// from a film of it.
const UNMEASURED: &[&str] = &[
    "interactive",
    "first-meaningful-paint",
    "first-cpu-idle",
    "speed-index",
    "total-blocking-time",
    "max-potential-fid",
    "estimated-input-latency",
    "cumulative-layout-shift",
];
/// What an entry may have.
const KEYS: &[&str] = &["path", "options", "timings", "resourceSizes", "resourceCounts"];

/// Reads an array of budgets.
pub(super) fn read(text: &str) -> Result<Budget, BadBudget> {
    let value: Value = serde_json::from_str(text).map_err(|error| BadBudget {
        line: Some(error.line()),
        what: format!("no JSON: {error}"),
    })?;
    let Value::Array(entries) = value else {
        let what = "a budget.json is an array of budgets: [{\"resourceCounts\": […]}]";
        return Err(BadBudget::somewhere(what));
    };
    let entries = entries.iter().enumerate().map(|(n, one)| {
        entry(one).map_err(|what| BadBudget::somewhere(format!("budget {}: {what}", n + 1)))
    });
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    if entries.iter().all(|entry| entry.limits.is_empty() && entry.unmeasured.is_empty()) {
        return Err(BadBudget::somewhere("there is no limit in it"));
    }
    Ok(Budget { entries })
}

fn entry(value: &Value) -> Result<Entry, String> {
    let fields = object(value, KEYS)?;
    let mut entry = Entry::default();
    if let Some(path) = fields.get("path") {
        let path = path.as_str().filter(|path| path.starts_with('/'));
        let path = path.ok_or("path: wanted a text that begins with /, as \"/blog/*\"")?;
        entry.path = Some(PathPattern::new(path));
    }
    if let Some(options) = fields.get("options") {
        let hosts = object(options, &["firstPartyHostnames"])?.get("firstPartyHostnames");
        for host in list(hosts, "firstPartyHostnames")? {
            let host = host.as_str().ok_or("firstPartyHostnames: wanted names of hosts")?;
            entry.first_party.push(host.to_lowercase());
        }
    }
    for one in list(fields.get("timings"), "timings")? {
        let fields = object(one, &["metric", "budget"])?;
        let name = text(fields, "metric")?;
        if UNMEASURED.contains(&name) {
            entry.unmeasured.push(name.to_owned());
            continue;
        }
        if !MEASURED.contains(&name) {
            let all: Vec<&str> = MEASURED.iter().chain(UNMEASURED).copied().collect();
            return Err(format!("timings: {}", unknown(name, all.into_iter())));
        }
        let figure = Figure::named(name).map_err(|unknown| unknown.to_string())?;
        let most = number(fields, 1_000_000)?;
        entry.limits.push(Limit { measured: Measured::Figure(figure), most });
    }
    for (list_name, sum, size) in
        [("resourceSizes", Sum::TransferSize, 1024), ("resourceCounts", Sum::Requests, 1)]
    {
        for one in list(fields.get(list_name), list_name)? {
            let fields = object(one, &["resourceType", "budget"])?;
            let group = Group::named(text(fields, "resourceType")?)
                .map_err(|what| format!("{list_name}: {what}"))?;
            let most = number(fields, size)?;
            entry.limits.push(Limit { measured: Measured::Sum(group, sum), most });
        }
    }
    Ok(entry)
}

/// An object with no other fields than these.
fn object<'a>(
    value: &'a Value,
    known: &'static [&'static str],
) -> Result<&'a Map<String, Value>, String> {
    let fields = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(name, known.iter().copied())),
        None => Ok(fields),
    }
}

fn list<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a [Value], String> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(format!("{name}: wanted an array, not {other}")),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    fields.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name}: wanted a text"))
}

/// The budget of an object, times `size`.
fn number(fields: &Map<String, Value>, size: i128) -> Result<i64, String> {
    let number = fields.get("budget").and_then(Value::as_number);
    let most = number.and_then(|number| scaled(&number.to_string(), size));
    most.filter(|most| *most >= 0).ok_or_else(|| {
        let whole = if size == 1 { " whole" } else { "" };
        format!("budget: wanted a{whole} number that is not negative")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_lighthouse_is_read() {
        let budget = read(
            r#"[{ "path": "/*", "options": { "firstPartyHostnames": ["*.cdn.example"] },
                 "timings": [{ "metric": "first-contentful-paint", "budget": 1500 },
                             { "metric": "interactive", "budget": 5000 }],
                 "resourceSizes": [{ "resourceType": "script", "budget": 125 },
                                   { "resourceType": "total", "budget": 300 }],
                 "resourceCounts": [{ "resourceType": "third-party", "budget": 10 }] }]"#,
        )
        .expect("a budget");
        let entry = &budget.entries[0];
        let limits: Vec<(String, i64)> =
            entry.limits.iter().map(|limit| (limit.measured.name(), limit.most)).collect();
        let wanted = [
            ("first-contentful-paint", 1_500_000_000),
            ("script transferSize", 128_000),
            ("transferSize", 307_200),
            ("third-party requests", 10),
        ];
        assert_eq!(limits, wanted.map(|(name, most)| (name.to_owned(), most)));
        assert_eq!(entry.unmeasured, ["interactive"]);
        assert_eq!(entry.first_party, ["*.cdn.example"]);
    }

    #[test]
    fn what_it_does_not_have_is_refused() {
        for (text, says) in [
            ("{}", "is an array of budgets"),
            ("[]", "there is no limit in it"),
            ("[{", "no JSON"),
            (r#"[{"paths": "/"}]"#, "budget 1: \"paths\" is not known; did you mean path?"),
            (r#"[{"path": "blog"}]"#, "begins with /"),
            (r#"[{"timings": {}}]"#, "timings: wanted an array"),
            (
                r#"[{"timings": [{"metric": "interactiv", "budget": 1}]}]"#,
                "did you mean interactive?",
            ),
            (
                r#"[{"resourceSizes": [{"resourceType": "scripts", "budget": 1}]}]"#,
                "did you mean script?",
            ),
            (r#"[{"resourceCounts": [{"resourceType": "script"}]}]"#, "wanted a whole number"),
            (r#"[{"resourceCounts": [{"resourceType": "script", "budget": -1}]}]"#, "not negative"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
