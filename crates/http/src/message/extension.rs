//! Where in the extensions of a chunk a reader is (RFC 9112 §7.1.1).

use super::fields::{is_field_value, is_token};

/// A place in `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, after the first semicolon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionPart {
    /// Before a name.
    Begin,
    Name,
    /// White space after a name: an equals sign or a semicolon has to follow.
    AfterName,
    BeforeValue,
    /// In a value that is a token.
    Value,
    /// In a value in quotes.
    Quoted,
    /// After a backslash in it.
    Escaped,
    /// After the closing quote.
    Unquoted,
    /// White space after a value: a semicolon has to follow.
    AfterValue,
}

impl ExtensionPart {
    /// Where this byte leads; `None` where none such may stand.
    pub(crate) fn next(self, byte: u8) -> Option<Self> {
        let space = matches!(byte, b' ' | b'\t');
        Some(match (self, byte) {
            (Self::Quoted, b'"') => Self::Unquoted,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted | Self::Escaped, _) if is_field_value(byte) => Self::Quoted,
            (Self::Begin, _) if space => Self::Begin,
            (Self::Begin | Self::Name, _) if is_token(&[byte]) => Self::Name,
            (Self::Name | Self::AfterName, b'=') => Self::BeforeValue,
            (Self::Name | Self::AfterName, b';') => Self::Begin,
            (Self::Name | Self::AfterName, _) if space => Self::AfterName,
            (Self::BeforeValue, _) if space => Self::BeforeValue,
            (Self::BeforeValue, b'"') => Self::Quoted,
            (Self::BeforeValue | Self::Value, _) if is_token(&[byte]) => Self::Value,
            (Self::Value | Self::Unquoted | Self::AfterValue, b';') => Self::Begin,
            (Self::Value | Self::Unquoted | Self::AfterValue, _) if space => Self::AfterValue,
            _ => return None,
        })
    }

    /// Whether the line may end here.
    pub(crate) fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::Unquoted)
    }

    /// Whether it is within quotes.
    pub(crate) fn is_quoted(self) -> bool {
        matches!(self, Self::Quoted | Self::Escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> bool {
        let last = text.bytes().try_fold(ExtensionPart::Begin, ExtensionPart::next);
        last.is_some_and(ExtensionPart::may_end)
    }

    #[test]
    fn extensions_are_names_with_values() {
        for text in ["a", "a=b", "a=\"b;\\\"c\"", " a = b", "a;b", "a=b ;c=\"\"", "a\t;b"] {
            assert!(ends(text), "{text}");
        }
        for text in [
            "",
            " ",
            ";",
            "a;",
            "a=",
            "a b",
            "=b",
            "a=b c",
            "a=\"b",
            "a=\"b\"c",
            "a ",
            "a=b ",
            "(",
            "a=(",
            "a=\"\x01\"",
        ] {
            assert!(!ends(text), "{text}");
        }
    }
}
