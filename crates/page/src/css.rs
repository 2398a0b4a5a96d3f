//! What a style sheet needs from the network, and the style sheet as the layout engine gets it.
//!
//! A scan over cssparser's tokens (CSS Syntax 3) finds `@import` and `@font-face`. The font faces
//! are cut out: the engine would load every one of them, used or not, and choose its format
//! badly; `fonts` loads those that text is set in. Addresses of images are left to the
//! engine, which knows what rules match.

use std::ops::Range;

use cssparser::{Delimiter, ParseError, Parser, Token, UnicodeRange};
use url::Url;

use crate::media::Media;

/// One `@import` rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// As written.
    pub(crate) url: String,
    /// The media query list behind it, empty if none.
    pub(crate) media: String,
}

/// One `@font-face` rule (CSS Fonts 4, section 4).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FontFace {
    pub(crate) family: String,
    /// Lowest and highest weight, 1 to 1000.
    pub(crate) weight: (f32, f32),
    pub(crate) slant: Slant,
    /// `unicode-range`; empty means all.
    pub(crate) ranges: Vec<(u32, u32)>,
    /// The first source whose format can be used, as written.
    pub(crate) url: String,
    /// Those after it, for when it does not come.
    pub(crate) others: Vec<String>,
}

impl FontFace {
    /// Whether the face may be used for this character.
    pub(crate) fn covers(&self, c: char) -> bool {
        let c = u32::from(c);
        self.ranges.is_empty() || self.ranges.iter().any(|&(low, high)| low <= c && c <= high)
    }
}

/// `font-style`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slant {
    Upright,
    Italic,
    Oblique,
}

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Scanned {
    pub(crate) imports: Vec<Import>,
    pub(crate) faces: Vec<FontFace>,
    /// The style sheet without its font faces.
    pub(crate) text: String,
}

/// How deeply at-rules with rules inside them are followed.
const DEPTH: usize = 16;

type Never = ParseError<()>;

/// A place of a style sheet, and what stands there instead.
pub(crate) struct Edit {
    pub(crate) at: Range<usize>,
    pub(crate) by: String,
}

/// The style sheet after edits, which are in order. One that begins inside the one before is left
/// out.
pub(crate) fn edited(css: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(css.len());
    let mut done = 0;
    for Edit { at, by } in edits {
        if at.start >= done {
            out.push_str(css.get(done..at.start).unwrap_or(""));
            out.push_str(by);
            done = at.end;
        }
    }
    out.push_str(css.get(done..).unwrap_or(""));
    out
}

/// Scans a style sheet. Font faces inside `@media` that does not match are cut and not reported.
pub(crate) fn scan(css: &str, media: Media) -> Scanned {
    let mut scan = Scan { media, imports: Vec::new(), faces: Vec::new(), cuts: Vec::new() };
    scan.rules(&mut Parser::new(css), Place { depth: 0, applies: true });
    Scanned { text: edited(css, &scan.cuts), imports: scan.imports, faces: scan.faces }
}

struct Scan {
    media: Media,
    imports: Vec<Import>,
    faces: Vec<FontFace>,
    /// In order, not overlapping.
    cuts: Vec<Edit>,
}

#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    applies: bool,
}

