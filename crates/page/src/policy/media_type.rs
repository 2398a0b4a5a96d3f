//! Which types of content may be a style sheet or a script.

/// The types that are JavaScript (MIME Sniffing, section 4.6).
const JAVASCRIPT: [&str; 16] = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// Whether a type, without its parameters and in lower case, forbids that something is a style sheet. In
/// quirks mode a page's own origin may say what it likes (HTML, section 4.6.7.21, "process the linked
/// resource").
pub(crate) fn is_refused_style(essence: &str, nosniff: bool, lenient: bool) -> bool {
    match essence {
        "text/css" => false,
        _ if nosniff => true,
        "" => false,
        _ => !lenient,
    }
}

/// Whether a type forbids that something is a script (Fetch, "should response to request be blocked due to
/// its MIME type" and "due to nosniff"; HTML, "fetch a single module script").
pub(super) fn is_refused_script(essence: &str, nosniff: bool, module: bool) -> bool {
    let never = ["audio/", "image/", "video/"].iter().any(|kind| essence.starts_with(kind));
    never || essence == "text/csv" || (nosniff || module) && !JAVASCRIPT.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_sheet_is_css_or_of_no_type() {
        for (essence, nosniff, lenient, expected) in [
            ("text/css", true, false, false),
            ("", false, false, false),
            ("", true, false, true),
            ("text/html", false, false, true),
            ("text/html", false, true, false),
            ("text/html", true, true, true),
        ] {
            assert_eq!(
                is_refused_style(essence, nosniff, lenient),
                expected,
                "{essence} {nosniff}"
            );
        }
    }

    #[test]
    fn a_script_is_anything_but_a_picture_unless_somebody_is_strict() {
        for (essence, nosniff, module, expected) in [
            ("text/javascript", true, true, false),
            ("text/html", false, false, false),
            ("", false, false, false),
            ("image/png", false, false, true),
            ("text/csv", false, false, true),
            ("text/html", true, false, true),
            ("", true, false, true),
            ("text/plain", false, true, true),
            ("application/x-javascript", true, false, false),
        ] {
            assert_eq!(is_refused_script(essence, nosniff, module), expected, "{essence}");
        }
    }
}
