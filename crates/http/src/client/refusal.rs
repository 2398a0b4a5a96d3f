//! Why a certificate was refused, in the words of the record.

use roundtrip_record::{CertificateReason, FaultKind};
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;

use super::certificate::{Summary, summarize};
use super::pinned::NotPinned;

/// RSA keys below this are taken by nobody (CA/Browser Forum Baseline Requirements §6.1.5).
const RSA_BITS: u32 = 2048;

/// Signature algorithms that are no longer taken, with their names (RFC 3279 §2.2, RFC 8017 §A.2.4).
const WEAK: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.10040.4.3", "dsa-with-sha1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
];

/// The fault of a chain that `host` showed and the verifier refused.
pub(super) fn refused(
    host: &str,
    chain: &[CertificateDer<'_>],
    why: &CertificateError,
) -> FaultKind {
    let all: Vec<Summary> = chain.iter().filter_map(|der| summarize(der)).collect();
    let leaf = all.first();
    let (reason, detail) = reason(&all, why);
    FaultKind::BadCertificate {
        reason,
        host: host.to_owned(),
        names: leaf.map(|leaf| leaf.names.clone()).unwrap_or_default(),
        not_after: leaf.map(|leaf| leaf.not_after),
        not_before: leaf.map(|leaf| leaf.not_before),
        issuer: all.last().map(|last| last.issuer.clone()),
        detail,
    }
}

/// The reason, and what of the certificates shows it.
fn reason(chain: &[Summary], why: &CertificateError) -> (CertificateReason, String) {
    let leaf = chain.first();
    let by_itself = leaf.is_some_and(|leaf| leaf.subject == leaf.issuer);
    if let CertificateError::Other(other) = why
        && other.0.is::<NotPinned>()
    {
        return (CertificateReason::NotPinned, other.0.to_string());
    }
    // What is wrong with a certificate as such stands above what the verifier met first.
    if let Some(weak) = chain.iter().find(|one| one.rsa_bits.is_some_and(|bits| bits < RSA_BITS)) {
        let bits = weak.rsa_bits.unwrap_or_default();
        return (
            CertificateReason::WeakKey,
            format!("{} has an RSA key of {bits} bits", weak.subject),
        );
    }
    if leaf.is_some_and(|leaf| leaf.version == 1) {
        return (CertificateReason::OldVersion, "it is of X.509 version 1".into());
    }
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (CertificateReason::Expired, why.to_string())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (CertificateReason::NotYetValid, why.to_string())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (CertificateReason::WrongName, why.to_string())
        }
        CertificateError::Revoked => (CertificateReason::Revoked, why.to_string()),
        CertificateError::BadSignature => (CertificateReason::BadSignature, why.to_string()),
        CertificateError::BadEncoding => (CertificateReason::Unreadable, why.to_string()),
        CertificateError::UnhandledCriticalExtension => {
            (CertificateReason::CriticalExtension, why.to_string())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            (CertificateReason::WrongPurpose, why.to_string())
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            (CertificateReason::WeakSignature, weak_signature(chain))
        }
        CertificateError::UnknownIssuer if by_itself => {
            (CertificateReason::SelfSigned, why.to_string())
        }
        CertificateError::UnknownIssuer => (CertificateReason::UnknownIssuer, why.to_string()),
        CertificateError::Other(other) => {
            let found = other.0.downcast_ref::<webpki::Error>();
            (
                found.map_or(CertificateReason::Unspecified, |found| of_webpki(found, by_itself)),
                other.0.to_string(),
            )
        }
        _ => (CertificateReason::Unspecified, why.to_string()),
    }
}

/// What rustls has no word for.
fn of_webpki(error: &webpki::Error, by_itself: bool) -> CertificateReason {
    use webpki::Error;
    match error {
        // One that signed itself as an authority, and is not trusted: the verifier minds that it is
        // shown as a server's before it looks for who vouches for it.
        Error::CaUsedAsEndEntity if by_itself => CertificateReason::SelfSigned,
        Error::CaUsedAsEndEntity => CertificateReason::AuthorityAsServer,
        Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => {
            CertificateReason::NotAnAuthority
        }
        Error::NameConstraintViolation => CertificateReason::NameConstraint,
        Error::UnsupportedCriticalExtension => CertificateReason::CriticalExtension,
        Error::UnsupportedCertVersion => CertificateReason::OldVersion,
        Error::EmptyEkuExtension => CertificateReason::WrongPurpose,
        Error::SignatureAlgorithmMismatch => CertificateReason::BadSignature,
        Error::ExtensionValueInvalid
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => CertificateReason::Unreadable,
        _ => CertificateReason::Unspecified,
    }
}