impl Scan {
    fn rules(&mut self, p: &mut Parser<'_>, place: Place) {
        // @import counts only before every other rule (CSS Cascade 5, section 2).
        let mut imports_allowed = place.depth == 0;
        loop {
            // Steps over the block of the rule before, too: the position is the next rule's.
            p.skip_whitespace();
            let start = p.position().byte_index();
            let Ok(token) = p.next() else { return };
            let Token::AtKeyword(name) = token else {
                let cdo = matches!(token, Token::CDO | Token::CDC | Token::Semicolon);
                let block = matches!(token, Token::CurlyBracketBlock);
                imports_allowed &= cdo;
                if !cdo && !block {
                    skip_rule(p);
                }
                continue;
            };
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "import" => self.import(p, imports_allowed),
                "charset" => skip_rule(p),
                "font-face" => {
                    imports_allowed = false;
                    self.font_face(p, start, place);
                }
                "layer" => imports_allowed &= !self.nested(p, place, &name),
                "media" | "supports" | "container" | "scope" | "starting-style" => {
                    imports_allowed = false;
                    self.nested(p, place, &name);
                }
                _ => {
                    imports_allowed = false;
                    skip_rule(p);
                }
            }
        }
    }

    fn import(&mut self, p: &mut Parser<'_>, allowed: bool) {
        let import = p.parse_until_after(Delimiter::Semicolon, |p| {
            let url = p.expect_url_or_string().map(|url| url.to_string());
            let mut start = p.position();
            // layer, layer(…) and supports(…) stand before the media queries.
            while let Ok(word) = p.try_parse(|p| match p.next() {
                Ok(Token::Ident(word) | Token::Function(word)) => Ok(word.to_ascii_lowercase()),
                _ => Err(()),
            }) {
                if !matches!(word.as_str(), "layer" | "supports") {
                    break;
                }
                // Steps over a function's block.
                p.skip_whitespace();
                start = p.position();
            }
            while p.next().is_ok() {}
            let media = p.slice_from(start).trim().to_owned();
            let url = url.ok().filter(|url| !url.trim().is_empty());
            Ok::<_, Never>(url.map(|url| Import { url, media }))
        });
        if let Ok(Some(import)) = import
            && allowed
        {
            self.imports.push(import);
        }
    }

    fn font_face(&mut self, p: &mut Parser<'_>, start: usize, place: Place) {
        if p.expect_curly_bracket_block().is_err() {
            return;
        }
        let face = p.parse_nested_block(|p| Ok::<_, Never>(face(p)));
        self.cuts.push(Edit { at: start..p.position().byte_index(), by: String::new() });
        if let Ok(Some(face)) = face
            && place.applies
        {
            self.faces.push(face);
        }
    }

    /// An at-rule with rules inside. Tells whether it had a block.
    fn nested(&mut self, p: &mut Parser<'_>, place: Place, name: &str) -> bool {
        let start = p.position();
        loop {
            p.skip_whitespace();
            let end = p.position();
            match p.next() {
                Err(_) | Ok(Token::Semicolon) => return false,
                Ok(Token::CurlyBracketBlock) => {
                    let prelude = p.slice(start..end);
                    let applies = place.applies && (name != "media" || self.media.matches(prelude));
                    let inner = Place { depth: place.depth + 1, applies };
                    if inner.depth < DEPTH {
                        let _ = p.parse_nested_block(|p| {
                            self.rules(p, inner);
                            Ok::<_, Never>(())
                        });
                    }
                    return true;
                }
                Ok(_) => {}
            }
        }
    }
}

/// Steps over the rest of a rule: to its block or its semicolon.
fn skip_rule(p: &mut Parser<'_>) {
    while !matches!(p.next(), Err(_) | Ok(Token::CurlyBracketBlock | Token::Semicolon)) {}
}

/// The descriptors of one font face; `None` if it names no family or no source that can be used.
fn face(p: &mut Parser<'_>) -> Option<FontFace> {
    let mut family = None;
    let mut weight = (400.0, 400.0);
    let mut slant = Slant::Upright;
    let mut ranges = Vec::new();
    let mut urls = Vec::new();
    while !p.is_exhausted() {
        let Ok(name) = p.expect_ident().map(|name| name.to_ascii_lowercase()) else { continue };
        if p.expect_colon().is_err() {
            continue;
        }
        let _ = p.parse_until_after(Delimiter::Semicolon, |p| {
            match name.as_str() {
                "font-family" => family = family_name(p).or(family.take()),
                "font-weight" => weight = weights(p).unwrap_or(weight),
                "font-style" => {
                    slant = match p.expect_ident().map(|word| word.to_ascii_lowercase()) {
                        Ok(word) if word == "italic" => Slant::Italic,
                        Ok(word) if word == "oblique" => Slant::Oblique,
                        _ => Slant::Upright,
                    }
                }
                "unicode-range" => ranges = unicode_ranges(p),
                "src" => {
                    let given = sources(p);
                    if !given.is_empty() {
                        urls = given;
                    }
                }
                _ => {}
            }
            while p.next().is_ok() {}
            Ok::<_, Never>(())
        });
    }
    let mut urls = urls.into_iter();
    Some(FontFace {
        family: family?,
        weight,
        slant,
        ranges,
        url: urls.next()?,
        others: urls.collect(),
    })
}

fn family_name(p: &mut Parser<'_>) -> Option<String> {
    if let Ok(name) = p.try_parse(Parser::expect_string_cloned) {
        return Some(name.to_string());
    }
    let mut words: Vec<String> = Vec::new();
    while let Ok(word) = p.try_parse(Parser::expect_ident_cloned) {
        words.push(word.to_string());
    }
    (!words.is_empty()).then(|| words.join(" "))
}

fn weights(p: &mut Parser<'_>) -> Option<(f32, f32)> {
    let low = weight(p)?;
    let high = weight(p).unwrap_or(low);
    Some((low.min(high), low.max(high)))
}

