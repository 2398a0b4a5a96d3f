//! Media queries (Media Queries 4): does a style sheet or an image source apply to this viewport.
//!
//! Needed beside the layout engine's own because browsers fetch a style sheet that does not
//! apply with the lowest priority and do not wait for it, and because the engine ignores `media`
//! on `<link>` and `<source>`.

use cssparser::{Delimiter, ParseError, Parser, Token};

use crate::options::{Options, Scheme};

/// What queries are asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Media {
    /// CSS pixels.
    pub(crate) width: f32,
    /// CSS pixels.
    pub(crate) height: f32,
    /// Device pixels for one CSS pixel.
    pub(crate) ratio: f32,
    pub(crate) scheme: Scheme,
}

impl From<&Options> for Media {
    fn from(options: &Options) -> Self {
        Media {
            width: options.viewport.width as f32,
            height: options.viewport.height as f32,
            ratio: options.device_pixel_ratio(),
            scheme: options.scheme,
        }
    }
}

/// Kleene's third value: a feature this module does not know (section 3.1).
type Truth = Option<bool>;
type Read<T> = Result<T, ()>;

/// How deeply conditions may nest before they count as unknown.
const DEPTH: usize = 24;

impl Media {
    /// Whether a comma-separated list of queries matches. An empty list does; a query that
    /// cannot be read does not.
    pub(crate) fn matches(self, list: &str) -> bool {
        if list.trim().is_empty() {
            return true;
        }
        let mut parser = Parser::new(list);
        loop {
            let one = parser.parse_until_before(Delimiter::Comma, |p| {
                let truth = self.query(p);
                let whole = p.is_exhausted();
                // What is left of a query that could not be read is skipped, not looked at.
                while p.next().is_ok() {}
                Ok::<_, ParseError<()>>(truth.ok().flatten() == Some(true) && whole)
            });
            if one == Ok(true) {
                return true;
            }
            if parser.expect_comma().is_err() {
                return false;
            }
        }
    }

    fn query(self, p: &mut Parser<'_>) -> Read<Truth> {
        if let Ok(truth) = p.try_parse(|p| self.condition(p, 0)) {
            return Ok(truth);
        }
        let mut word = ident(p)?;
        let negated = word == "not";
        if negated || word == "only" {
            word = ident(p)?;
        }
        let of_type = Some(matches!(word.as_str(), "all" | "screen"));
        if matches!(word.as_str(), "and" | "or" | "not" | "only" | "layer") {
            return Err(());
        }
        let truth = if p.try_parse(|p| p.expect_ident_matching("and")).is_ok() {
            and(of_type, self.condition(p, 0)?)
        } else {
            of_type
        };
        Ok(if negated { truth.map(|t| !t) } else { truth })
    }

    fn condition(self, p: &mut Parser<'_>, depth: usize) -> Read<Truth> {
        if p.try_parse(|p| p.expect_ident_matching("not")).is_ok() {
            return Ok(self.in_parens(p, depth)?.map(|t| !t));
        }
        let mut truth = self.in_parens(p, depth)?;
        let joined_by =
            |p: &mut Parser<'_>, word: &str| p.try_parse(|p| p.expect_ident_matching(word)).is_ok();
        if joined_by(p, "and") {
            truth = and(truth, self.in_parens(p, depth)?);
            while joined_by(p, "and") {
                truth = and(truth, self.in_parens(p, depth)?);
            }
        } else {
            while joined_by(p, "or") {
                truth = or(truth, self.in_parens(p, depth)?);
            }
        }
        Ok(truth)
    }

    fn in_parens(self, p: &mut Parser<'_>, depth: usize) -> Read<Truth> {
        match p.next().map_err(|_| ())? {
            Token::ParenthesisBlock => {}
            Token::Function(_) => {
                return Ok(None);
            }
            _ => return Err(()),
        }
        if depth >= DEPTH {
            return Ok(None);
        }
        p.parse_nested_block(|p| {
            let nested = p.try_parse(|p| {
                let truth = self.condition(p, depth + 1)?;
                p.expect_exhausted().map_err(|_| ())?;
                Ok::<_, ()>(truth)
            });
            let truth = nested.unwrap_or_else(|()| self.feature(p).unwrap_or(None));
            while p.next().is_ok() {}
            Ok::<_, ParseError<()>>(truth)
        })
        .map_err(|_| ())
    }

