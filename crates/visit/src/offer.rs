//! Which ciphers and groups a client offers, by the names that OpenSSL and curl have for them.

use rustls::crypto::ring::{ALL_CIPHER_SUITES, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{CipherSuite, SupportedCipherSuite};

/// What a client offers, where that is not everything it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Suites of TLS 1.2, as OpenSSL's cipher lists name them (openssl-ciphers(1)).
    pub ciphers: Option<String>,
    /// Suites of TLS 1.3, by their names, with colons between.
    pub tls13_ciphers: Option<String>,
    /// Groups for the key exchange, the preferred one first, with colons between.
    pub curves: Option<String>,
}

/// An [`Offer`] that leaves nothing, or names what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{option} {text}: {why}; there are {known}")]
pub struct BadOffer {
    option: &'static str,
    text: String,
    why: String,
    known: String,
}

/// The suites of TLS 1.2: their names in OpenSSL, and the words that stand for them in its lists.
const TWO: [(CipherSuite, &str, &[&str]); 6] = [
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        &["ECDSA", "AES256", "AESGCM", "AES", "SHA384"],
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        &["ECDSA", "AES128", "AESGCM", "AES", "SHA256"],
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        &["ECDSA", "CHACHA20", "SHA256"],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
        &["RSA", "AES256", "AESGCM", "AES", "SHA384"],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
        &["RSA", "AES128", "AESGCM", "AES", "SHA256"],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        &["RSA", "CHACHA20", "SHA256"],
    ),
];

/// Words of OpenSSL's lists that stand for all of these suites.
const ALL: [&str; 11] = [
    "DEFAULT",
    "COMPLEMENTOFDEFAULT",
    "ALL",
    "HIGH",
    "TLSV1.2",
    "ECDHE",
    "EECDH",
    "KECDHE",
    "KEECDH",
    "AEAD",
    "FIPS",
];

/// The suites of TLS 1.3, by their names.
const THREE: [(CipherSuite, &str); 3] = [
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
];

/// The groups, by their names in curl(1).
const GROUPS: [&str; 3] = ["X25519", "P-256", "P-384"];

/// The group of a name, in any of the ways that OpenSSL writes it.
fn group(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    match name.to_ascii_lowercase().as_str() {
        "x25519" => Some(kx_group::X25519),
        "p-256" | "prime256v1" | "secp256r1" => Some(kx_group::SECP256R1),
        "p-384" | "secp384r1" => Some(kx_group::SECP384R1),
        _ => None,
    }
}

impl Offer {
    /// Looks whether it leaves something to offer.
    ///
    /// # Errors
    /// Where it does not, with what there is.
    pub fn check(&self) -> Result<(), BadOffer> {
        self.suites().and(self.groups()).map(|_| ())
    }

    /// Takes out of a provider what is not offered. What leaves nothing, [`Offer::check`] has refused.
    pub(crate) fn limit(&self, provider: &mut CryptoProvider) {
        if let Ok(suites) = self.suites() {
            provider.cipher_suites = suites;
        }
        if let Ok(groups) = self.groups() {
            provider.kx_groups = groups;
        }
    }

    fn suites(&self) -> Result<Vec<SupportedCipherSuite>, BadOffer> {
        let three = match &self.tls13_ciphers {
            None => None,
            Some(text) => Some(three(text)?),
        };
        let two = match &self.ciphers {
            None => None,
            Some(text) => Some(two(text)?),
        };
        let of = |suite: CipherSuite| ALL_CIPHER_SUITES.iter().find(|one| one.suite() == suite);
        let by_default = |three: bool| {
            let own = move |one: &&SupportedCipherSuite| one.tls13().is_some() == three;
            ALL_CIPHER_SUITES.iter().filter(own).map(SupportedCipherSuite::suite).collect()
        };
        let three = three.unwrap_or_else(|| by_default(true));
        let two = two.unwrap_or_else(|| by_default(false));
        Ok(three.into_iter().chain(two).filter_map(of).copied().collect())
    }

    fn groups(&self) -> Result<Vec<&'static dyn SupportedKxGroup>, BadOffer> {
        let Some(text) = &self.curves else {
            return Ok(GROUPS.iter().filter_map(|name| group(name)).collect());
        };
        let bad = |why: String| BadOffer {
            option: "curves",
            text: text.clone(),
            why,
            known: GROUPS.join(", "),
        };
        let mut all = Vec::new();
        for name in text.split(':').filter(|name| !name.is_empty()) {
            all.push(group(name).ok_or_else(|| bad(format!("{name} is not spoken")))?);
        }
        if all.is_empty() { Err(bad("no group is named".into())) } else { Ok(all) }
    }
}

/// The suites of TLS 1.3 in a list. As in OpenSSL, each of them has to be there.
fn three(text: &str) -> Result<Vec<CipherSuite>, BadOffer> {
    let bad = |why: String| BadOffer {
        option: "tls13-ciphers",
        text: text.to_owned(),
        why,
        known: THREE.map(|(_, name)| name).join(", "),
    };
    let mut all = Vec::new();
    for name in text.split(':').filter(|name| !name.is_empty()) {
        let known = THREE.iter().find(|(_, own)| own.eq_ignore_ascii_case(name));
        all.push(known.ok_or_else(|| bad(format!("{name} is none")))?.0);
    }
    if all.is_empty() { Err(bad("no suite is named".into())) } else { Ok(all) }
}