fn weight(p: &mut Parser<'_>) -> Option<f32> {
    p.try_parse(|p| match p.next() {
        Ok(Token::Number { value, .. }) if (1.0..=1000.0).contains(value) => Ok(*value),
        Ok(Token::Ident(word)) if word.eq_ignore_ascii_case("normal") => Ok(400.0),
        Ok(Token::Ident(word)) if word.eq_ignore_ascii_case("bold") => Ok(700.0),
        _ => Err(()),
    })
    .ok()
}

fn unicode_ranges(p: &mut Parser<'_>) -> Vec<(u32, u32)> {
    p.parse_comma_separated_ignoring_errors(|p| {
        UnicodeRange::parse(p).map(|range| (range.start, range.end)).map_err(Never::from)
    })
}

/// The sources of a `src` descriptor that can be used. `local()` names no file to fetch.
fn sources(p: &mut Parser<'_>) -> Vec<String> {
    let sources = p.parse_comma_separated_ignoring_errors(|p| {
        let url = p.expect_url()?.to_string();
        let mut format = None;
        while let Ok(function) = p.try_parse(Parser::expect_function_cloned) {
            let argument = p.parse_nested_block(|p| {
                let argument = p.expect_ident_or_string().map(|word| word.to_ascii_lowercase());
                while p.next().is_ok() {}
                argument.map_err(Never::from)
            });
            if function.eq_ignore_ascii_case("format") {
                format = argument.ok();
            }
        }
        Ok::<_, Never>((url, format))
    });
    let usable = sources.into_iter().filter(|(url, format)| usable(url, format.as_deref()));
    usable.map(|(url, _)| url).collect()
}

trait FunctionName<'i> {
    fn expect_function_cloned(&mut self) -> Result<cssparser::CowRcStr<'i>, Never>;
}

impl<'i> FunctionName<'i> for Parser<'i> {
    fn expect_function_cloned(&mut self) -> Result<cssparser::CowRcStr<'i>, Never> {
        Ok(self.expect_function()?.clone())
    }
}

/// Whether a font of this format can be used. Without a format the address's ending decides,
/// so that the old trick `x.eot?#iefix` is seen for what it is.
fn usable(url: &str, format: Option<&str>) -> bool {
    if let Some(format) = format {
        return matches!(
            format.trim_end_matches("-variations"),
            "woff2" | "woff" | "truetype" | "opentype" | "ttf" | "otf"
        );
    }
    let path = url.split(['?', '#']).next().unwrap_or("");
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    !["eot", "svg", "svgz", "ttc"].iter().any(|bad| ending.eq_ignore_ascii_case(bad))
}

/// The style sheet with every relative address made absolute: the engine resolves against the
/// address that was asked for, not the one a redirect led to.
pub(crate) fn absolute(css: &str, base: &Url) -> String {
    let mut edits = Vec::new();
    addresses(&mut Parser::new(css), base, &mut edits, 0);
    edited(css, &edits)
}

