//! Enums for values that stand as text in a record, so that the compiler checks decisions made by
//! them. A word that only a later version knows is kept as it is.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "std::borrow::Cow<str>", into = "String")]
        pub enum $name {
            $($(#[$of])* $variant,)*
            /// A word that this version does not know, as it was written.
            Other(String),
        }

        impl $name {
            /// The word as it stands in the record.
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

    /// A milestone of a page's load, by its W3C name.
    Milestone {
        /// The parser has reached the end of the document (HTML, document load timing info).
        DomInteractive "domInteractive",
        /// Handlers of `DOMContentLoaded` begin to run.
        DomContentLoadedEventStart "domContentLoadedEventStart",
        /// Handlers of `DOMContentLoaded` have run.
        DomContentLoadedEventEnd "domContentLoadedEventEnd",
        /// The document and every resource that delays its `load` event have been loaded.
        DomComplete "domComplete",
        /// Handlers of `load` begin to run.
        LoadEventStart "loadEventStart",
        /// Handlers of `load` have run.
        LoadEventEnd "loadEventEnd",
        /// The first pixels that differ from a blank page (Paint Timing).
        FirstPaint "first-paint",
        /// The first pixels of content: text, an image (Paint Timing).
        FirstContentfulPaint "first-contentful-paint",
        /// The pixels of the largest element of content (Largest Contentful Paint).
        LargestContentfulPaint "largest-contentful-paint",
    }

    /// A rule by which browsers refuse a request or an answer.
    RefusalRule {
        /// The page's own policy (W3C Content Security Policy).
        ContentSecurityPolicy "content_security_policy",
        /// The hash that an element has for its resource (W3C Subresource Integrity).
        Integrity "integrity",
        /// A page that came over TLS may have nothing in the clear (W3C Mixed Content).
        MixedContent "mixed_content",
        /// The type of the content forbids its use (Fetch, HTML).
        ContentType "content_type",
        /// The other origin does not say that the page may use it (Fetch, "CORS check").
        Cors "cors",
        /// The server keeps it from other origins or sites (`Cross-Origin-Resource-Policy`).
        ResourcePolicy "resource_policy",
    }

    /// Why a certificate is not trusted: the outcome of path validation (RFC 5280 §6).
    CertificateReason {
        /// The certificate's validity has ended.
        Expired "expired",
        /// The certificate's validity has not begun.
        NotYetValid "not_yet_valid",
        /// The certificate names other hosts than the one that was asked for (RFC 9525).
        WrongName "wrong_name",
        /// The certificate's chain does not lead to a trusted authority.
        UnknownIssuer "unknown_issuer",
        /// The certificate is signed by its own key, and is not itself trusted.
        SelfSigned "self_signed",
        /// The certificate is signed with an algorithm that is no longer accepted: SHA-1, MD5 (RFC
        /// 9155; CA/Browser Forum).
        WeakSignature "weak_signature",
        /// The certificate's key is too short to be accepted: RSA below 2,048 bits.
        WeakKey "weak_key",
        /// The certificate may be used, but not by a server (extended key usage, RFC 5280
        /// §4.2.1.12).
        WrongPurpose "wrong_purpose",
        /// The certificate is an authority's, and was presented by a server (RFC 5280 §4.2.1.9).
        AuthorityAsServer "authority_as_server",
        /// An issuer in the chain is not a certification authority (RFC 5280 §4.2.1.9).
        NotAnAuthority "not_an_authority",
        /// The certificate has a critical extension that we do not understand (RFC 5280 §4.2).
        CriticalExtension "critical_extension",
        /// An authority in the chain may not issue certificates for this name (RFC 5280 §4.2.1.10).
        NameConstraint "name_constraint",
        /// The certificate has X.509 version 1, which cannot state host names.
        OldVersion "old_version",
        /// The certificate is not well-formed DER.
        Unreadable "unreadable",
        /// The issuer revoked the certificate.
        Revoked "revoked",
        /// The certificate's signature does not verify.
        BadSignature "bad_signature",
        /// The server's key is none of those that were given for it (`--pinnedpubkey`).
        NotPinned "not_pinned",
        /// None of these; the fault's `detail` says what.
        Unspecified "other",
    }
}

/// The section of a standard that rules something: `RFC 9112 §7.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "std::borrow::Cow<str>", into = "String")]
pub enum Rule {
    /// A section of an RFC.
    Rfc {
        /// The RFC's number.
        number: u32,
        /// The section, as `7.1`; empty for the whole document.
        section: String,
    },
    /// Any other standard, as it was written: `WHATWG Fetch §4.4`.
    Other(String),
}

impl Rule {
    /// Whether the rule is this section of this RFC, or one of its subsections.
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
            // A number such as `09` is left as text, since it would not be written back as it
            // stood.
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
