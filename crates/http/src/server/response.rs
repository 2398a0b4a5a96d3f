//! What a handler answers.

use http::StatusCode;

use super::interim::Trailers;
use super::upgrade::Upgrade;
use crate::Body;
use crate::message::Fields;

/// What becomes of the connection after a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// It is kept, if everything else permits.
    #[default]
    Keep,
    /// It is closed.
    Close,
}

/// A response. The server adds Date, Server, Connection and the fields that tell the body's end.
#[derive(Debug, Default)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, where it is not the usual one.
    pub reason: Option<String>,
    /// The fields.
    pub fields: Fields,
    /// The body. That of a response to HEAD tells the length and is not sent.
    pub body: Body,
    /// The fields after the body. Where the client could not take them, they are left out: in HTTP/1.0.
    pub trailers: Trailers,
    /// What goes on with the connection, or with its stream, after the head: of 101, and of a
    /// successful answer to CONNECT. There is no body then.
    pub upgrade: Option<Upgrade>,
    /// What becomes of the connection.
    pub after: After,
    /// A path of this server whose answer is to be sent instead (RFC 3875 §6.2.2); see
    /// [`super::follow`].
    pub local: Option<String>,
    /// The body is in the server's own words, which say what the status means: a page of one's own may stand there.
    pub is_words: bool,
    /// Why the server could not do what was asked, for those who run it: never sent.
    pub trouble: Option<String>,
}

impl Response {
    /// A response without fields and body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// 200 with a body of this media type.
    pub fn ok(media_type: &str, body: impl Into<Body>) -> Self {
        let mut response = Self::new(StatusCode::OK);
        response.fields.add("Content-Type", media_type);
        response.body = body.into();
        response
    }

    /// 200 with plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::ok("text/plain; charset=utf-8", text.into())
    }

    /// 200 with HTML.
    pub fn html(text: impl Into<String>) -> Self {
        Self::ok("text/html; charset=utf-8", text.into())
    }

    /// A redirect. The location must be a URL, whole or relative.
    pub fn redirect(status: StatusCode, location: &str) -> Self {
        let mut response = Self::error(status, &format!("The resource is at {location}."));
        response.fields.add("Location", location);
        response
    }

    /// A response that says in a small page what its status means, and why.
    pub fn error(status: StatusCode, why: &str) -> Self {
        let title = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or(""));
        let title = title.trim_end();
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n\
             <h1>{title}</h1>\n"
        );
        if !why.is_empty() {
            page.push_str("<p>");
            escape(why, &mut page);
            page.push_str("</p>\n");
        }
        page.push_str("</html>\n");
        Self { status, is_words: true, ..Self::html(page) }
    }

    /// The same response, with the reason for those who run the server ([`Response::trouble`]).
    #[must_use]
    pub fn because(mut self, trouble: impl Into<String>) -> Self {
        self.trouble = Some(trouble.into());
        self
    }

    /// The same response, after which the connection is closed.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.after = After::Close;
        self
    }
}

/// Whether a response of this status has no body (RFC 9110 §6.4.1).
pub(crate) fn is_bodyless(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || status.is_informational()
}

/// Writes text so that HTML shows it as it is.
pub(crate) fn escape(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
}
