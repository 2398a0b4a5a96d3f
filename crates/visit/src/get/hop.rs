//! One request of a chain of redirects.

use http::{Method, StatusCode};
use roundtrip_http::client::{Expect, Follow, Jar, Origin, Request, Response};
use roundtrip_http::message::{Fields, escape};
use roundtrip_record::{EventId, FaultKind, Initiator};
use roundtrip_wire::Wire;
use std::time::SystemTime;
use url::Url;

use super::{Credentials, Redirects, Sends, Wanted};

/// Bodies longer than this wait to be asked for (RFC 9110 §10.1.1), as curl's do.
const EXPECT_ABOVE: u64 = 1024 * 1024;

/// Fields that go to the first origin alone, unless somebody trusts the others too.
const OF_ORIGIN: [&str; 3] = ["Authorization", "Cookie", "Host"];

/// One request of a chain.
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) method: Method,
    sends: Sends,
    referer: Option<String>,
    initiator: Initiator,
}

/// What follows an answer.
pub(super) enum Next {
    /// Nothing; it names this place where it is a redirect that is not followed.
    Answer(Option<Url>),
    Hop(Box<Hop>),
    Fault(FaultKind),
}

impl Hop {
    pub(super) fn first(wanted: &Wanted, initiator: Initiator) -> Self {
        Self {
            url: wanted.url.clone(),
            method: wanted.method.clone(),
            sends: wanted.sends,
            referer: wanted.referer.given.clone(),
            initiator,
        }
    }

    /// Whether its body is gone: it was a stream, and was sent before.
    pub(super) fn is_spent(&self, wanted: &Wanted) -> bool {
        self.sends != Sends::Nothing && wanted.content.is_spent()
    }

    /// The Referer that it carries.
    pub(super) fn referer(&self) -> Option<&str> {
        self.referer.as_deref()
    }

    pub(super) fn request(
        &self,
        wanted: &mut Wanted,
        jar: Option<&Jar>,
        now: SystemTime,
        cause: Option<EventId>,
    ) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.fields = self.fields(wanted, jar, now);
        request.omit.clone_from(&wanted.omit);
        if self.sends != Sends::Nothing {
            request.body = wanted.content.body();
        }
        if request.body.length().is_none_or(|length| length > EXPECT_ABOVE)
            && !request.fields.contains("Expect")
            && !is_omitted(wanted, "Expect")
        {
            request.expect = Expect::Continue;
        }
        request.follow = Follow::No;
        request.decode = wanted.decode;
        request.keep_body = wanted.keep_body;
        request.initiator = self.initiator.clone();
        request.cause = cause;
        request
    }

    /// The caller's own fields, and those that options stand for where the caller has none.
    fn fields(&self, wanted: &Wanted, jar: Option<&Jar>, now: SystemTime) -> Fields {
        let mut fields = wanted.fields.clone();
        let trusted = self.is_trusted(wanted);
        if !trusted {
            for name in OF_ORIGIN {
                fields.remove(name);
            }
        }
        let given = wanted.cookies.as_deref().filter(|_| trusted);
        let kept = jar.and_then(|jar| jar.field(&self.url, now));
        let cookies: Vec<&str> = kept.as_deref().into_iter().chain(given).collect();
        let media_type = wanted.media_type.as_deref().filter(|_| self.sends == Sends::Post);
        let mut add = |name: &'static str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty())
                && !fields.contains(name)
                && !is_omitted(wanted, name)
            {
                fields.add(name, value);
            }
        };
        add("Content-Type", media_type);
        add("Referer", self.referer.as_deref());
        add("Cookie", Some(&cookies.join("; ")));
        fields
    }

    /// Whether it goes to whom the first request went, or to somebody trusted as much.
    fn is_trusted(&self, wanted: &Wanted) -> bool {
        wanted.credentials == Credentials::Anybody
            || Origin::of(&self.url) == Origin::of(&wanted.url)
    }

    /// What an answer leads to (RFC 9110 §15.4; methods as browsers and curl change them).
    pub(super) fn next<W: Wire>(&self, response: &Response<W>, wanted: &Wanted) -> Next {
        // Any status of that kind may name a place (RFC 9110 §15.4); 304 says that there is none.
        let redirect =
            response.status.is_redirection() && response.status != StatusCode::NOT_MODIFIED;
        let location = response.fields.get("Location").filter(|value| !value.is_empty());
        let Some(location) = location.filter(|_| redirect) else {
            return Next::Answer(None);
        };
        let location = escape(location);
        let target = self.url.join(&location);
        if wanted.redirects == Redirects::Shown {
            return Next::Answer(target.ok());
        }
        let bad =
            |why: String| Next::Fault(FaultKind::BadRedirect { location: location.clone(), why });
        let mut url = match target {
            Ok(url) => url,
            Err(error) => return bad(error.to_string()),
        };
        if Origin::of(&url).is_none() {
            return bad("neither http nor https".into());
        }
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        let initiator =
            Initiator::Redirect { of: response.exchange, status: response.status.as_u16() };
        let referer = self.referer.clone();
        let mut next = Self { url, referer, ..self.sending(response.status, wanted, initiator) };
        if next.is_trusted(wanted) && next.url.username().is_empty() {
            // It has a host, so neither can fail.
            let _ = next.url.set_username(wanted.url.username());
            let _ = next.url.set_password(wanted.url.password());
        }
        if wanted.referer.follows {
            next.referer = Some(bare(&self.url));
        }
        Next::Hop(Box::new(next))
    }

    /// What is left of method and body after a redirect with this status: a POST becomes a GET,
    /// unless it was asked to stay one; a method that was named stays.
    fn sending(&self, status: StatusCode, wanted: &Wanted, initiator: Initiator) -> Self {
        let posts = self.sends == Sends::Post && !wanted.keep_post.contains(&status.as_u16());
        let drops = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => posts,
            StatusCode::SEE_OTHER => posts || self.sends == Sends::Put,
            _ => false,
        };
        let (mut method, mut sends) = (self.method.clone(), self.sends);
        if drops {
            sends = Sends::Nothing;
            if !wanted.method_named {
                method = Method::GET;
            }
        }
        Self { url: self.url.clone(), method, sends, referer: None, initiator }
    }
}

fn is_omitted(wanted: &Wanted, name: &str) -> bool {
    wanted.omit.iter().any(|omitted| omitted.eq_ignore_ascii_case(name))
}

/// A URL as others may see it: without credentials and fragment.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.into()
}
