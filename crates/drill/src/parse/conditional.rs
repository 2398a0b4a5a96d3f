//! Conditional parts of a script, `#ifdef NAME` … `#endif`, which are read only if the name is
//! defined, as in nplab's packetdrill.

use super::definitions::Definitions;
use crate::source::{Place, ReadError, SyntaxError, Unsupported, line_of};

/// The text with blank lines in place of what is not to be read, so that line numbers stay the
/// same.
///
/// # Errors
/// `#ifdef` and `#endif` do not alternate, or nothing is left of the script.
pub(super) fn select(text: &str, definitions: &Definitions) -> Result<String, ReadError> {
    let mut kept = String::with_capacity(text.len());
    let mut open: Option<Condition<'_>> = None;
    let mut dropped: Option<Condition<'_>> = None;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let place = Place { line: number, column: 1 };
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.first().copied(), open) {
            (Some("#ifdef"), None) => {
                let Some(name) = words.get(1) else {
                    return Err(complaint(text, place, "a name after `#ifdef`"));
                };
                let is_read = definitions.contains_key(*name);
                open = Some(Condition { place, name, is_read });
            }
            (Some("#ifdef"), Some(_)) => {
                return Err(complaint(text, place, "`#endif` before another `#ifdef`"));
            }
            (Some("#endif"), Some(condition)) => {
                dropped = dropped.or(open.filter(|_| !condition.is_read));
                open = None;
            }
            (Some("#endif"), None) => {
                return Err(complaint(text, place, "`#ifdef` before this"));
            }
            (_, Some(Condition { is_read: false, .. })) => {}
            _ => {
                kept.push_str(line);
                continue;
            }
        }
        kept.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    if let Some(condition) = open {
        return Err(complaint(text, condition.place, "`#endif` after this"));
    }
    match dropped {
        Some(Condition { place, name, .. }) if kept.trim().is_empty() => {
            let what = format!("a script for those who define {name} (-D {name})");
            Err(Unsupported { place, what }.into())
        }
        _ => Ok(kept),
    }
}

/// An `#ifdef` whose `#endif` has not come yet.
#[derive(Clone, Copy)]
struct Condition<'a> {
    place: Place,
    name: &'a str,
    is_read: bool,
}

fn complaint(text: &str, place: Place, expected: &str) -> ReadError {
    let line = line_of(text, place.line);
    let found = line.trim().to_owned();
    let width = line.chars().count();
    SyntaxError { place, expected: expected.into(), found, line, width }.into()
}
