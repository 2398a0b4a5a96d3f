//! The version of the schema of `record.jsonl`.

use core::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The schema version this program writes. Records of older versions still open; `doc/record.md`
/// says what each version added.
pub const SCHEMA: Schema = Schema { major: 2, minor: 1 };

/// The version of the schema a record was written with.
///
/// The minor version rises when kinds of events, fields or values are added: a reader passes over
/// those it does not know. The major version rises when a reader of the previous major version
/// would misread the record; such a reader refuses it.
///
/// In JSON the version is a string, `"2.1"`. Records before 2.0 have the number `1` instead, which
/// is read as 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema {
    /// Rises with a change that readers of the version before would misread.
    pub major: u32,
    /// Rises when something is added.
    pub minor: u32,
}

impl Schema {
    /// Whether a program that knows this version can read a record of `other`.
    pub const fn reads(self, other: Self) -> bool {
        other.major <= self.major
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl core::str::FromStr for Schema {
    type Err = BadSchema;

    fn from_str(text: &str) -> Result<Self, BadSchema> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().ok_or(BadSchema)
        };
        let (major, minor) = text.split_once('.').ok_or(BadSchema)?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

/// The error of a text that is not two numbers with a point between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schema version is two numbers with a point between, as {SCHEMA}")]
pub struct BadSchema;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SchemaVisitor)
    }
}

struct SchemaVisitor;

impl Visitor<'_> for SchemaVisitor {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema version as \"2.1\", or the number of one before 2.0")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Schema, E> {
        let major = u32::try_from(number)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?;
        Ok(Schema { major, minor: 0 })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Schema, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_text_and_the_old_number_is_read() {
        assert_eq!(serde_json::to_string(&SCHEMA).unwrap(), r#""2.1""#);
        let read = |text: &str| serde_json::from_str::<Schema>(text).ok();
        assert_eq!(read("1"), Some(Schema { major: 1, minor: 0 }));
        assert_eq!(read(r#""2.17""#), Some(Schema { major: 2, minor: 17 }));
        for bad in [r#""2""#, r#""2.""#, r#"".1""#, r#""2.-1""#, r#""2.1.0""#, "-1", "1.5", "null"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_newer_major_version_cannot_be_read() {
        let version = |major, minor| Schema { major, minor };
        assert!(SCHEMA.reads(version(1, 0)));
        assert!(SCHEMA.reads(version(SCHEMA.major, SCHEMA.minor + 9)));
        assert!(!SCHEMA.reads(version(SCHEMA.major + 1, 0)));
    }
}
