//! Shows a request to the one who sent it.

use bytes::Bytes;
use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;
use serde_json::{Map, Value, json};

use crate::form;
use crate::media;
use crate::message::{to_text, version_text};
use crate::server::{BodyError, Handler, Request, RequestBody, Response};

/// Answers every request with what it said, as JSON: method, target, query, fields, and the body
/// taken apart where it is a form, JSON or of several parts.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Bytes of body that are taken; 413 beyond.
    pub limit: usize,
}

impl Default for Echo {
    /// Takes a mebibyte.
    fn default() -> Self {
        Self { limit: 1 << 20 }
    }
}

impl Handler for Echo {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let bytes = match body.bytes(self.limit).await {
                Ok(bytes) => bytes,
                Err(error @ BodyError::TooLarge(_)) => {
                    return Response::error(error.status(), &error.to_string()).closing();
                }
                Err(error) => return Response::error(error.status(), &error.to_string()),
            };
            if request.head.line.method == Method::TRACE {
                // RFC 9110 §9.3.8 has another form for it, and secrets in fields a way out.
                return Response::error(StatusCode::METHOD_NOT_ALLOWED, "There is no TRACE here.");
            }
            match describe(request, &bytes) {
                Ok(value) => {
                    let text = format!("{value:#}\n");
                    Response::ok("application/json", text)
                }
                Err(why) => Response::error(StatusCode::BAD_REQUEST, &why),
            }
        })
    }
}

fn describe(request: &Request, body: &Bytes) -> Result<Value, String> {
    let line = &request.head.line;
    let fields = request.head.fields.iter().map(|(name, value)| json!([name, to_text(value)]));
    let mut value = json!({
        "method": line.method.as_str(),
        "target": line.target,
        "version": version_text(line.version),
        "path": request.path(),
        "query": pairs(form::decode(request.query().as_bytes())),
        "fields": fields.collect::<Vec<_>>(),
        "peer": request.peer.ip().to_string(),
        "length": body.len(),
    });
    let content_type = request.head.fields.get("Content-Type").map(to_text).unwrap_or_default();
    let (name, content) = match media::essence(&content_type).as_str() {
        _ if body.is_empty() => return Ok(value),
        form::URLENCODED => ("form", pairs(form::decode(body))),
        "multipart/form-data" => {
            let parts = form::parse(&content_type, body).map_err(|error| error.to_string())?;
            ("parts", parts.iter().map(part).collect())
        }
        json if json == "application/json" || json.ends_with("+json") => {
            let json = serde_json::from_slice(body)
                .map_err(|error| format!("The body is no JSON: {error}."))?;
            ("json", json)
        }
        _ => ("body", text(body)),
    };
    value[name] = content;
    Ok(value)
}

/// Each name with all its values, in order.
fn pairs(pairs: Vec<(String, String)>) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = map.entry(name).or_insert_with(|| json!([])) {
            values.push(value.into());
        }
    }
    map.into()
}

fn part(part: &form::Received) -> Value {
    json!({
        "name": part.name,
        "filename": part.file_name,
        "type": part.media_type,
        "length": part.content.len(),
        "content": text(&part.content),
    })
}

/// Text as it is; null for what is none.
fn text(bytes: &[u8]) -> Value {
    core::str::from_utf8(bytes).map_or(Value::Null, Value::from)
}
