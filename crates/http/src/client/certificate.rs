//! What people ask about a certificate, read from its DER form (RFC 5280 §4.1).

use core::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use time::{Date, Month};

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) names: Vec<String>,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// Servers may use it: it names no purpose, or this one.
    pub(crate) of_server: bool,
    /// Version of X.509: 1 or 3.
    pub(crate) version: u8,
    /// The object identifier of the algorithm it is signed with, as numbers with dots.
    pub(crate) signature: String,
    /// The length of its key, where that is of RSA.
    pub(crate) rsa_bits: Option<u32>,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
/// id-ce-extKeyUsage.
const EXTENDED_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x25];
/// id-kp-serverAuth and anyExtendedKeyUsage: what a server's certificate may be for.
const OF_SERVERS: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 1], &[0x55, 0x1d, 0x25, 0]];

/// rsaEncryption (RFC 3279 §2.3.1).
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// Attribute types that have a short name (RFC 4514 §3, RFC 4519).
const ATTRIBUTES: [(&[u8], &str); 7] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
];

/// Reads a certificate; `None` where it is none.
pub(crate) fn summarize(der: &[u8]) -> Option<Summary> {
    let mut certificate = Der(Der(der).expect(SEQUENCE)?);
    let mut tbs = Der(certificate.expect(SEQUENCE)?);
    // Version 1 is written by leaving the version out.
    let version =
        tbs.optional(VERSION).and_then(|version| Der(version).expect(INTEGER)?.first().copied());
    tbs.expect(INTEGER)?;
    let signature = dotted(Der(tbs.expect(SEQUENCE)?).expect(OID)?);
    let issuer = name(tbs.expect(SEQUENCE)?)?;
    let mut validity = Der(tbs.expect(SEQUENCE)?);
    let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
    let subject = name(tbs.expect(SEQUENCE)?)?;
    let rsa_bits = rsa_bits(tbs.expect(SEQUENCE)?);
    let (mut names, mut of_server) = (Vec::new(), true);
    while let Some((tag, content)) = tbs.next() {
        if tag == EXTENSIONS {
            names = alternative_names(content).unwrap_or_default();
            of_server = is_for_servers(content);
        }
    }
    Some(Summary {
        subject,
        issuer,
        names,
        not_before,
        not_after,
        of_server,
        version: version.unwrap_or(0) + 1,
        signature,
        rsa_bits,
    })
}

