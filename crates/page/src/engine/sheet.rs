//! A style sheet as the engine gets it.
//!
//! Rules that cannot match anything in the document are left out: most of a real style sheet is
//! for other pages, and Stylo's table of class names is slow where very many of them are alike.
//! What is left is rewritten where the engine knows a thing under another name or not at all;
//! `selector`, `gradient` and `Sheet::declaration` have the cases.

use std::collections::BTreeSet;
use std::ops::Range;

use blitz_dom::{BaseDocument, local_name};
use cssparser::{ParseError, Parser, Token};

use crate::css::{Edit, edited};

/// How deeply rules inside rules are followed.
const DEPTH: usize = 32;

/// The classes and ids that elements of a document have, in lower case.
#[derive(Default)]
pub(super) struct Used {
    classes: BTreeSet<String>,
    ids: BTreeSet<String>,
}

impl Used {
    /// What the elements of a document have.
    pub(super) fn of(document: &BaseDocument) -> Used {
        let mut used = Used::default();
        for (_, node) in document.tree().iter() {
            if let Some(classes) = node.attr(local_name!("class")) {
                for class in classes.split_ascii_whitespace() {
                    if !used.classes.contains(class) {
                        used.classes.insert(class.to_lowercase());
                    }
                }
            }
            if let Some(id) = node.attr(local_name!("id")) {
                used.ids.insert(id.to_lowercase());
            }
        }
        used
    }
}

/// Properties of SVG that Stylo does not know. Each is also written as a custom property, which
/// Stylo cascades and inherits as it would the property itself.
pub(super) const SVG: [&str; 11] = [
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-opacity",
    "stroke-width",
];

/// The custom property that stands for a property of SVG.
pub(super) fn custom(property: &str) -> String {
    format!("--roundtrip-{property}")
}

/// The custom property that stands for `background-clip`.
pub(super) const CLIP: &str = "--roundtrip-clip";
/// The custom property that stands for `appearance`.
pub(super) const APPEARANCE: &str = "--roundtrip-appearance";
/// The custom property that stands for `-webkit-text-fill-color`.
pub(super) const FILL: &str = "--roundtrip-text-fill";

/// The counter that stands for an attribute in `content`, which Stylo knows counters in but no
/// attributes.
pub(super) const ATTRIBUTE: &str = "roundtrip-attr-";

type Never = ParseError<()>;

/// The style sheet for a document that has these classes and ids.
pub(super) fn prepare(css: &str, used: &Used) -> String {
    let mut sheet = Sheet { css, used, edits: Vec::new() };
    sheet.rules(&mut Parser::new(css), 0);
    edited(css, &sheet.edits)
}

struct Sheet<'a> {
    css: &'a str,
    used: &'a Used,
    /// In order.
    edits: Vec<Edit>,
}