/// Which certificate of the chain is signed how.
fn weak_signature(chain: &[Summary]) -> String {
    let named =
        |one: &Summary| WEAK.iter().find(|(oid, _)| *oid == one.signature).map(|(_, name)| *name);
    if let Some((one, name)) = chain.iter().find_map(|one| Some((one, named(one)?))) {
        return format!("{} is signed with {name}", one.subject);
    }
    let oids: Vec<&str> = chain.iter().map(|one| one.signature.as_str()).collect();
    format!("signed with {}", oids.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    /// A chain of a server's certificate and its issuer's, as the first is.
    fn chain(leaf: Summary) -> [Summary; 2] {
        let issuer = Summary { subject: "CN=int".into(), version: 3, ..Summary::default() };
        [Summary { version: leaf.version.max(1), issuer: "CN=int".into(), ..leaf }, issuer]
    }

    fn good() -> Summary {
        Summary {
            subject: "CN=leaf".into(),
            version: 3,
            rsa_bits: Some(2048),
            ..Summary::default()
        }
    }

    fn webpki(error: webpki::Error) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(error)))
    }

    #[test]
    fn each_refusal_has_its_reason() {
        use CertificateReason as Reason;
        use webpki::Error;
        for (error, wanted) in [
            (CertificateError::Expired, Reason::Expired),
            (CertificateError::NotValidForName, Reason::WrongName),
            (CertificateError::UnknownIssuer, Reason::UnknownIssuer),
            (CertificateError::BadEncoding, Reason::Unreadable),
            (CertificateError::InvalidPurpose, Reason::WrongPurpose),
            (CertificateError::UnhandledCriticalExtension, Reason::CriticalExtension),
            (webpki(Error::CaUsedAsEndEntity), Reason::AuthorityAsServer),
            (webpki(Error::EndEntityUsedAsCa), Reason::NotAnAuthority),
            (webpki(Error::NameConstraintViolation), Reason::NameConstraint),
            (webpki(Error::UnsupportedCriticalExtension), Reason::CriticalExtension),
            (webpki(Error::MalformedExtensions), Reason::Unreadable),
            (webpki(Error::MaximumPathDepthExceeded), Reason::Unspecified),
        ] {
            assert_eq!(reason(&chain(good()), &error).0, wanted, "{error:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_stands_above_what_was_met_first() {
        let short = Summary { rsa_bits: Some(1024), ..good() };
        let (found, detail) = reason(&chain(short), &CertificateError::BadSignature);
        assert_eq!(
            (found, detail.as_str()),
            (CertificateReason::WeakKey, "CN=leaf has an RSA key of 1024 bits")
        );
        let old = Summary { version: 1, ..good() };
        assert_eq!(
            reason(&chain(old), &CertificateError::UnknownIssuer).0,
            CertificateReason::OldVersion
        );
        let own = [Summary { issuer: "CN=leaf".into(), ..good() }];
        assert_eq!(reason(&own, &CertificateError::UnknownIssuer).0, CertificateReason::SelfSigned);
        assert_eq!(
            reason(&own, &webpki(webpki::Error::CaUsedAsEndEntity)).0,
            CertificateReason::SelfSigned
        );
    }

    #[test]
    fn a_key_that_is_not_the_pinned_one_stands_above_all() {
        let error = CertificateError::Other(OtherError(Arc::new(NotPinned { shown: None })));
        let short = Summary { rsa_bits: Some(1024), ..good() };
        assert_eq!(reason(&chain(short), &error).0, CertificateReason::NotPinned);
    }

    #[test]
    fn weak_signatures_are_named() {
        let weak = Summary { signature: "1.2.840.113549.1.1.5".into(), ..good() };
        assert_eq!(weak_signature(&chain(weak)), "CN=leaf is signed with sha1WithRSAEncryption");
    }
}
