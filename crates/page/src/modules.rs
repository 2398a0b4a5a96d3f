//! What a module imports statically (ECMA-262, section 16.2): read from its text, which is not run.
//!
//! A walk over its tokens: strings, templates, comments and regular expressions are stepped over, and `import`
//! and `export … from` count where no bracket is open. What `import()` asks for only a script that runs knows.

/// How many imports of one module are followed.
const MOST: usize = 1_000;

/// The specifiers of a module's static imports, in order.
pub(crate) fn imports(source: &str) -> Vec<String> {
    let mut walk = Walk::new(source);
    let (mut depth, mut found) = (0_usize, Vec::new());
    while let Some(token) = walk.next() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 && (word == b"import" || word == b"export") => {
                found.extend(walk.specifier(word == b"import"));
            }
            _ => {}
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// What a `/` would begin: that depends on what stands before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A value: it divides.
    Value,
    /// Anything else: a regular expression.
    Operator,
    /// A full stop: what follows is a name, whatever it looks like.
    Dot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    Word(&'a [u8]),
    /// With its place between the quotation marks.
    Text(&'a [u8]),
    Other(u8),
}

/// Words behind which an expression begins.
const OPERATORS: [&[u8]; 16] = [
    b"await",
    b"case",
    b"default",
    b"delete",
    b"do",
    b"else",
    b"extends",
    b"in",
    b"instanceof",
    b"new",
    b"of",
    b"return",
    b"throw",
    b"typeof",
    b"void",
    b"yield",
];

/// Words whose condition stands in parentheses, behind which a statement begins.
const CONDITIONS: [&[u8]; 4] = [b"for", b"if", b"while", b"with"];

struct Walk<'a> {
    source: &'a [u8],
    at: usize,
    before: Before,
    /// Whether the word before wants a condition.
    wants_condition: bool,
    /// For each parenthesis that is open, whether a condition stands in it.
    conditions: Vec<bool>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source: source.as_bytes(),
            at: 0,
            before: Before::Operator,
            wants_condition: false,
            conditions: Vec::new(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let first = self.peek(0)?;
        let before = self.before;
        match first {
            b'"' | b'\'' => {
                let text = self.quoted(first);
                self.before = Before::Value;
                Some(Token::Text(text))
            }
            b'`' => {
                self.template();
                self.before = Before::Value;
                Some(Token::Other(first))
            }
            b'/' if before != Before::Value => {
                self.regular_expression();
                self.before = Before::Value;
                Some(Token::Other(first))
            }
            _ if is_word(first) => {
                let from = self.at;
                while self.peek(0).is_some_and(is_word) {
                    self.at += 1;
                }
                let word = &self.source[from..self.at];
                let is_operator = before != Before::Dot && OPERATORS.contains(&word);
                self.before = if is_operator { Before::Operator } else { Before::Value };
                // `for await (…)`.
                self.wants_condition = before != Before::Dot
                    && (CONDITIONS.contains(&word) || self.wants_condition && word == b"await");
                // `a.import` is a name, and so is what stands behind `#`.
                Some(if before == Before::Dot { Token::Other(b'.') } else { Token::Word(word) })
            }
            _ => {
                self.at += 1;
                let wants_condition = core::mem::take(&mut self.wants_condition);
                if first == b'(' {
                    self.conditions.push(wants_condition);
                }
                self.before = match first {
                    b')' if self.conditions.pop() == Some(true) => Before::Operator,
                    b')' | b']' => Before::Value,
                    b'.' | b'#' => Before::Dot,
                    _ => Before::Operator,
                };
                Some(match first {
                    b'(' | b'[' | b'{' => Token::Open,
                    b')' | b']' | b'}' => Token::Close,
                    _ => Token::Other(first),
                })
            }
        }
    }

    /// Steps over white space and comments.
    fn skip_blank(&mut self) {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => {
                    while self.peek(0).is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                        self.at += 1;
                    }
                }
                (b'/', Some(b'*')) => {
                    let rest = &self.source[self.at + 2..];
                    let end = rest.windows(2).position(|pair| pair == b"*/");
                    self.at = end.map_or(self.source.len(), |end| self.at + 2 + end + 2);
                }
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    /// Steps over a string; what stands between its quotation marks.
    fn quoted(&mut self, quote: u8) -> &'a [u8] {
        self.at += 1;
        let from = self.at;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 2,
                b'\n' => break,
                _ if byte == quote => {
                    self.at += 1;
                    return &self.source[from..self.at - 1];
                }
                _ => self.at += 1,
            }
        }
        // It was never closed.
        self.at = self.at.min(self.source.len());
        &[]
    }

    /// Steps over a template, and over the expressions in it.
    fn template(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'\\', _) => self.at += 2,
                (b'`', _) => {
                    self.at += 1;
                    return;
                }
                (b'$', Some(b'{')) => {
                    self.at += 2;
                    self.before = Before::Operator;
                    let mut depth = 1_usize;
                    while depth > 0 {
                        match self.next() {
                            Some(Token::Open) => depth += 1,
                            Some(Token::Close) => depth -= 1,
                            Some(_) => {}
                            None => return,
                        }
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Steps over a regular expression, which ends with its line at the latest.
    fn regular_expression(&mut self) {
        self.at += 1;
        let mut in_class = false;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => {
                    self.at += 1;
                    break;
                }
                b'\n' => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// What stands behind `import` or `export`: the module that it names, where it does.
    fn specifier(&mut self, is_import: bool) -> Option<String> {
        let (begin, open) = (self.at, self.conditions.len());
        let mut in_braces = false;
        let mut first = true;
        while let Some(token) = self.next() {
            match token {
                Token::Text(text) if is_import && first => return written(text),
                Token::Word(b"from") if !in_braces && !first => {
                    if let Some(Token::Text(text)) = self.next() {
                        return written(text);
                    }
                    break;
                }
                Token::Open if self.source[self.at - 1] == b'{' && !in_braces => in_braces = true,
                Token::Close if in_braces => {
                    in_braces = false;
                    // Without `from` an export names what is here.
                    let end = self.at;
                    if !is_import && self.next() != Some(Token::Word(b"from")) {
                        self.at = end;
                        return None;
                    }
                    if !is_import {
                        let Some(Token::Text(text)) = self.next() else { break };
                        return written(text);
                    }
                }
                // `import * as a from`, `import a, { b } from`, `export * from`.
                Token::Word(_) if is_import || in_braces || !first => {}
                Token::Text(_) if in_braces => {}
                Token::Other(b'*' | b',') => {}
                _ => break,
            }
            first = false;
        }
        // It was none: `import()`, `import.meta`, `export default`, `export const`.
        (self.at, self.before) = (begin, Before::Operator);
        self.conditions.truncate(open);
        None
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// A specifier as it is written; `None`: one with escapes, which nobody writes.
fn written(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    (!text.is_empty() && !text.contains('\\')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_are_found_in_all_their_forms() {
        for (source, expected) in [
            ("import './a.js'", vec!["./a.js"]),
            (
                "import a from \"./a.js\";import b, {c as d} from './b.js';",
                vec!["./a.js", "./b.js"],
            ),
            ("import * as a from'./a.js'\nimport {} from './b.js'", vec!["./a.js", "./b.js"]),
            ("import{a as b,\"c d\" as e}from\"./m.js\";const x=1", vec!["./m.js"]),
            ("export * from './a.js'; export * as b from './b.js'", vec!["./a.js", "./b.js"]),
            ("let a=1;export{a as default,b}from\"./c.js\";", vec!["./c.js"]),
            ("import d from './d.json' with { type: 'json' }", vec!["./d.json"]),
            ("import /* x */ a // y\n from './a.js'", vec!["./a.js"]),
            ("import from from './from.js'", vec!["./from.js"]),
        ] {
            assert_eq!(imports(source), expected, "{source}");
        }
    }

    #[test]
    fn what_looks_like_an_import_is_none() {
        for source in [
            "import('./a.js')",
            "const u = import.meta.url",
            "export default function () {}; export const a = 'from'; export { a };",
            "x.import('./a.js'); y = { import: './b.js' }",
            "// import './a.js'\n/* import './b.js' */",
            "const s = \"import './a.js'\", t = `import './b.js' ${'import'} `",
            "const r = /import '.\\/a.js'/, q = a / b / c; /[/'\"]/.test(r)",
            "function f() { import('./a.js') } if (a) { export_('./b.js') }",
            "export { a }\n'./b.js'",
            "import",
            "export {",
            "`${`",
            "'",
            "/",
        ] {
            assert_eq!(imports(source), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn an_import_behind_what_is_stepped_over_is_found() {
        let source =
            "var t=`a${b?`${c}`:\"}\"}`,r=/[`'\"/]/g;for(;;){if(x)/'/.exec(y)}\nimport './z.js'";
        assert_eq!(imports(source), ["./z.js"]);
    }
}
