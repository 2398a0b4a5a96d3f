//! What redirects make of a request, and what goes along with it.

use std::rc::Rc;

use http::{Method, StatusCode};

use roundtrip_http::client::{Proxies, Schemes as Logins};

use crate::asker::Asker;
use crate::netrc::Netrc;
use crate::referrer::Referrer;

/// How many redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// None: they are answers as any other.
    Shown,
    /// This many; one more is a fault.
    Most(u32),
    /// All of them.
    All,
}

/// What a request carries, which decides what redirects make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// No body.
    Nothing,
    /// Data or a form.
    Post,
    /// A file.
    Put,
}

/// To whom credentials go: those of the first URL, and fields that are for one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The origin they were given for, until the chain first leaves it (Fetch, "HTTP-redirect
    /// fetch").
    Unbroken,
    /// The origin they were given for, also when the chain comes back to it (curl).
    Origin,
    /// Whoever a redirect leads to, too (curl's `--location-trusted`).
    Anybody,
}

/// Which statuses are redirects, and how methods and bodies change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// As browsers do (Fetch, "HTTP-redirect fetch"): 301, 302, 303, 307 and 308 are redirects; after
    /// 301 and 302 a POST becomes a GET, after 303 everything but HEAD does.
    Fetch,
    /// As curl does: every 3xx that names a place is a redirect; data that was posted is not posted
    /// again after 301, 302 and 303, unless that was asked for; a file goes along but after 303; a
    /// method that was named stays.
    Curl {
        /// The method was named (`-X`).
        named: bool,
        /// Statuses of the three after which a POST stays one.
        keep_post: Vec<u16>,
        /// What the request carries.
        sends: Sends,
    },
}

/// Whether cookies and credentials go along at all (Fetch, "credentials mode").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They do.
    #[default]
    Include,
    /// Only to the origin of the page that asks: fonts, and what is marked `crossorigin`.
    SameOrigin,
}

/// Which schemes a redirect may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schemes {
    /// In the clear.
    pub http: bool,
    /// Through TLS.
    pub https: bool,
}

impl Schemes {
    /// Both.
    pub const ALL: Self = Self { http: true, https: true };
    /// None.
    pub const NONE: Self = Self { http: false, https: false };

    /// Whether a URL's scheme is among them.
    pub fn permit(self, url: &url::Url) -> bool {
        match url.scheme() {
            "http" => self.http,
            "https" => self.https,
            _ => false,
        }
    }
}

/// What makes one chain differ from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many redirects are followed.
    pub redirects: Redirects,
    /// Which statuses are redirects, and how methods and bodies change.
    pub methods: Methods,
    /// Names of fields that go away with the body.
    pub of_body: &'static [&'static str],
    /// Names of fields that are for one origin.
    pub of_origin: &'static [&'static str],
    /// To whom credentials go, and fields that are for one origin.
    pub credentials: Credentials,
    /// Whether cookies go along.
    pub mode: Mode,
    /// Who asks.
    pub asker: Asker,
    /// Referer.
    pub referrer: Referrer,
    /// Where redirects may lead.
    pub leads_to: Schemes,
    /// How the name and the password of a URL are told.
    pub logins: Logins,
    /// A token that is told to the first origin instead (RFC 6750).
    pub bearer: Option<String>,
    /// Names and passwords for hosts whose URLs have none.
    pub netrc: Rc<Netrc>,
    /// The proxies there are; those that want a proof of who asks are given it.
    pub proxies: Proxies,
    /// What stands in Cookie besides those of the jar, for the first origin.
    pub cookies: Option<String>,
}

impl Rules {
    /// What browsers do (Fetch, "HTTP-redirect fetch") with an address that somebody typed: 20
    /// redirects at most.
    pub fn browser() -> Self {
        Self {
            redirects: Redirects::Most(20),
            methods: Methods::Fetch,
            of_body: &[
                "Content-Encoding",
                "Content-Language",
                "Content-Location",
                "Content-Type",
                "Content-Length",
                "Transfer-Encoding",
            ],
            of_origin: &["Authorization", "Cookie", "Host", "Proxy-Authorization"],
            credentials: Credentials::Unbroken,
            mode: Mode::Include,
            asker: Asker::Person,
            referrer: Referrer::None,
            leads_to: Schemes::ALL,
            logins: Logins::BASIC,
            bearer: None,
            netrc: Rc::default(),
            proxies: Proxies::default(),
            cookies: None,
        }
    }

    /// What curl does with a request that carries this, whose redirects are shown.
    pub fn curl(sends: Sends) -> Self {
        Self {
            redirects: Redirects::Shown,
            methods: Methods::Curl { named: false, keep_post: Vec::new(), sends },
            of_body: &[],
            of_origin: &["Authorization", "Cookie", "Host"],
            credentials: Credentials::Origin,
            ..Self::browser()
        }
    }

    /// What browsers do for something that this page needs.
    pub fn of_page(page: &url::Url, mode: Mode) -> Self {
        Self {
            mode,
            asker: Asker::Page(page.clone()),
            referrer: Referrer::Page(page.clone()),
            ..Self::browser()
        }
    }

    /// Whether redirects are those of browsers.
    pub(crate) fn is_browser(&self) -> bool {
        self.methods == Methods::Fetch
    }

    /// Whether an answer with this status leads elsewhere, if it names a place. 304 says that there is
    /// none.
    pub(crate) fn redirects(&self, status: StatusCode) -> bool {
        match self.methods {
            Methods::Fetch => matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308),
            Methods::Curl { .. } => status.is_redirection() && status != StatusCode::NOT_MODIFIED,
        }
    }

    /// The method after a redirect with this status, which takes the body away; `None` where method
    /// and body stay. `body` says whether the request still has one.
    pub(crate) fn without_body(
        &self,
        status: StatusCode,
        method: &Method,
        body: bool,
    ) -> Option<Method> {
        match &self.methods {
            Methods::Fetch => {
                let changes = match status.as_u16() {
                    301 | 302 => *method == Method::POST,
                    303 => !matches!(*method, Method::GET | Method::HEAD),
                    _ => false,
                };
                changes.then_some(Method::GET)
            }
            Methods::Curl { named, keep_post, sends } => {
                let sends = if body { *sends } else { Sends::Nothing };
                let posts = sends == Sends::Post && !keep_post.contains(&status.as_u16());
                let changes = match status.as_u16() {
                    301 | 302 => posts,
                    303 => posts || sends == Sends::Put,
                    _ => false,
                };
                changes.then(|| if *named { method.clone() } else { Method::GET })
            }
        }
    }
}
