//! Which content coding a client takes (RFC 9110 §12.5.3).

use crate::message::Fields;

/// A coding in which files stand ready beside the files that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    /// Its name in the field.
    pub(crate) name: &'static str,
    /// What the file's name has at its end.
    pub(crate) suffix: &'static str,
}

/// Those that are looked for, the one that makes text smallest first.
pub(crate) const READY: [Coding; 3] = [
    Coding { name: "br", suffix: ".br" },
    Coding { name: "zstd", suffix: ".zst" },
    Coding { name: "gzip", suffix: ".gz" },
];

/// Whether a client takes a coding: by its name, or by the asterisk, and not with a weight of nothing.
pub(crate) fn accepts(fields: &Fields, coding: &str) -> bool {
    let mut by_asterisk = false;
    for element in fields.list("Accept-Encoding") {
        let element = String::from_utf8_lossy(element);
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let wanted = parts.all(|part| !is_nothing(part));
        let alias = coding == "gzip" && name.eq_ignore_ascii_case("x-gzip");
        if name.eq_ignore_ascii_case(coding) || alias {
            return wanted;
        }
        if name == "*" {
            by_asterisk = wanted;
        }
    }
    by_asterisk
}

/// Whether a parameter is a weight of nothing: `q=0`, `q=0.000`.
fn is_nothing(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let is_zero = value.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'));
    name.trim().eq_ignore_ascii_case("q") && is_zero
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_the_asterisk_count() {
        for (value, br, gzip) in [
            ("br, gzip", true, true),
            ("br;q=0, gzip;q=0.1", false, true),
            ("*", true, true),
            ("*;q=0, gzip", false, true),
            ("gzip;q=0.000, *", true, false),
            ("x-gzip", false, true),
            ("identity", false, false),
            ("", false, false),
            ("BR ; Q=1", true, false),
        ] {
            let mut fields = Fields::new();
            fields.add("Accept-Encoding", value);
            assert_eq!((accepts(&fields, "br"), accepts(&fields, "gzip")), (br, gzip), "{value}");
        }
        assert!(!accepts(&Fields::new(), "gzip"));
    }
}
