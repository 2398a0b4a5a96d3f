//! A page of ours: one HTML file that needs nothing, in the style of all.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

/// The style sheet: colours that go by the reader's preference, tables, sections.
pub(super) const SHEET: &str = include_str!("report.css");

/// A page in English that runs nothing; `body` has its header, its main part and its footer.
pub fn page(title: &str, body: &Markup) -> String {
    whole("en", title, "default-src 'none'; style-src 'unsafe-inline'", body)
}

/// A page in a language. There is text of visited pages in it: `policy` says what may be loaded and run (Content
/// Security Policy).
pub(super) fn whole(language: &str, title: &str, policy: &str, body: &Markup) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (title) }
                style { (PreEscaped(SHEET)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}
