//! A proof of a password that does not tell it (RFC 7616, and RFC 2069 for servers without `qop`).

use core::fmt::Write as _;

use data_encoding::HEXLOWER;
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};

use super::challenge::Challenge;

/// What a server wants to be proven, and how often it was.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// The algorithm, as the server writes it.
    named: Option<String>,
    algorithm: Algorithm,
    quality: Option<Quality>,
    user_hash: bool,
    /// The proof before was right, but its challenge was too old.
    pub(super) stale: bool,
    /// Proofs so far.
    pub(super) count: u32,
}

/// How texts are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Algorithm {
    hash: Hash,
    /// The key is made anew for each challenge (`-sess`).
    session: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512To256,
}

impl Hash {
    fn of(self, text: &[u8]) -> String {
        match self {
            Self::Md5 => HEXLOWER.encode(&Md5::digest(text)),
            Self::Sha256 => HEXLOWER.encode(&Sha256::digest(text)),
            Self::Sha512To256 => HEXLOWER.encode(&Sha512_256::digest(text)),
        }
    }
}

/// What is proven besides the password (`qop`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quality {
    /// Nothing.
    Auth,
    /// The body; of which, as curl has it, an empty one is proven.
    AuthInt,
}

impl Quality {
    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

impl Digest {
    /// Reads a challenge; `None` where it is of another scheme, or cannot be met.
    pub(super) fn of(challenge: &Challenge) -> Option<Self> {
        if !challenge.is("Digest") {
            return None;
        }
        let get = |name: &str| challenge.get(name).map(str::to_owned);
        let named = get("algorithm");
        let algorithm = algorithm(named.as_deref().unwrap_or("MD5"))?;
        let offers = challenge.get("qop").unwrap_or_default().split(',').map(str::trim);
        let offered = |quality: Quality| {
            offers
                .clone()
                .any(|offer| offer.eq_ignore_ascii_case(quality.name()))
                .then_some(quality)
        };
        let is =
            |name: &str| challenge.get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Some(Self {
            realm: get("realm").unwrap_or_default(),
            nonce: get("nonce")?,
            opaque: get("opaque"),
            named,
            algorithm,
            quality: offered(Quality::Auth).or_else(|| offered(Quality::AuthInt)),
            user_hash: is("userhash"),
            stale: is("stale"),
            count: 0,
        })
    }

    /// The value of the field for a request.
    pub(super) fn value(
        &mut self,
        user: &[u8],
        password: &[u8],
        method: &str,
        target: &str,
        random: [u8; 16],
    ) -> String {
        self.count += 1;
        let Algorithm { hash, session } = self.algorithm;
        let own = HEXLOWER.encode(&random);
        let count = format!("{:08x}", self.count);
        let joined = |parts: &[&[u8]]| hash.of(&parts.join(&b':'));
        let (realm, nonce) = (self.realm.as_bytes(), self.nonce.as_bytes());
        let mut key = joined(&[user, realm, password]);
        if session {
            key = joined(&[key.as_bytes(), nonce, own.as_bytes()]);
        }
        let (method, path) = (method.as_bytes(), target.as_bytes());
        let asked = match self.quality {
            Some(Quality::AuthInt) => joined(&[method, path, hash.of(b"").as_bytes()]),
            Some(Quality::Auth) | None => joined(&[method, path]),
        };
        let (key, asked) = (key.as_bytes(), asked.as_bytes());
        let response = match self.quality {
            Some(quality) => {
                let quality = quality.name().as_bytes();
                joined(&[key, nonce, count.as_bytes(), own.as_bytes(), quality, asked])
            }
            None => joined(&[key, nonce, asked]),
        };
        let name = if self.user_hash {
            joined(&[user, realm])
        } else {
            quoted(&String::from_utf8_lossy(user))
        };
        let mut out = format!(
            "Digest username=\"{name}\", realm=\"{}\", nonce=\"{}\", uri=\"{target}\", ",
            quoted(&self.realm),
            quoted(&self.nonce)
        );
        // Writing to a string cannot fail.
        if let Some(quality) = self.quality {
            let _ = write!(out, "cnonce=\"{own}\", nc={count}, qop={}, ", quality.name());
        }
        let _ = write!(out, "response=\"{response}\"");
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque=\"{}\"", quoted(opaque));
        }
        if let Some(named) = &self.named {
            let _ = write!(out, ", algorithm={named}");
        }
        if self.user_hash {
            out.push_str(", userhash=true");
        }
        out
    }
}

fn algorithm(name: &str) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase();
    let (plain, session) = match name.strip_suffix("-sess") {
        Some(plain) => (plain, true),
        None => (name.as_str(), false),
    };
    let hash = match plain {
        "md5" => Hash::Md5,
        "sha-256" => Hash::Sha256,
        "sha-512-256" => Hash::Sha512To256,
        _ => return None,
    };
    Some(Algorithm { hash, session })
}

/// The text of a quoted string (RFC 9110 §5.6.4).
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::super::challenge::challenges;
    use super::*;

    /// RFC 7616 §3.9.1, but for the client's own number, which is random here.
    fn example(algorithm: &str, random: [u8; 16]) -> String {
        let text = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let mut digest = Digest::of(&challenges(text.as_bytes())[0]).expect("a challenge");
        digest.value(b"Mufasa", b"Circle of Life", "GET", "/dir/index.html", random)
    }

    #[test]
    fn what_is_proven_is_what_the_rfc_has() {
        // The RFC's own number is no text of hexadecimal digits: its proofs are made here by its formula.
        for (name, hash) in [("MD5", Hash::Md5), ("SHA-256", Hash::Sha256)] {
            let value = example(name, [0xab; 16]);
            let key = hash.of(b"Mufasa:http-auth@example.org:Circle of Life");
            let asked = hash.of(b"GET:/dir/index.html");
            let own = "ab".repeat(16);
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let proof = hash.of(format!("{key}:{nonce}:00000001:{own}:auth:{asked}").as_bytes());
            assert!(value.contains(&format!("response=\"{proof}\"")), "{value}");
            assert!(value.ends_with(&format!("algorithm={name}")), "{value}");
        }
    }

    #[test]
    fn a_server_without_qop_is_answered_as_before() {
        // RFC 2069 §2.4, with the response of its erratum.
        let text =
            b"Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let mut digest = Digest::of(&challenges(text)[0]).expect("a challenge");
        let value = digest.value(b"Mufasa", b"CircleOfLife", "GET", "/dir/index.html", [0; 16]);
        assert!(value.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{value}");
        assert!(!value.contains("qop"));
    }

    #[test]
    fn what_is_not_known_is_not_met() {
        for text in ["Digest realm=r, nonce=n, algorithm=SHA-1", "Digest realm=r", "Basic realm=r"]
        {
            assert!(Digest::of(&challenges(text.as_bytes())[0]).is_none(), "{text}");
        }
    }
}
