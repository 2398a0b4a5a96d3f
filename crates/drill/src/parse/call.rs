//! Parsing of system calls: `+.1...0.200 connect(3, ..., ...) = -1 EINPROGRESS (…)`.

use super::Parser;
use super::lexer::Token;
use crate::ast::{Call, Expr, Member};
use crate::source::ReadError;

/// The greatest nesting of arguments, a limit against hostile scripts.
const MAX_DEPTH: usize = 32;

impl Parser<'_> {
    pub(super) fn call(&mut self) -> Result<Call, ReadError> {
        let end = if *self.peek() == Token::Ellipsis {
            self.advance();
            Some(self.time()?)
        } else {
            None
        };
        let name = self.word("the name of a system call")?;
        let arguments = self.arguments(0)?;
        self.sign('=')?;
        let result = self.expression(0)?;
        let mut errno = None;
        if let Token::Word(word) = self.peek().clone() {
            errno = Some(word);
            self.advance();
        }
        while self.is_sign('(') {
            self.note()?;
        }
        Ok(Call { end, name, arguments, result, errno })
    }

    /// Skips a note such as `(Operation now in progress)`.
    fn note(&mut self) -> Result<(), ReadError> {
        self.sign('(')?;
        while !self.is_sign(')') {
            if *self.peek() == Token::End {
                return self.expected("`)`");
            }
            self.advance();
        }
        self.sign(')')
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Expr>, ReadError> {
        self.sign('(')?;
        self.list(')', depth)
    }

    /// Parses expressions between commas, up to the sign that closes them.
    fn list(&mut self, close: char, depth: usize) -> Result<Vec<Expr>, ReadError> {
        let mut all = Vec::new();
        if self.take_sign(close) {
            return Ok(all);
        }
        loop {
            all.push(self.expression(depth + 1)?);
            if self.take_sign(close) {
                return Ok(all);
            }
            if !self.take_sign(',') {
                return self.expected(format!("`,` or `{close}`"));
            }
        }
    }

    fn expression(&mut self, depth: usize) -> Result<Expr, ReadError> {
        if depth > MAX_DEPTH {
            return self.expected(format!("arguments nested {MAX_DEPTH} deep at most"));
        }
        let first = self.operand(depth)?;
        if !self.is_sign('|') {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.take_sign('|') {
            all.push(self.operand(depth)?);
        }
        Ok(Expr::Or(all))
    }

    fn operand(&mut self, depth: usize) -> Result<Expr, ReadError> {
        match self.peek().clone() {
            Token::Ellipsis => {
                self.advance();
                Ok(Expr::Ellipsis)
            }
            Token::Int(number) => {
                self.advance();
                Ok(Expr::Int(number))
            }
            Token::Text(_) => self.text(),
            Token::Word(word) => {
                self.advance();
                if self.is_sign('(') {
                    return Ok(Expr::Apply(word, self.arguments(depth + 1)?));
                }
                Ok(self.defined(word))
            }
            Token::Sign('[') => {
                self.advance();
                self.list(']', depth).map(Expr::List)
            }
            Token::Sign('{') => {
                self.advance();
                self.group(depth).map(Expr::Group)
            }
            _ => self.expected("an argument"),
        }
    }

    /// Replaces a word by what it is defined to be.
    fn defined(&self, word: String) -> Expr {
        let Some(value) = self.definitions.get(&word) else { return Expr::Word(word) };
        let hex = value.strip_prefix("0x").and_then(|hex| i64::from_str_radix(hex, 16).ok());
        match hex.or_else(|| value.parse().ok()) {
            Some(number) => Expr::Int(number),
            None => Expr::Word(value.clone()),
        }
    }

    fn text(&mut self) -> Result<Expr, ReadError> {
        let mut bytes = Vec::new();
        while let Token::Text(text) = self.peek().clone() {
            let Some(part) = unescape(&text) else {
                return self.expected(r#"escapes of these kinds: \n \r \t \0 \\ \" \xhh"#);
            };
            bytes.extend(part);
            self.advance();
        }
        // After `"begins so"...` the rest does not matter.
        if *self.peek() == Token::Ellipsis {
            self.advance();
        }
        Ok(Expr::Text(bytes))
    }

    /// Parses `{fd=4, events=POLLIN}`, `{..., 1000}`, `{msg_iov(1)=[…]}`.
    fn group(&mut self, depth: usize) -> Result<Vec<Member>, ReadError> {
        let mut all = Vec::new();
        if self.take_sign('}') {
            return Ok(all);
        }
        loop {
            all.push(self.member(depth + 1)?);
            if self.take_sign('}') {
                return Ok(all);
            }
            if !self.take_sign(',') {
                return self.expected("`,` or `}`");
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<Member, ReadError> {
        if let Token::Word(word) = self.peek().clone() {
            if *self.peek_after(1) == Token::Sign('=') {
                self.advance();
                self.advance();
                let value = self.expression(depth)?;
                return Ok(Member { name: Some(word), parameter: None, value });
            }
            if word.starts_with("msg_") && *self.peek_after(1) == Token::Sign('(') {
                self.advance();
                let parameter = self.arguments(depth)?.into_iter().next();
                self.sign('=')?;
                let value = self.expression(depth)?;
                return Ok(Member { name: Some(word), parameter, value });
            }
        }
        Ok(Member { name: None, parameter: None, value: self.expression(depth)? })
    }
}

/// The bytes of a string, with its escapes resolved; `None` for an escape that does not exist.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            same @ (b'\\' | b'"' | b'\'') => same,
            b'x' => {
                let digit = |c: u8| char::from(c).to_digit(16);
                (digit(rest.next()?)? * 16 + digit(rest.next()?)?) as u8
            }
            _ => return None,
        });
    }
    Some(bytes)
}
