//! Fields in the forms of HTTP/1 and HTTP/2.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::message::Fields;

/// Fields that speak of a connection of HTTP/1 (RFC 9113 §8.2.2), and Host, which `:authority` is.
const OF_CONNECTION: [&str; 6] =
    ["Connection", "Host", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"];

/// Whether a field may not stand in a message of HTTP/2. `TE` may, if it says `trailers` and nothing
/// else; a field that `Connection` names belongs to the connection as well.
pub(crate) fn of_connection(fields: &Fields, name: &str, value: &[u8]) -> bool {
    OF_CONNECTION.iter().any(|other| name.eq_ignore_ascii_case(other))
        || name.eq_ignore_ascii_case("TE") && !value.eq_ignore_ascii_case(b"trailers")
        || fields.has("Connection", name)
}

/// Fields as HTTP/2 sends them: names in lower case, without those of the connection.
pub(crate) fn to_map(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields.iter().filter(|(name, value)| !of_connection(fields, name, value)) {
        // A name of `Fields` is a token and a value has no control characters: both are taken.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

/// Fields as they came, names in lower case.
pub(crate) fn from_map(map: &HeaderMap) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in map {
        // `h2` refuses names and values that `Fields` would.
        let _ = fields.push(name.as_str(), value.as_bytes());
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_connection_stay_behind() {
        let mut fields = Fields::new();
        fields.add("Host", "a.test").add("X-Own", "1").add("Connection", "close, x-hop");
        fields.add("X-Hop", "2").add("TE", "gzip").add("te", "trailers").add("X-Own", "3");
        let map = to_map(&fields);
        let names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-own", "te"]);
        let back = from_map(&map);
        assert_eq!(back.get_all("X-Own").collect::<Vec<_>>(), [b"1", b"3"]);
    }
}