impl Sheet<'_> {
    fn edit(&mut self, at: Range<usize>, by: impl Into<String>) {
        self.edits.push(Edit { at, by: by.into() });
    }

    /// A list of rules: a style sheet, or what stands in the block of `@media`.
    fn rules(&mut self, p: &mut Parser<'_>, depth: usize) {
        loop {
            p.skip_whitespace();
            let start = p.position().byte_index();
            let Ok(token) = p.next() else { return };
            match token.clone() {
                Token::AtKeyword(name) => self.at_rule(p, &name.to_ascii_lowercase(), depth),
                Token::CDO | Token::CDC | Token::Semicolon => {}
                _ => self.style_rule(p, start, depth),
            }
        }
    }

    fn at_rule(&mut self, p: &mut Parser<'_>, name: &str, depth: usize) {
        let grouping = ["media", "supports", "layer", "container", "scope", "starting-style"];
        loop {
            match p.next() {
                Err(_) | Ok(Token::Semicolon) => return,
                Ok(Token::CurlyBracketBlock) => {
                    if grouping.contains(&name) && depth < DEPTH {
                        let _ = p.parse_nested_block(|p| {
                            self.rules(p, depth + 1);
                            Ok::<_, Never>(())
                        });
                    }
                    return;
                }
                Ok(_) => {}
            }
        }
    }

    /// A style rule whose first token has been read.
    fn style_rule(&mut self, p: &mut Parser<'_>, start: usize, depth: usize) {
        let first = self.edits.len();
        let end = loop {
            // Also steps over the rest of a function that was only begun.
            p.skip_whitespace();
            let at = p.position().byte_index();
            match p.next() {
                Err(_) => return,
                Ok(Token::CurlyBracketBlock) => break at,
                Ok(_) => {}
            }
        };
        let prelude = start..end;
        let possible = self.selectors(prelude);
        let mut nested = false;
        if depth < DEPTH {
            let _ = p.parse_nested_block(|p| {
                nested = self.block(p, depth + 1);
                Ok::<_, Never>(())
            });
        }
        // What is nested may match where this does not: `:not(&)`.
        if !possible && !nested {
            // Its end is known when what follows is looked at.
            p.skip_whitespace();
            let after = p.position().byte_index();
            self.edits.truncate(first);
            self.edit(start..after, "");
        }
    }

    /// Rewrites the selectors that stand here. Tells whether any of them could match.
    fn selectors(&mut self, at: Range<usize>) -> bool {
        let css = self.css;
        let Some(text) = css.get(at.clone()) else { return true };
        let mut p = Parser::new(text);
        let mut any = false;
        let mut one = true;
        self.compounds(&mut p, at.start, 0, &mut any, &mut one);
        any || one
    }

    fn compounds(
        &mut self,
        p: &mut Parser<'_>,
        offset: usize,
        depth: usize,
        any: &mut bool,
        one: &mut bool,
    ) {
        let mut colons = 0usize;
        let mut colon_at = 0;
        loop {
            let at = p.position().byte_index();
            let Ok(token) = p.next_including_whitespace().cloned() else { return };
            let end = p.position().byte_index();
            let before = std::mem::take(&mut colons);
            match token {
                Token::Colon => {
                    colons = before + 1;
                    if before == 0 {
                        colon_at = at;
                    }
                }
                Token::Comma => {
                    *any |= *one;
                    *one = true;
                }
                Token::Delim('.') => {
                    if let Ok(class) = p.try_parse(|p| match p.next_including_whitespace() {
                        Ok(Token::Ident(class)) => Ok(class.to_lowercase()),
                        _ => Err(()),
                    }) {
                        *one &= self.used.classes.contains(&class);
                    }
                }
                Token::IDHash(id) | Token::Hash(id) => {
                    *one &= self.used.ids.contains(&id.to_lowercase());
                }
                Token::Ident(word) if before > 0 => {
                    if let Some(by) = selector(&word.to_ascii_lowercase()) {
                        self.edit(offset + colon_at..offset + end, by);
                    }
                }
                // What stands in :not(), :is(), :has() and the like is only rewritten.
                Token::Function(_) | Token::ParenthesisBlock if depth < DEPTH => {
                    let _ = p.parse_nested_block(|p| {
                        self.compounds(p, offset, depth + 1, &mut false, &mut true);
                        Ok::<_, Never>(())
                    });
                }
                _ => {}
            }
        }
    }

    /// The block of a style rule: declarations, and rules inside. Tells whether there are rules.
    fn block(&mut self, p: &mut Parser<'_>, depth: usize) -> bool {
        let mut nested = false;
        loop {
            p.skip_whitespace();
            let start = p.position().byte_index();
            let Ok(token) = p.next().cloned() else { return nested };
            match token {
                Token::Semicolon => {}
                Token::AtKeyword(name) => {
                    nested = true;
                    self.at_rule(p, &name.to_ascii_lowercase(), depth);
                }
                Token::Ident(name) => {
                    let colon = p.try_parse(Parser::expect_colon).is_ok();
                    match statement_end(p) {
                        Some(end) if colon => {
                            let value = self.css.get(start..end).and_then(|s| s.find(':'));
                            if let Some(colon) = value {
                                let name = name.to_ascii_lowercase();
                                self.declaration(&name, start + colon + 1..end);
                            }
                        }
                        Some(_) => {}
                        None => {
                            nested = true;
                            self.nested(p, start, depth);
                        }
                    }
                }
                _ => {
                    if statement_end(p).is_none() {
                        nested = true;
                        self.nested(p, start, depth);
                    }
                }
            }
        }
    }

    /// A rule inside a rule, whose block is next.
    fn nested(&mut self, p: &mut Parser<'_>, start: usize, depth: usize) {
        let end = p.position().byte_index();
        let _ = self.selectors(start..end);
        if p.expect_curly_bracket_block().is_ok() && depth < DEPTH {
            let _ = p.parse_nested_block(|p| {
                self.block(p, depth + 1);
                Ok::<_, Never>(())
            });
        }
    }

    fn declaration(&mut self, name: &str, value: Range<usize>) {
        let Some(text) = self.css.get(value.clone()) else { return };
        match name {
            "content" => self.functions(text, value.start, |name, arguments| {
                (name == "attr").then(|| {
                    let attribute = arguments.split(',').next().unwrap_or("").trim();
                    format!("counter({ATTRIBUTE}{attribute})")
                })
            }),
            "font-style" => {
                // A font that leans has both names here; the engine leans a bold one backwards.
                let oblique = text.trim_start().to_ascii_lowercase().starts_with("oblique");
                if oblique {
                    let important = if text.contains('!') { "!important" } else { "" };
                    self.edit(value, format!("italic{important}"));
                }
            }
            "accent-color" => self.also("--roundtrip-accent", value),
            "background-clip" | "-webkit-background-clip" => self.also(CLIP, value),
            "appearance" | "-webkit-appearance" | "-moz-appearance" => self.also(APPEARANCE, value),
            "-webkit-text-fill-color" => self.also(FILL, value),
            _ if SVG.contains(&name) => self.also(&custom(name), value),
            _ => self.functions(text, value.start, gradient),
        }
    }

    /// Writes a declaration once more, under another name.
    fn also(&mut self, name: &str, value: Range<usize>) {
        let text = self.css.get(value.clone()).unwrap_or_default();
        self.edit(value.end..value.end, format!(";{name}:{text}"));
    }

    /// Rewrites functions of a value.
    fn functions(
        &mut self,
        text: &str,
        offset: usize,
        rewrite: impl Fn(&str, &str) -> Option<String>,
    ) {
        if !text.contains('(') {
            return;
        }
        let mut p = Parser::new(text);
        loop {
            p.skip_whitespace();
            let start = p.position().byte_index();
            let Ok(token) = p.next().cloned() else { return };
            if let Token::Function(name) = token {
                let arguments = p.parse_nested_block(|p| {
                    let from = p.position();
                    while p.next().is_ok() {}
                    Ok::<_, Never>(p.slice_from(from).to_owned())
                });
                let end = p.position().byte_index();
                if let Ok(arguments) = arguments
                    && let Some(by) = rewrite(&name.to_ascii_lowercase(), &arguments)
                {
                    self.edit(offset + start..offset + end, by);
                }
            }
        }
    }
}

