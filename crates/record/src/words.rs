//! Values that stand as text in a record and are a type in the program, so that what is decided by
//! them is checked by the compiler. A word that a later version writes is kept as it is.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "std::borrow::Cow<str>", into = "String")]
        pub enum $name {
            $($(#[$of])* $variant,)*
            /// Any other, as it was written.
            Other(String),
        }

        impl $name {
            /// As it stands in the record.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text),
                }
            }
        }

        impl From<std::borrow::Cow<'_, str>> for $name {
            fn from(text: std::borrow::Cow<'_, str>) -> Self {
                Self::from(&*text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                match word {
                    $name::Other(text) => text,
                    word => word.as_str().to_owned(),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )*};
}

words! {
    /// A version of HTTP.
    HttpVersion {
        /// HTTP/0.9: a request without a version.
        Http09 "HTTP/0.9",
        /// HTTP/1.0 (RFC 1945).
        Http10 "HTTP/1.0",
        /// HTTP/1.1 (RFC 9112).
        Http11 "HTTP/1.1",
        /// HTTP/2 (RFC 9113).
        Http2 "HTTP/2",
        /// HTTP/3 (RFC 9114).
        Http3 "HTTP/3",
    }

    /// A version of TLS.
    TlsVersion {
        /// TLS 1.0 (RFC 2246).
        Tls10 "TLS 1.0",
        /// TLS 1.1 (RFC 4346).
        Tls11 "TLS 1.1",
        /// TLS 1.2 (RFC 5246).
        Tls12 "TLS 1.2",
        /// TLS 1.3 (RFC 8446).
        Tls13 "TLS 1.3",
    }

    /// A moment of a page's load, by its W3C name.
    Milestone {
        /// The parser is done with the document (HTML, document load timing).
        DomInteractive "domInteractive",
        /// Listeners of `DOMContentLoaded` begin to run.
        DomContentLoadedEventStart "domContentLoadedEventStart",
        /// Listeners of `DOMContentLoaded` have run.
        DomContentLoadedEventEnd "domContentLoadedEventEnd",
        /// The document and all it waits for are there.
        DomComplete "domComplete",
        /// Listeners of `load` begin to run.
        LoadEventStart "loadEventStart",
        /// Listeners of `load` have run.
        LoadEventEnd "loadEventEnd",
        /// The first pixels that differ from a blank page (Paint Timing).
        FirstPaint "first-paint",
        /// The first pixels of content: text, an image (Paint Timing).
        FirstContentfulPaint "first-contentful-paint",
        /// The largest element's pixels (Largest Contentful Paint).
        LargestContentfulPaint "largest-contentful-paint",
    }

    /// Why a certificate is not trusted.
    CertificateReason {
        /// Its validity has ended.
        Expired "expired",
        /// Its validity has not begun.
        NotYetValid "not_yet_valid",
        /// It is for other names.
        WrongName "wrong_name",
        /// Nobody who is trusted vouches for it.
        UnknownIssuer "unknown_issuer",
        /// It vouches for itself, and is not trusted.
        SelfSigned "self_signed",
        /// It is signed in a way that is no longer taken: SHA-1, MD5 (RFC 9155; CA/Browser Forum).
        WeakSignature "weak_signature",
        /// Its key is too short to be taken: RSA below 2,048 bits.
        WeakKey "weak_key",
        /// It is for another purpose than a server (RFC 5280 §4.2.1.12).
        WrongPurpose "wrong_purpose",
        /// It is an authority's and was shown as a server's (RFC 5280 §4.2.1.9).
        AuthorityAsServer "authority_as_server",
        /// One of the chain that is no authority's vouches for another.
        NotAnAuthority "not_an_authority",
        /// An extension that must be understood is not (RFC 5280 §4.2).
        CriticalExtension "critical_extension",
        /// An authority of the chain may not vouch for this name (RFC 5280 §4.2.1.10).
        NameConstraint "name_constraint",
        /// It is of X.509 version 1, which knows no names of servers.
        OldVersion "old_version",
        /// It is not written as certificates are.
        Unreadable "unreadable",
        /// Its issuer took it back.
        Revoked "revoked",
        /// The signature does not fit.
        BadSignature "bad_signature",
        /// None of these; the fault's `detail` says what.
        Unspecified "other",
    }
}

/// Where something is ruled: `RFC 9112 §7.1`, or the name of another standard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "std::borrow::Cow<str>", into = "String")]
pub enum Rule {
    /// A section of an RFC.
    Rfc {
        /// The RFC's number.
        number: u32,
        /// The section, `7.1`; empty for the whole document.
        section: String,
    },
    /// Any other standard, as it was written: `WHATWG Fetch §4.4`.
    Other(String),
}

impl Rule {
    /// Whether it stands in this section of this RFC, or in one of the section's parts.
    pub fn is_within(&self, rfc: u32, section: &str) -> bool {
        match self {
            Self::Rfc { number, section: own } if *number == rfc => own
                .strip_prefix(section)
                .is_some_and(|rest| section.is_empty() || rest.is_empty() || rest.starts_with('.')),
            _ => false,
        }
    }
}

impl From<&str> for Rule {
    fn from(text: &str) -> Self {
        let rfc = || {
            let rest = text.strip_prefix("RFC ")?;
            let (number, section) = match rest.split_once(" §") {
                Some((number, section)) if !section.is_empty() => (number, section),
                Some(_) => return None,
                None => (rest, ""),
            };
            // A number written in another way would not be written back as it stood.
            let number = number.parse::<u32>().ok().filter(|n| n.to_string() == number)?;
            Some(Self::Rfc { number, section: section.to_owned() })
        };
        rfc().unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl From<String> for Rule {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<std::borrow::Cow<'_, str>> for Rule {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        Self::from(&*text)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Other(text) => text,
            rule @ Rule::Rfc { .. } => rule.to_string(),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc { number, section } if section.is_empty() => write!(f, "RFC {number}"),
            Self::Rfc { number, section } => write!(f, "RFC {number} §{section}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_kept_as_it_was() {
        for text in ["HTTP/1.1", "HTTP/2", "HTTP/9", "", "http/1.1"] {
            assert_eq!(HttpVersion::from(text).as_str(), text);
            let json = serde_json::to_string(&HttpVersion::from(text)).unwrap();
            assert_eq!(json, serde_json::to_string(text).unwrap());
            assert_eq!(serde_json::from_str::<HttpVersion>(&json).unwrap().as_str(), text);
        }
        for text in ["RFC 9112 §7.1", "RFC 9110", "RFC 09 §1", "RFC 1 §", "RFC x", "WHATWG URL", ""]
        {
            assert_eq!(Rule::from(text).to_string(), text);
        }
    }

    #[test]
    fn a_section_holds_its_parts_and_no_other() {
        let within = |text: &str| Rule::from(text).is_within(9112, "7");
        assert!(within("RFC 9112 §7"));
        assert!(within("RFC 9112 §7.1.1"));
        assert!(!within("RFC 9112 §77"));
        assert!(!within("RFC 9112 §6.1"));
        assert!(!within("RFC 9110 §7.1"));
        assert!(!within("RFC 9112"));
        assert!(Rule::from("RFC 9112 §3").is_within(9112, ""));
    }
}