    /// `(name)`, `(name: value)`, `(min-name: value)`, `(name < value)`, `(value < name < value)`.
    fn feature(self, p: &mut Parser<'_>) -> Read<Truth> {
        let left = p.try_parse(|p| match value(p) {
            Ok(Value::Word(_)) | Err(()) => Err(()),
            Ok(number) => Ok(number),
        });
        if let Ok(left) = left {
            let first = comparison(p)?;
            let name = ident(p)?;
            let Some(actual) = self.quantity(&name) else { return Ok(None) };
            let mut truth = first.flipped().holds(actual, left.number(self)?);
            if !p.is_exhausted() {
                let second = comparison(p)?;
                truth &= second.holds(actual, value(p)?.number(self)?);
            }
            return Ok(Some(truth));
        }
        let name = ident(p)?;
        if p.is_exhausted() {
            return Ok(self.plain(&name));
        }
        if p.try_parse(Parser::expect_colon).is_ok() {
            let value = value(p)?;
            p.expect_exhausted().map_err(|_| ())?;
            return self.equals(&name, &value);
        }
        let compare = comparison(p)?;
        let Some(actual) = self.quantity(&name) else { return Ok(None) };
        Ok(Some(compare.holds(actual, value(p)?.number(self)?)))
    }

    /// A feature without a value: is it anything but none or zero.
    fn plain(self, name: &str) -> Truth {
        if let Some(number) = self.quantity(name) {
            return Some(number != 0.0);
        }
        self.keyword(name).map(|word| !matches!(word, "none" | "no-preference"))
    }

    fn equals(self, name: &str, value: &Value) -> Read<Truth> {
        let (compare, bare) = match (name.strip_prefix("min-"), name.strip_prefix("max-")) {
            (Some(bare), _) => (Comparison::AtLeast, bare),
            (_, Some(bare)) => (Comparison::AtMost, bare),
            _ => (Comparison::Equal, name),
        };
        // WebKit's old name for the resolution, still in many style sheets.
        let (compare, bare) = match name {
            "-webkit-min-device-pixel-ratio" => (Comparison::AtLeast, "-webkit-device-pixel-ratio"),
            "-webkit-max-device-pixel-ratio" => (Comparison::AtMost, "-webkit-device-pixel-ratio"),
            _ => (compare, bare),
        };
        if let Some(actual) = self.quantity(bare) {
            return Ok(Some(compare.holds(actual, value.number(self)?)));
        }
        match (self.keyword(name), value) {
            (Some(actual), Value::Word(word)) => Ok(Some(actual == word)),
            _ => Ok(None),
        }
    }

    fn quantity(self, name: &str) -> Option<f32> {
        Some(match name {
            "width" | "device-width" => self.width,
            "height" | "device-height" => self.height,
            "aspect-ratio" | "device-aspect-ratio" => self.width / self.height,
            "resolution" | "-webkit-device-pixel-ratio" => self.ratio,
            "color" => 8.0,
            "color-index" | "monochrome" | "grid" => 0.0,
            _ => return None,
        })
    }

    fn keyword(self, name: &str) -> Option<&'static str> {
        Some(match name {
            "orientation" if self.height >= self.width => "portrait",
            "orientation" => "landscape",
            "prefers-color-scheme" if self.scheme == Scheme::Dark => "dark",
            "prefers-color-scheme" => "light",
            "prefers-reduced-motion"
            | "prefers-reduced-transparency"
            | "prefers-contrast"
            | "prefers-reduced-data" => "no-preference",
            "forced-colors" | "inverted-colors" | "scripting" => "none",
            "hover" | "any-hover" => "hover",
            "pointer" | "any-pointer" => "fine",
            "color-gamut" => "srgb",
            "dynamic-range" | "video-dynamic-range" => "standard",
            "display-mode" => "browser",
            "update" => "fast",
            "overflow-block" | "overflow-inline" => "scroll",
            _ => return None,
        })
    }

    /// A length in CSS pixels; `em` is the initial font size, as queries have it.
    pub(crate) fn length(self, value: f32, unit: &str) -> Option<f32> {
        let one = match unit.to_ascii_lowercase().as_str() {
            "px" => 1.0,
            "em" | "rem" => 16.0,
            "ex" | "ch" => 8.0,
            "in" => 96.0,
            "cm" => 96.0 / 2.54,
            "mm" => 96.0 / 25.4,
            "q" => 96.0 / 101.6,
            "pt" => 96.0 / 72.0,
            "pc" => 16.0,
            "vw" | "svw" | "lvw" | "dvw" | "vi" => self.width / 100.0,
            "vh" | "svh" | "lvh" | "dvh" | "vb" => self.height / 100.0,
            "vmin" => self.width.min(self.height) / 100.0,
            "vmax" => self.width.max(self.height) / 100.0,
            _ => return None,
        };
        Some(value * one)
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
}