fn addresses(p: &mut Parser<'_>, base: &Url, edits: &mut Vec<Edit>, depth: usize) {
    let mut after_import = false;
    loop {
        p.skip_whitespace();
        let start = p.position().byte_index();
        let Ok(token) = p.next() else { return };
        let mut resolve = |url: &str, end: usize| {
            if let Ok(url) = base.join(url) {
                let url = url.as_str().replace('"', "%22");
                edits.push(Edit { at: start..end, by: format!("url(\"{url}\")") });
            }
        };
        let token = token.clone();
        let import =
            matches!(&token, Token::AtKeyword(name) if name.eq_ignore_ascii_case("import"));
        match token {
            Token::UnquotedUrl(url) => resolve(&url, p.position().byte_index()),
            Token::QuotedString(url) if after_import => resolve(&url, p.position().byte_index()),
            Token::Function(name) if name.eq_ignore_ascii_case("url") => {
                let url = p.parse_nested_block(|p| {
                    let url = p.expect_string().map(ToString::to_string);
                    while p.next().is_ok() {}
                    url.map_err(Never::from)
                });
                if let Ok(url) = url {
                    resolve(&url, p.position().byte_index());
                }
            }
            Token::Function(_)
            | Token::ParenthesisBlock
            | Token::SquareBracketBlock
            | Token::CurlyBracketBlock
                if depth < 64 =>
            {
                let _ = p.parse_nested_block(|p| {
                    addresses(p, base, edits, depth + 1);
                    Ok::<_, Never>(())
                });
            }
            _ => {}
        }
        after_import = import;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn media() -> Media {
        Media::from(&Options::default())
    }

    #[test]
    fn imports_are_found_where_they_count() {
        let css = r#"@charset "utf-8"; @layer a, b;
            @import "a.css"; @import url(b.css) screen and (min-width: 1px);
            @import url('c.css') layer(x) supports(display: grid) print;
            @IMPORT "d.css" layer;
            p { color: red }
            @import "late.css";"#;
        let found = scan(css, media()).imports;
        let found: Vec<_> = found.iter().map(|i| (i.url.as_str(), i.media.as_str())).collect();
        assert_eq!(
            found,
            [
                ("a.css", ""),
                ("b.css", "screen and (min-width: 1px)"),
                ("c.css", "print"),
                ("d.css", "")
            ]
        );
    }

    #[test]
    fn font_faces_are_read_and_cut() {
        let css = "a{b:c}@font-face{font-family:'X Y';src:url(x.eot);\
            src:url(x.eot?#iefix) format('embedded-opentype'),url(x.svg#x) format('svg'),\
            local(Zed), url(\"x.woff2\") format(woff2) tech(variations), url(x.ttf);\
            font-weight:100 900;font-style:italic;unicode-range:U+0-FF,U+20??}d{e:f}";
        let scanned = scan(css, media());
        assert_eq!(scanned.text, "a{b:c}d{e:f}");
        assert_eq!(
            scanned.faces,
            [FontFace {
                family: "X Y".into(),
                weight: (100.0, 900.0),
                slant: Slant::Italic,
                ranges: vec![(0, 0xFF), (0x2000, 0x20FF)],
                url: "x.woff2".into(),
                others: vec!["x.ttf".into()],
            }]
        );
        assert!(scanned.faces[0].covers('ÿ') && !scanned.faces[0].covers('Ā'));
    }

    #[test]
    fn a_format_that_cannot_be_used_is_passed_over() {
        let rows = [
            ("src:url(a.eot?#iefix),url(a.woff)", Some("a.woff")),
            ("src:url(a.eot)", None),
            ("src:url(a.svg#a)", None),
            ("src:url(a)", Some("a")),
            ("src:url(a.ttf) format('truetype')", Some("a.ttf")),
            ("src:url(a.x) format('collection')", None),
            ("src:local(A)", None),
            ("src:local(A),url(a.otf)", Some("a.otf")),
            ("src:url(a.woff2) format('woff2-variations')", Some("a.woff2")),
        ];
        for (src, expected) in rows {
            let css = format!("@font-face{{font-family:A;{src}}}");
            let url = scan(&css, media()).faces.first().map(|face| face.url.clone());
            assert_eq!(url.as_deref(), expected, "{src}");
        }
    }

    #[test]
    fn font_faces_inside_conditions_count_when_they_match() {
        let face = |name: &str| format!("@font-face{{font-family:{name};src:url({name}.woff)}}");
        let css = format!(
            "@media print{{{}}}@media (min-width:1px){{@supports (x:y){{{}}}}}",
            face("P"),
            face("S")
        );
        let scanned = scan(&css, media());
        assert_eq!(scanned.faces.iter().map(|f| f.family.as_str()).collect::<Vec<_>>(), ["S"]);
        assert_eq!(scanned.text, "@media print{}@media (min-width:1px){@supports (x:y){}}");
    }

    #[test]
    fn malformed_style_sheets_do_no_harm() {
        for css in [
            "",
            "}",
            "{",
            "@import",
            "@import;",
            "@import url(",
            "@font-face",
            "@font-face{",
            "@font-face{src:url(",
            "@media{",
            "\"",
            "/*",
            "a{b:url(",
            "@font-face{font-family:;src:;;:}",
            "\u{0}\u{FFFD}{}",
        ] {
            let scanned = scan(css, media());
            assert!(scanned.imports.is_empty() && scanned.faces.is_empty(), "{css}");
        }
        let deep = "@media all{".repeat(5000) + &"}".repeat(5000);
        assert_eq!(scan(&deep, media()).text, deep);
    }

    #[test]
    fn addresses_become_absolute() {
        let base = Url::parse("https://cdn.example/v2/site.css").unwrap();
        assert_eq!(
            absolute("@import 'a.css';b{c:url(d.png) url( 'e.png' );f:calc(1px)}", &base),
            "@import url(\"https://cdn.example/v2/a.css\");b{c:url(\"https://cdn.example/v2/d.png\") \
             url(\"https://cdn.example/v2/e.png\");f:calc(1px)}"
        );
    }
}