/// The suites of TLS 1.2 in a list: words with colons, commas or blanks between, each of which adds what
/// it stands for, or takes it out for good (`!`) or for now (`-`), or puts it last (`+`). What a word
/// stands for that has others behind plus signs is what all of them stand for. As in OpenSSL, words for
/// what is not there are passed over, as long as something is left.
fn two(text: &str) -> Result<Vec<CipherSuite>, BadOffer> {
    let (mut all, mut never): (Vec<CipherSuite>, Vec<CipherSuite>) = (Vec::new(), Vec::new());
    let words = text.split([':', ',', ' ', ';']).filter(|word| !word.is_empty());
    for word in words.filter(|word| !word.starts_with('@')) {
        let sign = word.chars().next().filter(|sign| ['!', '-', '+'].contains(sign));
        let word = word.trim_start_matches(['!', '-', '+']);
        let found = TWO.iter().filter(|(suite, name, words)| {
            word.split('+').all(|part| stands_for(part, *suite, name, words))
        });
        let found: Vec<CipherSuite> = found.map(|(suite, ..)| *suite).collect();
        match sign {
            Some('!') => never.extend(found.iter().copied()),
            Some('+') => {
                let moved: Vec<_> = all.iter().copied().filter(|one| found.contains(one)).collect();
                all.retain(|one| !found.contains(one));
                all.extend(moved);
                continue;
            }
            Some(_) => {}
            None => {
                let new = found.iter().copied().filter(|one| !all.contains(one));
                let new: Vec<_> = new.filter(|one| !never.contains(one)).collect();
                all.extend(new);
                continue;
            }
        }
        all.retain(|one| !found.contains(one));
    }
    if all.is_empty() {
        return Err(BadOffer {
            option: "ciphers",
            text: text.to_owned(),
            why: "it leaves no suite of TLS 1.2".into(),
            known: TWO.map(|(_, name, _)| name).join(", "),
        });
    }
    Ok(all)
}

fn stands_for(word: &str, suite: CipherSuite, name: &str, words: &[&str]) -> bool {
    let is = |own: &str| own.eq_ignore_ascii_case(word);
    // `aRSA` and `kECDHE` name what they are for besides.
    let bare = word.strip_prefix(['a', 'A']).unwrap_or(word);
    is(name)
        || suite.as_str().is_some_and(is)
        || ALL.iter().any(|all| is(all))
        || words.iter().any(|own| is(own) || own.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Option<Vec<&'static str>> {
        let name = |suite| TWO.iter().find(|(own, ..)| *own == suite).map(|(_, name, _)| *name);
        Some(two(text).ok()?.into_iter().filter_map(name).collect())
    }

    #[test]
    fn ciphers_are_named_as_in_openssl() {
        let (rsa_256, rsa_128) = ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256");
        for (text, expected) in [
            (rsa_128, vec![rsa_128]),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", vec![rsa_128]),
            ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", vec![rsa_128, rsa_256]),
            ("aRSA+AESGCM", vec![rsa_256, rsa_128]),
            ("HIGH:!ECDSA:!CHACHA20", vec![rsa_256, rsa_128]),
            ("RSA+AES128:AES128-SHA:!aNULL", vec![rsa_128]),
            ("RSA+AESGCM:+AES256:@SECLEVEL=1", vec![rsa_128, rsa_256]),
            ("RSA+AESGCM:-AES256:AES256+RSA", vec![rsa_128, rsa_256]),
            ("!AES256:RSA+AESGCM:RSA+AES256", vec![rsa_128]),
        ] {
            assert_eq!(names(text), Some(expected), "{text}");
        }
        assert_eq!(names("ALL").map(|all| all.len()), Some(TWO.len()));
        for text in ["", "AES128-SHA", "ALL:!ECDHE", "nosuch"] {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn groups_and_suites_of_1_3_have_to_be_known() {
        let curves = |text: &str| {
            let offer = Offer { curves: Some(text.into()), ..Offer::default() };
            Some(offer.groups().ok()?.iter().map(|group| group.name()).collect::<Vec<_>>())
        };
        use rustls::NamedGroup::{X25519, secp256r1, secp384r1};
        assert_eq!(curves("secp384r1:x25519"), Some(vec![secp384r1, X25519]));
        assert_eq!(curves("prime256v1"), Some(vec![secp256r1]));
        assert_eq!(curves("P-521"), None);
        assert_eq!(curves(""), None);
        let three = |text: &str| {
            let offer = Offer { tls13_ciphers: Some(text.into()), ..Offer::default() };
            offer.check()
        };
        assert_eq!(three("TLS_AES_128_GCM_SHA256"), Ok(()));
        let refused = three("TLS_AES_128_CCM_SHA256").unwrap_err().to_string();
        assert!(
            refused.contains("TLS_AES_128_CCM_SHA256 is none; there are TLS_AES_256"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_not_limited_is_all_there_is() {
        let mut provider = rustls::crypto::ring::default_provider();
        let before = provider.cipher_suites.len();
        Offer::default().limit(&mut provider);
        assert_eq!((provider.cipher_suites.len(), provider.kx_groups.len()), (before, 3));
        let ciphers = Some("ECDHE-RSA-AES128-GCM-SHA256".into());
        Offer { ciphers, ..Offer::default() }.limit(&mut provider);
        assert_eq!(provider.cipher_suites.len(), 4, "three of TLS 1.3 and one of 1.2");
    }
}
