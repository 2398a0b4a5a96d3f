//! `Origins`: pages of which other origins may read answers (Fetch Standard, "CORS protocol").

use core::str::FromStr;

use http::{Method, StatusCode};

use crate::message::Fields;
use crate::server::{Request, Response};

/// How long a browser may go by what it was told, in seconds: the longest that Chromium does.
const MAX_AGE: &str = "7200";

/// Pages of which other origins may read answers. Credentials are never among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

/// One origin, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Option<String>);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(None));
        }
        let parsed = url::Url::parse(text).ok().map(|url| url.origin());
        match parsed.filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization()) {
            Some(origin) if origin.eq_ignore_ascii_case(text.trim_end_matches('/')) => {
                Ok(Self(Some(origin)))
            }
            Some(origin) => Err(format!("wanted an origin, as {origin}")),
            None => Err("wanted an origin, as https://app.example, or *".into()),
        }
    }
}

impl From<Vec<Origin>> for Origins {
    fn from(origins: Vec<Origin>) -> Self {
        Self(origins)
    }
}

impl Origins {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn any(&self) -> bool {
        self.0.iter().any(|origin| origin.0.is_none())
    }

    fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|own| own.0.as_deref().is_none_or(|own| own == origin))
    }

    /// The answer to a browser that asks whether it may send a request. None where that is no such question, or
    /// may not be.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let fields = &request.head.fields;
        let asks = request.head.line.method == Method::OPTIONS;
        let origin = fields.text("Origin").filter(|_| asks)?;
        let method = fields.text("Access-Control-Request-Method")?;
        if !self.has(origin) {
            return None;
        }
        let mut response = Response::new(StatusCode::NO_CONTENT);
        response.fields.add("Access-Control-Allow-Methods", method);
        if let Some(names) = fields.get("Access-Control-Request-Headers") {
            response.fields.add("Access-Control-Allow-Headers", names);
        }
        response.fields.add("Access-Control-Max-Age", MAX_AGE);
        let asked = "Access-Control-Request-Method, Access-Control-Request-Headers";
        response.fields.add("Vary", asked);
        Some(response)
    }

    /// Says in an answer who may read it.
    pub(super) fn say(&self, asked: &Fields, answer: &mut Fields) {
        const ALLOWED: &str = "Access-Control-Allow-Origin";
        if self.is_empty() || answer.contains(ALLOWED) {
            return;
        }
        if self.any() {
            answer.add(ALLOWED, "*");
            return;
        }
        answer.add("Vary", "Origin");
        if let Some(origin) = asked.text("Origin").filter(|origin| self.has(origin)) {
            answer.add(ALLOWED, origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_paths() {
        for text in ["*", "https://a.example", "http://a.example:8080", "https://A.example/"] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in
            ["", "null", "a.example", "https://a.example/x", "https://a.example:443", "data:x"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
