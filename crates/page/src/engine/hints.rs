//! Presentational attributes that Blitz does not know (HTML standard, section 15): each becomes a
//! declaration of the browser's own style sheet, below everything the page says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use html5ever::Attribute;
use url::Url;

/// The attribute by which the style sheet finds an element.
const MARK: &str = "roundtrip-hint";

/// What browsers' style sheets say in quirks mode (HTML standard, section 15.3.10).
const QUIRKS: &str = "table{font-weight:initial;font-style:initial;font-size:initial;\
    line-height:initial;white-space:initial;text-align:initial}\n";

/// The hints of a document: each distinct one once.
#[derive(Default)]
pub(super) struct Hints(BTreeMap<String, usize>);

impl Hints {
    /// Reads an element's attributes; marks it if they say how it looks.
    /// Addresses are relative to `base`.
    pub(super) fn read(&mut self, tag: &str, attrs: &mut Vec<Attribute>, base: &Url) {
        let declarations = declarations(tag, attrs, base);
        if declarations.is_empty() {
            return;
        }
        let next = self.0.len();
        let number = *self.0.entry(declarations).or_insert(next);
        // What Blitz would take for something else.
        if matches!(tag, "table" | "img" | "iframe" | "object" | "embed" | "hr") {
            attrs.retain(|attr| &*attr.name.local != "align");
        }
        attrs.push(Attribute {
            name: super::fixups::element::attribute(MARK),
            value: number.to_string().into(),
        });
    }

    /// The style sheet of the hints; with what holds in quirks mode only, if that is on.
    pub(super) fn sheet(&self, quirks: bool) -> String {
        let begin = if quirks { QUIRKS.to_owned() } else { String::new() };
        self.0.iter().fold(begin, |mut out, (declarations, number)| {
            // The browser's own rules for an element are not to win over its attributes.
            let _ = writeln!(out, "[{MARK}=\"{number}\"]:not(#r#r){{{declarations}}}");
            out
        })
    }
}

/// Makes a `bgcolor` one that Blitz can read.
pub(super) fn background(attrs: &mut [Attribute]) {
    for attr in attrs.iter_mut().filter(|attr| &*attr.name.local == "bgcolor") {
        if let Some([red, green, blue]) = color(&attr.value) {
            attr.value = format!("#{red:02x}{green:02x}{blue:02x}").into();
        }
    }
}

fn declarations(tag: &str, attrs: &[Attribute], base: &Url) -> String {
    let mut out = String::new();
    for Attribute { name, value } in attrs {
        let value = value.trim();
        let word = value.to_ascii_lowercase();
        let _ = match (tag, &*name.local) {
            ("body" | "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th", "background")
                if !value.is_empty() =>
            {
                // An address once parsed holds no quotation marks.
                match base.join(value) {
                    Ok(url) => write!(out, "background-image:url(\"{url}\");"),
                    Err(_) => Ok(()),
                }
            }
            ("font", "color") | ("body", "text") => declare_color(&mut out, "color", value),
            ("hr", "color") => declare_color(&mut out, "color", value).and_then(|()| {
                write!(out, "border-color:currentcolor;background:currentcolor;border-style:solid;")
            }),
            ("table", "bordercolor") => declare_color(&mut out, "border-color", value),
            ("font", "face") if !value.contains([';', '}', '{']) => {
                write!(out, "font-family:{value};")
            }
            ("font", "size") => match font_size(value) {
                Some(size) => write!(out, "font-size:{size};"),
                None => Ok(()),
            },
            ("textarea", "cols") => match value.parse::<u32>() {
                // So many digits of its font, and a scroll bar.
                Ok(columns) => write!(out, "width:{}px;", columns.min(1000) * 8 + 15),
                Err(_) => Ok(()),
            },
            ("hr", "size") => match value.parse::<u32>() {
                Ok(size) => write!(out, "height:{}px;", size.saturating_sub(2).min(10_000)),
                Err(_) => Ok(()),
            },
            ("td" | "th" | "tr" | "thead" | "tbody" | "tfoot" | "col", "valign")
                if ["top", "middle", "bottom", "baseline"].contains(&word.as_str()) =>
            {
                write!(out, "vertical-align:{word};")
            }
            ("table" | "hr", "align") => match word.as_str() {
                "center" => write!(out, "margin-left:auto;margin-right:auto;"),
                "left" if tag == "table" => write!(out, "float:left;"),
                "right" if tag == "table" => write!(out, "float:right;"),
                "left" => write!(out, "margin-left:0;margin-right:auto;"),
                "right" => write!(out, "margin-left:auto;margin-right:0;"),
                _ => Ok(()),
            },
            ("img" | "iframe" | "object" | "embed", "align") => match word.as_str() {
                "left" | "right" => write!(out, "float:{word};"),
                "top" => write!(out, "vertical-align:top;"),
                "middle" | "absmiddle" | "center" => write!(out, "vertical-align:middle;"),
                _ => Ok(()),
            },
            ("br", "clear") => match word.as_str() {
                "left" | "right" => write!(out, "clear:{word};"),
                "all" | "both" => write!(out, "clear:both;"),
                _ => Ok(()),
            },
            _ => Ok(()),
        };
    }
    out
}

