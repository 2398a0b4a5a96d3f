//! The lexer of scripts: from characters to tokens.

use crate::source::{Place, ReadError, SyntaxError, line_of};

/// A token of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An option: `--name=value`.
    Option { name: String, value: Option<String> },
    /// A name: letters, digits and underscores.
    Word(String),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point, as text.
    Decimal(String),
    /// `"…"`, without the quotes, escapes not resolved.
    Text(String),
    /// `` `…` ``, without the backticks.
    Backquoted(String),
    /// `%{…}%`, without these signs.
    Code(String),
    /// An ellipsis: `...`.
    Ellipsis,
    /// Any other character.
    Sign(char),
    /// The end of the script.
    End,
}

impl Token {
    /// The token as errors describe it: `the number 12`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Option { name, .. } => format!("the option --{name}"),
            Token::Word(word) => format!("`{word}`"),
            Token::Int(number) => format!("the number {number}"),
            Token::Decimal(number) => format!("the number {number}"),
            Token::Text(_) => "a string".into(),
            Token::Backquoted(_) => "a command".into(),
            Token::Code(_) => "code".into(),
            Token::Ellipsis => "`...`".into(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end of the script".into(),
        }
    }
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) place: Place,
    /// The place where the text begins: for code, after the opening signs and blanks.
    pub(crate) inner: Place,
    /// The number of characters the token takes on its first line.
    pub(crate) width: usize,
    /// The bytes of the token in the script, from and to.
    pub(crate) span: (usize, usize),
}

/// All tokens of a script, with [`Token::End`] last.
pub(crate) fn lex(text: &str) -> Result<Vec<Lexeme>, ReadError> {
    let mut lexer = Lexer { text, rest: text, place: Place { line: 1, column: 1 } };
    let mut all = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let (place, before) = (lexer.place, lexer.rest.len());
        let mut inner = place;
        let token = lexer.token(&mut inner)?;
        let span = (text.len() - before, text.len() - lexer.rest.len());
        let taken = &text[span.0..span.1];
        let width = taken.lines().next().map_or(0, |line| line.chars().count());
        let is_end = token == Token::End;
        all.push(Lexeme { token, place, inner, width, span });
        if is_end {
            return Ok(all);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    place: Place,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    /// Takes `length` bytes, which must end at a character boundary.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        for c in taken.chars() {
            if c == '\n' {
                self.place.line += 1;
                self.place.column = 1;
            } else {
                self.place.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(length)
    }

    fn error(&self, place: Place, expected: &str, found: &str) -> ReadError {
        let line = line_of(self.text, place.line);
        SyntaxError { place, expected: expected.into(), found: found.into(), line, width: 1 }.into()
    }

    fn skip_blanks(&mut self) -> Result<(), ReadError> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                let place = self.place;
                let Some(end) = self.rest.find("*/") else {
                    return Err(self.error(place, "`*/` after this", "the end of the script"));
                };
                self.take(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self, inner: &mut Place) -> Result<Token, ReadError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if self.rest.starts_with("...") {
            self.take(3);
            return Ok(Token::Ellipsis);
        }
        if self.rest.starts_with("%{") {
            return self.code(inner);
        }
        if self.rest.starts_with("--") && self.rest[2..].starts_with(is_word) {
            return self.option();
        }
        match first {
            '"' => self.quoted('"', inner).map(Token::Text),
            '`' => self.quoted('`', inner).map(Token::Backquoted),
            '0'..='9' | '-' | '.' => self.number(),
            c if is_word(c) => Ok(Token::Word(self.take_while(is_word).to_owned())),
            c => {
                self.take(c.len_utf8());
                Ok(Token::Sign(c))
            }
        }
    }

    fn code(&mut self, inner: &mut Place) -> Result<Token, ReadError> {
        let place = self.place;
        let Some(end) = self.rest.find("}%") else {
            return Err(self.error(place, "`}%` after this `%{`", "the end of the script"));
        };
        self.take(2);
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        let blanks = blanks.min(end - 2);
        self.take(blanks);
        *inner = self.place;
        let text = self.take(end - 2 - blanks).trim_end().to_owned();
        self.take(2);
        Ok(Token::Code(text))
    }

    fn quoted(&mut self, quote: char, inner: &mut Place) -> Result<String, ReadError> {
        let place = self.place;
        self.take(1);
        *inner = self.place;
        let mut is_escaped = false;
        let end = self.rest.find(|c| {
            let ends = c == quote && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let Some(end) = end else {
            let expected = format!("a closing {quote}");
            return Err(self.error(place, &expected, "the end of the script"));
        };
        let text = self.take(end).to_owned();
        self.take(1);
        Ok(text)
    }

    /// Reads an option, which takes everything up to the next blank outside quotes.
    fn option(&mut self) -> Result<Token, ReadError> {
        self.take(2);
        let name = self.take_while(is_word).to_owned();
        if !self.rest.starts_with('=') {
            return Ok(Token::Option { name, value: None });
        }
        self.take(1);
        let mut value = String::new();
        let mut ignored = Place::default();
        loop {
            match self.rest.chars().next() {
                Some(quote @ ('"' | '`')) => {
                    let quoted = self.quoted(quote, &mut ignored)?;
                    value.push_str(&quoted);
                }
                Some(c) if !c.is_whitespace() => value.push_str(self.take(c.len_utf8())),
                _ => return Ok(Token::Option { name, value: Some(value) }),
            }
        }
    }

    /// Reads a number, a word that begins like one, or the sign that is neither.
    fn number(&mut self) -> Result<Token, ReadError> {
        let place = self.place;
        let sign = usize::from(self.rest.starts_with('-'));
        let unsigned = &self.rest[sign..];
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let whole = digits(unsigned);
        let fraction = unsigned[whole..].strip_prefix('.').map_or(0, digits);
        if fraction > 0 {
            return Ok(Token::Decimal(self.take(sign + whole + 1 + fraction).to_owned()));
        }
        if whole == 0 {
            let c = self.rest.chars().next().unwrap_or(' ');
            self.take(c.len_utf8());
            return Ok(Token::Sign(c));
        }
        let word = unsigned.find(|c| !is_word(c)).unwrap_or(unsigned.len());
        if word == whole {
            // Digits that are too many for a number may still be a cookie in hexadecimal.
            let text = self.take(sign + whole);
            return Ok(text.parse().map_or_else(|_| Token::Word(text.to_owned()), Token::Int));
        }
        let text = self.take(sign + word);
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        match hex.map(|hex| u64::from_str_radix(hex, 16)) {
            Some(Ok(number)) => Ok(Token::Int(number as i64)),
            Some(Err(_)) => Err(self.error(place, "a hexadecimal number of 64 bits", text)),
            None => Ok(Token::Word(text.to_owned())),
        }
    }
}
