//! The fields of an archive that are read, as HAR 1.2 and its dialects have them.

use roundtrip_record::BodyRef;
use serde::Deserialize;
use serde_json::Value;

use super::lenient::{list, number, or_default, text, value};

/// A page of the archive.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Page {
    #[serde(deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) title: Option<String>,
    #[serde(deserialize_with = "text", rename = "_URL")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) started_date_time: Option<String>,
    #[serde(deserialize_with = "value", rename = "pageTimings")]
    pub(crate) timings: Option<Value>,
}

/// One entry: a request, its response, and the times between.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Entry {
    #[serde(deserialize_with = "text")]
    pub(crate) started_date_time: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) time: Option<f64>,
    #[serde(deserialize_with = "text")]
    pub(crate) pageref: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) request: Request,
    #[serde(deserialize_with = "or_default")]
    pub(crate) response: Response,
    #[serde(deserialize_with = "or_default")]
    pub(crate) timings: Timings,
    #[serde(skip)]
    pub(crate) carrier: Carrier,
    #[serde(skip)]
    pub(crate) cause: Cause,
    #[serde(skip)]
    pub(crate) outcome: Outcome,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// Where a part of it is no object (`request`, `response`, `timings`).
    pub(crate) fn read(value: &Value) -> serde_json::Result<Self> {
        Ok(Self {
            carrier: Carrier::deserialize(value)?,
            cause: Cause::deserialize(value)?,
            outcome: Outcome::deserialize(value)?,
            ..Self::deserialize(value)?
        })
    }
}

/// Which connection carried an entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Carrier {
    #[serde(deserialize_with = "text", rename = "serverIPAddress")]
    pub(crate) server_ip_address: Option<String>,
    /// WebPageTest.
    #[serde(deserialize_with = "text", rename = "_ip_addr")]
    pub(crate) ip_addr: Option<String>,
    /// HAR 1.2: "unique ID of the parent TCP/IP connection, can be the client port number".
    #[serde(deserialize_with = "text")]
    pub(crate) connection: Option<String>,
    /// Chrome before 2021, and our own.
    #[serde(deserialize_with = "text", rename = "_connectionId")]
    pub(crate) connection_id: Option<String>,
    /// WebPageTest.
    #[serde(deserialize_with = "text", rename = "_socket")]
    pub(crate) socket: Option<String>,
    #[serde(deserialize_with = "text", rename = "_tls_version")]
    pub(crate) tls_version: Option<String>,
    #[serde(deserialize_with = "text", rename = "_tls_cipher_suite")]
    pub(crate) tls_cipher: Option<String>,
    /// Our own: how long the server itself took, milliseconds.
    #[serde(deserialize_with = "number", rename = "_serverThink")]
    pub(crate) server_think: Option<f64>,
    /// Chrome's `Network.SecurityDetails`.
    #[serde(deserialize_with = "value", rename = "_securityDetails")]
    pub(crate) security: Option<Value>,
}

/// Why an entry was asked for, and how urgently.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cause {
    /// An object of Chrome's (`Network.Initiator`), or the URL of WebPageTest and chrome-har.
    #[serde(deserialize_with = "value", rename = "_initiator")]
    pub(crate) initiator: Option<Value>,
    #[serde(deserialize_with = "text", rename = "_initiator_type")]
    pub(crate) initiator_type: Option<String>,
    #[serde(deserialize_with = "number", rename = "_initiator_line")]
    pub(crate) initiator_line: Option<f64>,
    #[serde(deserialize_with = "text", rename = "_priority")]
    pub(crate) priority: Option<String>,
    /// What `_priority` was before the browser changed it.
    #[serde(deserialize_with = "text", rename = "_initialPriority")]
    pub(crate) initial_priority: Option<String>,
    #[serde(deserialize_with = "text", rename = "_resourceType")]
    pub(crate) resource_type: Option<String>,
    /// WebPageTest, in two spellings.
    #[serde(deserialize_with = "text", rename = "_requestType")]
    pub(crate) request_type: Option<String>,
    #[serde(deserialize_with = "text", rename = "_request_type")]
    pub(crate) request_type_old: Option<String>,
    #[serde(deserialize_with = "text", rename = "_renderBlocking")]
    pub(crate) render_blocking: Option<String>,
}

/// What became of an entry, as far as HAR 1.2 has no field for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    #[serde(deserialize_with = "text", rename = "_error")]
    pub(crate) error: Option<String>,
    /// `memory`, `disk`; our own writes a truth value.
    #[serde(deserialize_with = "text", rename = "_fromCache")]
    pub(crate) from_cache: Option<String>,
    #[serde(deserialize_with = "text", rename = "_fetchedViaServiceWorker")]
    pub(crate) via_service_worker: Option<String>,
    #[serde(deserialize_with = "text", rename = "_complete")]
    pub(crate) complete: Option<String>,
}

/// A request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Request {
    #[serde(deserialize_with = "text")]
    pub(crate) method: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) http_version: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(crate) headers: Vec<Pair>,
    pub(crate) post_data: Option<PostData>,
    #[serde(deserialize_with = "number")]
    pub(crate) headers_size: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) body_size: Option<f64>,
}

/// A response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Response {
    #[serde(deserialize_with = "number")]
    pub(crate) status: Option<f64>,
    #[serde(deserialize_with = "text")]
    pub(crate) status_text: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) http_version: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(crate) headers: Vec<Pair>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) content: Content,
    #[serde(deserialize_with = "text", rename = "redirectURL")]
    pub(crate) redirect_url: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) headers_size: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) body_size: Option<f64>,
    #[serde(deserialize_with = "number", rename = "_transferSize")]
    pub(crate) transfer_size: Option<f64>,
    /// Chrome: `net::ERR_…`; others an object.
    #[serde(deserialize_with = "text", rename = "_error")]
    pub(crate) error: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) from_disk_cache: Option<String>,
    #[serde(deserialize_with = "text", rename = "fromServiceWorker")]
    pub(crate) via_service_worker: Option<String>,
}

/// A response's body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Content {
    #[serde(deserialize_with = "number")]
    pub(crate) size: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) compression: Option<f64>,
    #[serde(deserialize_with = "text")]
    pub(crate) mime_type: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub(crate) text: Option<BodyRef>,
}

/// A request's body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PostData {
    #[serde(deserialize_with = "text")]
    pub(crate) mime_type: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub(crate) text: Option<BodyRef>,
    #[serde(deserialize_with = "list")]
    pub(crate) params: Vec<Pair>,
}

/// A name and a value: a header field, or a field of a form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pair {
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) value: Option<String>,
}

/// The phases, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Timings {
    #[serde(deserialize_with = "number")]
    pub(crate) blocked: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) dns: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) connect: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) ssl: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) send: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) wait: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) receive: Option<f64>,
    /// chrome-har: from the wish to the request's begin, before all other phases.
    #[serde(deserialize_with = "number", rename = "_queued")]
    pub(crate) queued: Option<f64>,
}

/// The reference that stands where the archive had a text.
fn reference<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<BodyRef>, D::Error> {
    Ok(BodyRef::deserialize(Value::deserialize(from)?).ok())
}

/// The value of the first field of a name.
pub(crate) fn field<'a>(fields: &'a [Pair], name: &str) -> Option<&'a str> {
    let named =
        |pair: &&Pair| pair.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    fields.iter().find(named).and_then(|pair| pair.value.as_deref())
}

/// A member of an object, as text.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}