impl Comparison {
    fn holds(self, left: f32, right: f32) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Equal => (left - right).abs() < 1e-4,
            Comparison::AtLeast => left >= right,
            Comparison::Greater => left > right,
        }
    }

    fn flipped(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::AtMost => Comparison::AtLeast,
            Comparison::Equal => Comparison::Equal,
            Comparison::AtLeast => Comparison::AtMost,
            Comparison::Greater => Comparison::Less,
        }
    }
}

enum Value {
    Number(f32),
    Dimension(f32, String),
    Word(String),
}

impl Value {
    fn number(&self, media: Media) -> Read<f32> {
        match self {
            Value::Number(n) => Ok(*n),
            Value::Dimension(n, unit) => match unit.to_ascii_lowercase().as_str() {
                "dppx" | "x" => Ok(*n),
                "dpi" => Ok(n / 96.0),
                "dpcm" => Ok(n * 2.54 / 96.0),
                unit => media.length(*n, unit).ok_or(()),
            },
            Value::Word(_) => Err(()),
        }
    }
}

fn value(p: &mut Parser<'_>) -> Read<Value> {
    match p.next().map_err(|_| ())?.clone() {
        Token::Number { value, .. } => {
            let ratio = p.try_parse(|p| {
                p.expect_delim('/')?;
                p.expect_number()
            });
            Ok(Value::Number(ratio.map_or(value, |over| value / over)))
        }
        Token::Dimension { value, unit, .. } => Ok(Value::Dimension(value, unit.to_string())),
        Token::Ident(word) => Ok(Value::Word(word.to_ascii_lowercase())),
        _ => Err(()),
    }
}

fn comparison(p: &mut Parser<'_>) -> Read<Comparison> {
    let Token::Delim(sign) = *p.next().map_err(|_| ())? else { return Err(()) };
    let or_equal = sign != '=' && p.try_parse(|p| p.expect_delim('=')).is_ok();
    match (sign, or_equal) {
        ('<', false) => Ok(Comparison::Less),
        ('<', true) => Ok(Comparison::AtMost),
        ('>', false) => Ok(Comparison::Greater),
        ('>', true) => Ok(Comparison::AtLeast),
        ('=', _) => Ok(Comparison::Equal),
        _ => Err(()),
    }
}

fn ident(p: &mut Parser<'_>) -> Read<String> {
    p.expect_ident().map(|word| word.to_ascii_lowercase()).map_err(|_| ())
}

fn and(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESKTOP: Media =
        Media { width: 1280.0, height: 800.0, ratio: 1.0, scheme: Scheme::Light };

    #[test]
    fn queries_match_as_the_standard_says() {
        let rows = [
            ("", true),
            ("all", true),
            ("screen", true),
            ("SCREEN", true),
            ("print", false),
            ("tv, screen", true),
            ("not print", true),
            ("not screen", false),
            ("only screen", true),
            ("only screen and (min-width: 600px)", true),
            ("screen and (max-width: 600px)", false),
            ("(min-width: 80em)", true),
            ("(min-width: 80.1em)", false),
            ("(width)", true),
            ("(monochrome)", false),
            ("(width >= 1280px)", true),
            ("(width > 1280px)", false),
            ("(600px <= width <= 1300px)", true),
            ("(1300px >= width)", true),
            ("(600px < width < 800px)", false),
            ("(orientation: landscape)", true),
            ("(orientation: portrait)", false),
            ("(aspect-ratio: 16/10)", true),
            ("(min-aspect-ratio: 16/9)", false),
            ("(min-resolution: 2dppx)", false),
            ("(resolution: 96dpi)", true),
            ("(-webkit-min-device-pixel-ratio: 1.5)", false),
            ("(prefers-color-scheme: dark)", false),
            ("(prefers-color-scheme: light)", true),
            ("(prefers-reduced-motion)", false),
            ("(hover: hover) and (pointer: fine)", true),
            ("not (hover: none)", true),
            ("((min-width: 1px) and (max-width: 2px)) or (color)", true),
            ("(min-width: 1px) and (max-width: 2px) or (color)", false),
            ("(never-heard-of: 1)", false),
            ("not (never-heard-of: 1)", false),
            ("(never-heard-of: 1) or (color)", true),
            ("screen and", false),
            ("(min-width 600px)", false),
            ("}, screen", true),
            ("{, screen", false),
            ("screen ()", false),
        ];
        for (query, expected) in rows {
            assert_eq!(DESKTOP.matches(query), expected, "{query}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}color{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(!DESKTOP.matches(&deep));
    }
}
