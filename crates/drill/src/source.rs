//! Places in a script, and the errors of reading one.

use std::fmt;

/// A place in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
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
    /// The script does not follow the grammar.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The script uses a part of the language that is not supported, and counts as skipped.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// Something that a script asks for and that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Unsupported {
    /// The place in the script.
    pub place: Place,
    /// What the script asks for, with the reason if there is more to say.
    pub what: String,
}

/// A syntax error. Its `Display` shows the line, with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The place of the error.
    pub place: Place,
    /// What the syntax allows at that place, in words.
    pub expected: String,
    /// A description of what was found instead.
    pub found: String,
    /// The text of the line.
    pub line: String,
    /// The number of wrong characters, at least one.
    pub width: usize,
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SyntaxError { place, expected, found, line, width } = self;
        writeln!(f, "{place}: expected {expected}, found {found}")?;
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept before the caret, so that it is at the right column whatever their width.
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
