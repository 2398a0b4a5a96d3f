//! Which schemes may be asked for (`--proto`, `--proto-redir`).

use roundtrip_fetch::Schemes;

/// What an option permits: names of schemes with commas between, `all`, each with `=` for these alone, `+`
/// or nothing for these too, `-` for all but these. Those that are not spoken are passed over.
pub(super) fn permitted(text: Option<&str>) -> Schemes {
    let mut schemes = Schemes::ALL;
    for word in text.unwrap_or_default().split(',').map(str::trim) {
        let (sign, name) = match word.as_bytes().first() {
            Some(sign @ (b'=' | b'-' | b'+')) => (*sign, word[1..].trim_start_matches('+')),
            _ => (b'+', word),
        };
        if sign == b'=' {
            schemes = Schemes::NONE;
        }
        let all = name.eq_ignore_ascii_case("all");
        if all || name.eq_ignore_ascii_case("http") {
            schemes.http = sign != b'-';
        }
        if all || name.eq_ignore_ascii_case("https") {
            schemes.https = sign != b'-';
        }
    }
    schemes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_curl_does() {
        for (text, http, https) in [
            ("", true, true),
            ("=https", false, true),
            ("-http", false, true),
            ("-all,http", true, false),
            ("=ftp", false, false),
            ("=http,https", true, true),
            ("+ftp,-https", true, false),
        ] {
            assert_eq!(permitted(Some(text)), Schemes { http, https }, "{text}");
        }
    }
}
