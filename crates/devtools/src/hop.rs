//! `Hop`: one request and its response; each redirect begins another.

use serde_json::Value;

/// Names and values, in their order.
pub(crate) type Fields = Vec<(String, String)>;

/// One request and its response, as the browser told of them. Times are the browser's own, in seconds.
#[derive(Debug, Default)]
pub(crate) struct Hop {
    /// Names it, together with its redirects.
    pub(crate) id: String,
    /// The target that asked.
    pub(crate) session: String,
    pub(crate) method: String,
    pub(crate) url: String,
    /// Name and value, as they went, where the browser told.
    pub(crate) fields: Fields,
    /// The same as the page's process told of them, before the network added its own.
    pub(crate) told: Fields,
    pub(crate) form: Option<String>,
    pub(crate) initiator: Value,
    /// What it is for, as the browser calls it.
    pub(crate) kind: String,
    pub(crate) first_priority: String,
    pub(crate) priority: String,
    pub(crate) render_blocking: Option<String>,
    /// When it was wanted.
    pub(crate) wanted: f64,
    /// `Network.Response`; `null` where none came.
    pub(crate) response: Value,
    /// The status and fields of the response as they came, where the browser told.
    pub(crate) head: Option<(u64, Fields)>,
    /// Bytes of body, its codings undone.
    pub(crate) decoded: u64,
    /// Bytes of response as they came, head and body.
    pub(crate) encoded: Option<u64>,
    pub(crate) ended: Option<f64>,
    /// What the browser calls its failure.
    pub(crate) error: Option<String>,
    /// Where it redirected to.
    pub(crate) redirect: Option<String>,
    /// A cache gave it: `memory` or `disk`.
    pub(crate) cache: Option<&'static str>,
    /// The body, and whether it is in base64.
    pub(crate) body: Option<(String, bool)>,
}

impl Hop {
    /// Whether nothing more will be told of it but its body.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether it never left the browser: its URL holds the data, or names some.
    pub(crate) fn is_inside(&self) -> bool {
        ["data:", "blob:", "about:", "chrome"].iter().any(|scheme| self.url.starts_with(scheme))
    }

    /// What of it is in [`Hop::response`].
    pub(crate) fn number(&self, of: &str) -> Option<f64> {
        self.response["timing"][of].as_f64().filter(|number| *number >= 0.0)
    }
}

/// The members of an object of fields. A field that came several times has a line for each.
pub(crate) fn fields(object: &Value) -> Fields {
    let members = object.as_object().into_iter().flatten();
    let lines = members.flat_map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        value.split('\n').map(|line| (name.clone(), line.to_owned())).collect::<Vec<_>>()
    });
    lines.collect()
}