fn declare_color(out: &mut String, property: &str, value: &str) -> std::fmt::Result {
    match color(value) {
        Some([red, green, blue]) => write!(out, "{property}:rgb({red},{green},{blue});"),
        None => Ok(()),
    }
}

/// The sizes 1 to 7 of `<font>`, absolute or relative to 3 (section 2.3.5).
fn font_size(value: &str) -> Option<&'static str> {
    let number: i32 = value.trim_start_matches('+').parse().ok()?;
    let size = if value.starts_with(['+', '-']) { 3 + number } else { number };
    let sizes = ["x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large"];
    Some(sizes[(size.clamp(1, 7) - 1) as usize])
}

/// A legacy colour value (section 2.4.6): any word is a colour.
fn color(value: &str) -> Option<[u8; 3]> {
    let value = value.trim();
    if value.is_empty() || value.eq_ignore_ascii_case("transparent") {
        return None;
    }
    if let Ok((red, green, blue)) = cssparser::color::parse_named_color(value) {
        return Some([red, green, blue]);
    }
    let digits: Vec<u8> = value
        .strip_prefix('#')
        .unwrap_or(value)
        .chars()
        .take(128)
        .map(|c| c.to_digit(16).unwrap_or(0) as u8)
        .collect();
    if value.starts_with('#')
        && digits.len() == 3
        && value[1..].chars().all(|c| c.is_ascii_hexdigit())
    {
        return Some([digits[0] * 17, digits[1] * 17, digits[2] * 17]);
    }
    // Three equal parts, of each the last eight digits, of these the first two that matter.
    let length = digits.len().div_ceil(3).max(1);
    let digit = |part: usize, at: usize| digits.get(part * length + at).copied().unwrap_or(0);
    let mut from = length.saturating_sub(8);
    while length - from > 2 && (0..3).all(|part| digit(part, from) == 0) {
        from += 1;
    }
    Some([0, 1, 2].map(|part| {
        if length == 1 { digit(part, 0) } else { digit(part, from) * 16 + digit(part, from + 1) }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_word_is_a_colour() {
        let rows = [
            ("red", Some([255, 0, 0])),
            ("#0f0", Some([0, 255, 0])),
            ("#123456", Some([0x12, 0x34, 0x56])),
            ("123456", Some([0x12, 0x34, 0x56])),
            ("chucknorris", Some([0xC0, 0, 0])),
            ("#12", Some([1, 2, 0])),
            ("transparent", None),
            (" ", None),
        ];
        for (value, expected) in rows {
            assert_eq!(color(value), expected, "{value}");
        }
    }

    #[test]
    fn attributes_become_declarations_once() {
        let attr = |name: &str, value: &str| Attribute {
            name: super::super::fixups::element::attribute(name),
            value: value.into(),
        };
        let mut hints = Hints::default();
        let mut cell = vec![attr("valign", "TOP"), attr("width", "3")];
        let base = Url::parse("http://a.example/dir/").unwrap();
        hints.read("td", &mut cell, &base);
        hints.read("td", &mut vec![attr("valign", "top")], &base);
        assert_eq!(cell.last().map(|attr| &*attr.value), Some("0"));
        let mut font = vec![attr("color", "red"), attr("size", "+2")];
        hints.read("font", &mut font, &base);
        let mut image = vec![attr("align", "left")];
        hints.read("img", &mut image, &base);
        hints.read("body", &mut vec![attr("background", "a b.png")], &base);
        assert!(image.iter().all(|attr| &*attr.name.local != "align"));
        assert_eq!(
            hints.sheet(false),
            "[roundtrip-hint=\"3\"]:not(#r#r)\
             {background-image:url(\"http://a.example/dir/a%20b.png\");}\n\
             [roundtrip-hint=\"1\"]:not(#r#r){color:rgb(255,0,0);font-size:x-large;}\n\
             [roundtrip-hint=\"2\"]:not(#r#r){float:left;}\n\
             [roundtrip-hint=\"0\"]:not(#r#r){vertical-align:top;}\n"
        );
    }
}