/// The key of a certificate, as a whole `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
pub(crate) fn public_key(der: &[u8]) -> Option<&[u8]> {
    let mut tbs = Der(Der(Der(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
    tbs.optional(VERSION);
    tbs.expect(INTEGER)?;
    // The signature's algorithm, the issuer, the validity, the subject.
    for _ in 0..4 {
        tbs.expect(SEQUENCE)?;
    }
    let rest = tbs.0;
    tbs.expect(SEQUENCE)?;
    rest.get(..rest.len() - tbs.0.len())
}

/// Whether a certificate that is trusted as it is, without anybody who vouches for it, is good for
/// this server now: its time, its purpose and its name.
///
/// # Errors
/// Which of them is not.
pub fn check_alone(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let summary = summarize(certificate).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < summary.not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > summary.not_after {
        return Err(CertificateError::Expired.into());
    }
    if !summary.of_server {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

/// Elements of a DER encoding, one after the other (X.690 §8.1).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Tag and content of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match *length {
            short @ 0..0x80 => (usize::from(short), rest),
            long => {
                let count = usize::from(long & 0x7f);
                if count == 0 || count > 4 || count > rest.len() {
                    return None;
                }
                let (digits, rest) = rest.split_at(count);
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
        };
        let content = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((*tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&tag) { self.expect(tag) } else { None }
    }
}

/// The length of the modulus of an RSA key (RFC 3279 §2.3.1); `None` for other keys.
fn rsa_bits(key: &[u8]) -> Option<u32> {
    let mut key = Der(key);
    let algorithm = Der(key.expect(SEQUENCE)?).expect(OID)?;
    // A bit string begins with the number of bits to be left out at its end.
    let bits = key.expect(BIT_STRING)?.strip_prefix(&[0])?;
    let modulus = Der(Der(bits).expect(SEQUENCE)?).expect(INTEGER)?;
    let digits = &modulus[modulus.iter().position(|byte| *byte != 0)?..];
    (algorithm == RSA).then(|| digits.len() as u32 * 8 - digits[0].leading_zeros())
}

/// A distinguished name, in the order in which it stands there.
fn name(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut sets = Der(content);
    while let Some((SET, set)) = sets.next() {
        let mut attributes = Der(set);
        while let Some((SEQUENCE, attribute)) = attributes.next() {
            let mut attribute = Der(attribute);
            let oid = attribute.expect(OID)?;
            let (_, value) = attribute.next()?;
            if !text.is_empty() {
                text.push_str(", ");
            }
            match ATTRIBUTES.iter().find(|(known, _)| *known == oid) {
                Some((_, short)) => text.push_str(short),
                None => text.push_str(&dotted(oid)),
            }
            text.push('=');
            text.extend(String::from_utf8_lossy(value).chars().filter(|char| !char.is_control()));
        }
    }
    Some(text)
}

/// An object identifier as numbers with dots (X.690 §8.19).
fn dotted(oid: &[u8]) -> String {
    let mut out = String::new();
    let (mut number, mut first) = (0u64, true);
    for byte in oid {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = if first {
            let top = (number / 40).min(2);
            write!(out, "{top}.{}", number - 40 * top)
        } else {
            write!(out, ".{number}")
        };
        (number, first) = (0, false);
    }
    out
}

/// `UTCTime` or `GeneralizedTime`, in the one form that RFC 5280 §4.1.2.5 allows.
fn time((tag, content): (u8, &[u8])) -> Option<i64> {
    let digits = content.strip_suffix(b"Z")?;
    let number = |at: usize, length: usize| -> Option<i64> {
        let text = digits.get(at..at + length)?;
        text.iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, rest) = match tag {
        UTC_TIME => match number(0, 2)? {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        GENERALIZED_TIME => (number(0, 4)?, 4),
        _ => return None,
    };
    let [month, day, hour, minute, second] =
        [0, 2, 4, 6, 8].map(|at| number(rest + at, 2).and_then(|value| u8::try_from(value).ok()));
    let date =
        Date::from_calendar_date(i32::try_from(year).ok()?, Month::try_from(month?).ok()?, day?);
    let at = date.ok()?.with_hms(hour?, minute?, second?).ok()?;
    Some(at.assume_utc().unix_timestamp())
}

/// DNS names and addresses for which the certificate is good (RFC 5280 §4.2.1.6).
fn alternative_names(content: &[u8]) -> Option<Vec<String>> {
    let mut list = Der(Der(extension(content, SUBJECT_ALT_NAME)?).expect(SEQUENCE)?);
    Some(core::iter::from_fn(|| list.next()).filter_map(general_name).collect())
}

/// RFC 5280 §4.2.1.12.
fn is_for_servers(content: &[u8]) -> bool {
    let Some(usage) = extension(content, EXTENDED_KEY_USAGE) else { return true };
    let Some(list) = Der(usage).expect(SEQUENCE) else { return false };
    let mut list = Der(list);
    core::iter::from_fn(|| list.next()).any(|(_, oid)| OF_SERVERS.contains(&oid))
}

/// What an extension says, out of all of them.
fn extension(content: &[u8], wanted: [u8; 3]) -> Option<&[u8]> {
    let mut extensions = Der(Der(content).expect(SEQUENCE)?);
    while let Some((SEQUENCE, extension)) = extensions.next() {
        let mut extension = Der(extension);
        if extension.expect(OID)? == wanted {
            let mut rest = core::iter::from_fn(|| extension.next());
            return rest.find(|(tag, _)| *tag == OCTET_STRING).map(|(_, value)| value);
        }
    }
    None
}

fn general_name((tag, content): (u8, &[u8])) -> Option<String> {
    match tag {
        // dNSName
        0x82 => core::str::from_utf8(content).ok().map(str::to_owned),
        // iPAddress
        0x87 => match content.len() {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(content).ok()?).to_string()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(content).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(time((UTC_TIME, b"700101000001Z")), Some(1));
        assert_eq!(time((UTC_TIME, b"491231235959Z")), Some(2_524_607_999));
        assert_eq!(time((GENERALIZED_TIME, b"20500101000000Z")), Some(2_524_608_000));
        assert_eq!(time((UTC_TIME, b"000229000000Z")), Some(11_016 * 86_400));
        assert_eq!(time((UTC_TIME, b"691231000000Z")), Some(-86_400));
        assert_eq!(time((UTC_TIME, b"010229000000Z")), None, "no such day");
        assert_eq!(time((UTC_TIME, b"7001010000Z")), None);
        assert_eq!(time((UTC_TIME, b"700101000001+0100")), None);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        assert_eq!(summarize(b""), None);
        assert_eq!(summarize(&[0x30, 0x80]), None);
        assert_eq!(summarize(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
