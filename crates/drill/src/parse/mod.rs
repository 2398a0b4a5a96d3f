//! The parser of scripts.

mod call;
mod conditional;
mod definitions;
mod ip;
mod lexer;
mod packet;

use std::time::Duration;

use crate::ast::{Action, Code, Command, Direction, Event, HeadOption, Script, When};
use crate::source::{Place, ReadError, SyntaxError, Unsupported, line_of};
use lexer::{Lexeme, Token, lex};

pub use definitions::Definitions;

/// Parses a script. `definitions` replace words wherever an argument may be, as packetdrill's `-D`
/// does.
///
/// # Errors
/// The script does not follow the grammar, or uses a part of the language that is not supported.
///
/// ```
/// let script = roundtrip_drill::parse("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", &Default::default())?;
/// assert_eq!(script.events.len(), 1);
/// # Ok::<(), roundtrip_drill::ReadError>(())
/// ```
pub fn parse(text: &str, definitions: &Definitions) -> Result<Script, ReadError> {
    let text = &*conditional::select(text, definitions)?;
    let lexemes = lex(text)?;
    let mut parser = Parser { text, lexemes, at: 0, definitions: definitions.clone() };
    parser.script()
}

/// The parser's state. This file parses the structure of a script; packets and calls have files of
/// their own.
struct Parser<'a> {
    text: &'a str,
    lexemes: Vec<Lexeme>,
    at: usize,
    definitions: Definitions,
}

impl Parser<'_> {
    // The last lexeme is `End`, which is never taken, so there is always one to look at.
    fn lexeme(&self) -> &Lexeme {
        &self.lexemes[self.at.min(self.lexemes.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.lexeme().token
    }

    fn peek_after(&self, ahead: usize) -> &Token {
        &self.lexemes[(self.at + ahead).min(self.lexemes.len() - 1)].token
    }

    fn place(&self) -> Place {
        self.lexeme().place
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at + 1 < self.lexemes.len() {
            self.at += 1;
        }
        token
    }

    /// An error at the current lexeme.
    fn expected<T>(&self, expected: impl Into<String>) -> Result<T, ReadError> {
        Err(self.complaint(self.at, expected.into()))
    }

    fn complaint(&self, at: usize, expected: String) -> ReadError {
        let Lexeme { token, place, width, .. } = &self.lexemes[at.min(self.lexemes.len() - 1)];
        let line = line_of(self.text, place.line);
        SyntaxError { place: *place, expected, found: token.describe(), line, width: *width }.into()
    }

    fn unsupported<T>(&self, what: impl Into<String>) -> Result<T, ReadError> {
        Err(Unsupported { place: self.place(), what: what.into() }.into())
    }

    fn is_sign(&self, sign: char) -> bool {
        *self.peek() == Token::Sign(sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w == word)
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let is = self.is_sign(sign);
        if is {
            self.advance();
        }
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.advance();
        }
        is
    }

    fn sign(&mut self, sign: char) -> Result<(), ReadError> {
        if self.take_sign(sign) { Ok(()) } else { self.expected(format!("`{sign}`")) }
    }

    fn word(&mut self, what: &str) -> Result<String, ReadError> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.advance();
                Ok(word)
            }
            _ => self.expected(what),
        }
    }

    /// Parses a whole number that fits the type.
    fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, ReadError> {
        let Token::Int(number) = *self.peek() else { return self.expected(what) };
        let Ok(number) = T::try_from(number) else {
            let bits = 8 * size_of::<T>();
            return self.expected(format!("{what} of {bits} bits without a sign"));
        };
        self.advance();
        Ok(number)
    }

    fn script(&mut self) -> Result<Script, ReadError> {
        let mut script = Script::default();
        while let Token::Option { name, value } = self.peek().clone() {
            let place = self.place();
            if name == "psp_udp_port" {
                return self.unsupported("packets inside PSP");
            }
            if name == "define"
                && let Some((symbol, value)) = value.as_deref().and_then(|v| v.split_once('='))
            {
                self.definitions.insert(symbol.to_owned(), value.to_owned());
            }
            script.options.push(HeadOption { place, name, value });
            self.advance();
        }
        while let Some(Command { place, text }) = self.command() {
            match &mut script.preamble {
                Some(before) => before.text = format!("{}\n{text}", before.text),
                None => script.preamble = Some(Command { place, text }),
            }
        }
        while *self.peek() != Token::End {
            if let Some(command) = self.command() {
                script.cleanup = Some(command);
                break;
            }
            script.events.push(self.event()?);
        }
        if *self.peek() != Token::End {
            return self.expected("nothing after the commands that end a script");
        }
        Ok(script)
    }

    fn command(&mut self) -> Option<Command> {
        let Token::Backquoted(text) = self.peek().clone() else { return None };
        let place = self.lexeme().inner;
        self.advance();
        Some(Command { place, text })
    }

    fn event(&mut self) -> Result<Event, ReadError> {
        let place = self.place();
        let time_at = self.at;
        let when = self.when()?;
        let action = self.action()?;
        let is_expected =
            matches!(&action, Action::Packet(packet) if packet.direction == Direction::Outbound);
        let is_loose = !matches!(when, When::At(_) | When::After(_));
        if is_loose && !is_expected {
            let expected = "a single time: only expected packets may have a range or `*`".into();
            return Err(self.complaint(time_at, expected));
        }
        Ok(Event { place, when, action })
    }

    fn when(&mut self) -> Result<When, ReadError> {
        if self.take_sign('*') {
            return Ok(When::Anytime);
        }
        let is_relative = self.take_sign('+');
        let from = self.time()?;
        if !self.take_sign('~') {
            return Ok(if is_relative { When::After(from) } else { When::At(from) });
        }
        if is_relative {
            self.sign('+')?;
        }
        let end_at = self.at;
        let to = self.time()?;
        if to < from {
            return Err(self.complaint(end_at, "an end of the range that is not before it".into()));
        }
        Ok(if is_relative { When::AfterBetween(from, to) } else { When::Between(from, to) })
    }

    /// Parses seconds, with or without a fraction.
    fn time(&mut self) -> Result<Duration, ReadError> {
        const WHAT: &str = "a time in seconds";
        let time = match self.peek() {
            Token::Int(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Token::Decimal(text) => seconds(text),
            _ => None,
        };
        match time.filter(|time| *time <= Duration::from_secs(10_000_000)) {
            Some(time) => {
                self.advance();
                Ok(time)
            }
            None => self.expected(WHAT),
        }
    }

    fn action(&mut self) -> Result<Action, ReadError> {
        match self.peek().clone() {
            Token::Sign('<' | '>') => self.packet().map(Action::Packet),
            Token::Ellipsis | Token::Word(_) => self.call().map(Action::Call),
            Token::Backquoted(text) => {
                self.advance();
                Ok(Action::Command(text))
            }
            Token::Code(text) => {
                let place = self.lexeme().inner;
                self.advance();
                Ok(Action::Code(Code { place, text }))
            }
            _ => self.expected("a packet (`<` or `>`), a system call, a command or `%{`"),
        }
    }
}

/// Parses `1.25` as a time in seconds; digits beyond the ninth are dropped.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.')?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanos = 0;
    for place in 0..9 {
        let digit = fraction.as_bytes().get(place).map_or(0, |b| u32::from(b - b'0'));
        nanos = nanos * 10 + digit;
    }
    Some(Duration::new(whole, nanos))
}

#[cfg(test)]
mod tests;
