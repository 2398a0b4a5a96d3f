//! Addresses in style sheets: read, and written otherwise.

use core::ops::Range;

use cssparser::{ParseError, Parser, Token, serialize_string};
use url::Url;

type Never = ParseError<()>;

/// How deeply blocks within blocks are followed.
const DEPTH: usize = 64;

/// A style sheet whose addresses are written as `written` has them; `None` leaves one as it is. The
/// addresses given to it are absolute.
pub(crate) fn rewritten(css: &str, base: &Url, written: impl Fn(&Url) -> Option<String>) -> String {
    let mut places = Vec::new();
    walk(&mut Parser::new(css), 0, &mut places);
    let mut out = String::with_capacity(css.len());
    let mut done = 0;
    for Place { at, address, form } in places {
        let by = base.join(address.trim()).ok().and_then(|url| written(&url));
        // A bare fragment is of the document that it stands in, or of nothing.
        let is_address = !address.trim().is_empty() && !address.trim_start().starts_with('#');
        let Some(by) = by.filter(|_| is_address) else { continue };
        out.push_str(css.get(done..at.start).unwrap_or(""));
        let quoted = quoted(&by);
        match form {
            Form::Url => out.extend(["url(", &quoted, ")"]),
            Form::String => out.push_str(&quoted),
        }
        done = at.end;
    }
    out.push_str(css.get(done..).unwrap_or(""));
    out
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    // Writing to a string cannot fail.
    let _ = serialize_string(text, &mut quoted);
    quoted
}

/// An address, and how it stands there.
struct Place {
    at: Range<usize>,
    address: String,
    form: Form,
}

enum Form {
    /// `url(…)` without quotes, as one token.
    Url,
    /// A string, in `url("…")`, `@import "…"` or `image-set("…")`.
    String,
}

fn walk(p: &mut Parser<'_>, depth: usize, places: &mut Vec<Place>) {
    let mut importing = false;
    loop {
        let start = p.position().byte_index();
        let Ok(token) = p.next_including_whitespace_and_comments() else { return };
        match token {
            Token::WhiteSpace(_) | Token::Comment(_) => continue,
            Token::UnquotedUrl(address) => {
                let address = address.to_string();
                let at = start..p.position().byte_index();
                places.push(Place { at, address, form: Form::Url });
            }
            Token::QuotedString(address) if importing => {
                let address = address.to_string();
                let at = start..p.position().byte_index();
                places.push(Place { at, address, form: Form::String });
            }
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                let holds_addresses =
                    matches!(name.as_str(), "url" | "src" | "image-set" | "-webkit-image-set");
                nested(p, depth, holds_addresses, places);
            }
            Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {
                nested(p, depth, false, places);
            }
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => {
                importing = true;
                continue;
            }
            _ => {}
        }
        importing = false;
    }
}

fn nested(p: &mut Parser<'_>, depth: usize, holds_addresses: bool, places: &mut Vec<Place>) {
    if depth == DEPTH {
        return;
    }
    let _ = p.parse_nested_block(|p| {
        if holds_addresses {
            strings(p, depth + 1, places);
        } else {
            walk(p, depth + 1, places);
        }
        Ok::<_, Never>(())
    });
}

/// Within a function whose strings are addresses.
fn strings(p: &mut Parser<'_>, depth: usize, places: &mut Vec<Place>) {
    loop {
        let start = p.position().byte_index();
        let Ok(token) = p.next_including_whitespace_and_comments() else { return };
        match token {
            Token::QuotedString(address) => {
                let address = address.to_string();
                let at = start..p.position().byte_index();
                places.push(Place { at, address, form: Form::String });
            }
            Token::UnquotedUrl(address) => {
                let address = address.to_string();
                let at = start..p.position().byte_index();
                places.push(Place { at, address, form: Form::Url });
            }
            // The strings of `type("image/avif")` are none.
            Token::Function(name) => {
                let is_url = name.eq_ignore_ascii_case("url");
                nested(p, depth, is_url, places);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_written_otherwise() {
        let base = Url::parse("https://a.example/style/x.css").expect("a URL");
        let css = "@import 'more.css' screen; @import url(print.css) print; /* url(no) */\n\
            a::before { content: 'url(no)'; background: url( \"../i.png\" ) , url(data:image/gif;base64,R0) }\n\
            @font-face { src: url(f.woff2) format('woff2') }\n\
            @media x { b { background-image: image-set('j.png' type('image/png') 1x, url(k.png) 2x) } }";
        let out =
            rewritten(css, &base, |url| (url.scheme() != "data").then(|| url.path().to_owned()));
        assert_eq!(
            out,
            "@import \"/style/more.css\" screen; @import url(\"/style/print.css\") print; /* url(no) */\n\
            a::before { content: 'url(no)'; background: url( \"/i.png\" ) , url(data:image/gif;base64,R0) }\n\
            @font-face { src: url(\"/style/f.woff2\") format('woff2') }\n\
            @media x { b { background-image: image-set(\"/style/j.png\" type('image/png') 1x, url(\"/style/k.png\") 2x) } }"
        );
        assert_eq!(rewritten(css, &base, |_| None), css);
        let fragment = "a { clip-path: url(#c) }";
        assert_eq!(rewritten(fragment, &base, |url| Some(url.to_string())), fragment);
    }
}
