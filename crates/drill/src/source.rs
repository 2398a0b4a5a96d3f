//! Where things stand in a script, and what is said when they should not stand there.

use std::fmt;

/// A place in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a script cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not follow the grammar.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// It uses a part of the language that is not run here: the script counts as skipped.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// What a script asks for and does not get here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Unsupported {
    /// Where it asks.
    pub place: Place,
    /// What it asks for, with the reason if there is more to say.
    pub what: String,
}

/// Something else should stand here. Its `Display` shows the line, with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub place: Place,
    /// What should stand there.
    pub expected: String,
    /// What does.
    pub found: String,
    /// The whole line.
    pub line: String,
    /// Characters that are wrong, at least one.
    pub width: usize,
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SyntaxError { place, expected, found, line, width } = self;
        writeln!(f, "{place}: expected {expected}, found {found}")?;
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept in front of the caret, so that it stands right whatever their width.
        let lead: String = line
            .chars()
            .take(place.column.saturating_sub(1) as usize)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, " {number} | {line}")?;
        write!(f, " {margin} | {lead}{}", "^".repeat((*width).max(1)))
    }
}

/// The line of `text` with this number, from 1.
pub(crate) fn line_of(text: &str, number: u32) -> String {
    let line = text.lines().nth(number.saturating_sub(1) as usize).unwrap_or_default();
    line.trim_end().to_owned()
}
