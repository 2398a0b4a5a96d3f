//! `Order`: in which order the fields of a request go out.

/// In which order the fields of a request go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Host, what the client adds, the caller's own, what follows from what is asked for.
    #[default]
    Plain,
    /// As curl writes them (`Curl_http` in its `lib/http.c`).
    Curl,
}

/// curl's order of the fields that it sends by itself; the caller's own stand before the rest of these
/// ([`AFTER_OWN`]), but for Host, which is always first.
const CURL_ORDER: [&str; 19] = [
    "Host",
    "Proxy-Authorization",
    "Authorization",
    "Range",
    "Content-Range",
    "User-Agent",
    "Accept",
    "Connection",
    "TE",
    "Accept-Encoding",
    "Referer",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Cookie",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "Content-Length",
    "Content-Type",
    "Expect",
];

/// The first of [`CURL_ORDER`] that stands behind the caller's own fields.
const AFTER_OWN: usize = 16;

/// The place of a field among those of a request of curl. Places are twice those in [`CURL_ORDER`], so
/// that there is one between two of them for the caller's own fields.
pub(crate) fn curl_place(name: &str, own: bool) -> usize {
    let at = CURL_ORDER.iter().position(|known| known.eq_ignore_ascii_case(name));
    match at {
        Some(0) => 0,
        Some(at) if !own => 2 * at,
        _ => 2 * AFTER_OWN - 1,
    }
}