/// Steps to the end of a statement, before its semicolon; `None` if it is a rule, whose block is
/// next then.
fn statement_end(p: &mut Parser<'_>) -> Option<usize> {
    loop {
        p.skip_whitespace();
        let at = p.position().byte_index();
        let state = p.state();
        match p.next() {
            Err(_) => return Some(at),
            Ok(Token::Semicolon) => {
                p.reset(&state);
                return Some(at);
            }
            Ok(Token::CurlyBracketBlock) => {
                p.reset(&state);
                return None;
            }
            Ok(_) => {}
        }
    }
}

/// A pseudo-class or pseudo-element that the engine knows otherwise, or not.
fn selector(name: &str) -> Option<&'static str> {
    Some(match name {
        // A placeholder is shown as a value. As the input's own, no rule for the input beats it.
        "placeholder" | "-webkit-input-placeholder" => {
            "[roundtrip-placeholder]:not(#roundtrip#roundtrip)"
        }
        "placeholder-shown" => ":is([roundtrip-placeholder],[placeholder]:not([value]))",
        _ => return None,
    })
}

/// A gradient in an older notation as the standard's.
fn gradient(name: &str, arguments: &str) -> Option<String> {
    let (standard, repeating) = match name {
        "-webkit-linear-gradient" | "-moz-linear-gradient" | "-o-linear-gradient" => {
            ("linear-gradient", "")
        }
        "-webkit-repeating-linear-gradient" | "-moz-repeating-linear-gradient" => {
            ("linear-gradient", "repeating-")
        }
        _ => return None,
    };
    let (first, rest) = arguments.split_once(',')?;
    let words: Vec<String> = first.split_whitespace().map(str::to_ascii_lowercase).collect();
    let opposite = |word: &str| {
        Some(match word {
            "top" => "bottom",
            "bottom" => "top",
            "left" => "right",
            "right" => "left",
            _ => return None,
        })
    };
    let sides: Option<Vec<&str>> = words.iter().map(|word| opposite(word)).collect();
    if let Some(sides) = sides.filter(|sides| !sides.is_empty()) {
        // There it is named where the gradient begins, here where it leads to.
        return Some(format!("{repeating}{standard}(to {},{rest})", sides.join(" ")));
    }
    if let Some(degrees) =
        first.trim().strip_suffix("deg").and_then(|n| n.trim().parse::<f64>().ok())
    {
        // There 0deg leads to the right and angles go against the clock.
        return Some(format!("{repeating}{standard}({}deg,{rest})", 90.0 - degrees));
    }
    Some(format!("{repeating}{standard}({arguments})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used() -> Used {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Used { classes: set(&["a", "b"]), ids: set(&["i"]) }
    }

    #[test]
    fn rules_for_other_pages_are_left_out() {
        let rows = [
            (".a{x:y}.z{x:y}.b{x:y}", ".a{x:y}.b{x:y}"),
            (".z,.a{x:y}", ".z,.a{x:y}"),
            (".a .z,#n{x:y}p{x:y}", "p{x:y}"),
            (":not(.z){x:y} .a:is(.z,.b){x:y}", ":not(.z){x:y} .a:is(.z,.b){x:y}"),
            ("@media all{.z{x:y}.a{x:y}}", "@media all{.a{x:y}}"),
            ("@supports (x:y){#i.z{x:y}}#i{x:y}", "@supports (x:y){}#i{x:y}"),
            (".z{x:y;:not(&){x:y}}", ".z{x:y;:not(&){x:y}}"),
            ("@keyframes z{from{x:y}}", "@keyframes z{from{x:y}}"),
            ("[class=z]{x:y}.A{x:y}.\\61 {x:y}", "[class=z]{x:y}.A{x:y}.\\61 {x:y}"),
            (".z{}", ""),
            (".z{x:y", ""),
            ("}.a{x:y}", "}.a{x:y}"),
            (".z", ".z"),
        ];
        for (css, expected) in rows {
            assert_eq!(prepare(css, &used()), expected, "{css}");
        }
    }

    #[test]
    fn what_the_engine_knows_otherwise_is_rewritten() {
        let rows = [
            ("p{fill:red}", "p{fill:red;--roundtrip-fill:red}"),
            (
                "p{stroke : var(--x) !important; y:z}",
                "p{stroke : var(--x) !important;--roundtrip-stroke: var(--x) !important; y:z}",
            ),
            (
                "p::before{content:\"a\" attr( data-x ) 'b'}",
                "p::before{content:\"a\" counter(roundtrip-attr-data-x) 'b'}",
            ),
            ("p{font-style:oblique 10deg}", "p{font-style:italic}"),
            (
                "p{background:-webkit-linear-gradient(top, red, blue)}",
                "p{background:linear-gradient(to bottom, red, blue)}",
            ),
            (
                "p{background:-webkit-linear-gradient(0deg,red,blue) no-repeat}",
                "p{background:linear-gradient(90deg,red,blue) no-repeat}",
            ),
            (
                "p{background:-webkit-linear-gradient(left top,red,blue)}",
                "p{background:linear-gradient(to right bottom,red,blue)}",
            ),
            (
                "p{background:-webkit-linear-gradient(rgba(0,0,0,.5),blue)}",
                "p{background:linear-gradient(rgba(0,0,0,.5),blue)}",
            ),
            (
                "input::-webkit-input-placeholder{x:y}",
                "input[roundtrip-placeholder]:not(#roundtrip#roundtrip){x:y}",
            ),
            (
                "p:not(::placeholder){x:y}",
                "p:not([roundtrip-placeholder]:not(#roundtrip#roundtrip)){x:y}",
            ),
            (".a{&:hover{fill:red}}", ".a{&:hover{fill:red;--roundtrip-fill:red}}"),
            (".a{a:hover{fill:red}b{x:y}}", ".a{a:hover{fill:red;--roundtrip-fill:red}b{x:y}}"),
        ];
        for (css, expected) in rows {
            assert_eq!(prepare(css, &used()), expected, "{css}");
        }
    }

    #[test]
    fn malformed_style_sheets_do_no_harm() {
        for css in [
            "", "}", "{", "p{", "p{fill", "p{fill:", "@media{", "\"", "/*", "p{a:url(", ":", "p:{}",
        ] {
            let _ = prepare(css, &used());
        }
        let _ = prepare(&"p{".repeat(5000), &used());
        let _ = prepare(&":not(".repeat(5000), &used());
    }
}
