//! Names and passwords, and how they are told to servers and proxies (RFC 9110 §11, RFC 7617, RFC 7616,
//! RFC 6750).

mod challenge;
mod digest;

use super::basic::basic;
use challenge::challenges;
use digest::Digest;

/// Ways to tell who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schemes {
    /// The password as it is (RFC 7617).
    pub basic: bool,
    /// A proof of the password (RFC 7616).
    pub digest: bool,
    /// One of these alone is used at once; otherwise the server is asked first which it wants.
    pub ask: bool,
}

impl Schemes {
    /// The password as it is, with the first request.
    pub const BASIC: Self = Self { basic: true, digest: false, ask: false };
    /// A proof of the password.
    pub const DIGEST: Self = Self { basic: false, digest: true, ask: false };
    /// The safest that the server offers.
    pub const ANY: Self = Self { basic: true, digest: true, ask: true };
}

impl Default for Schemes {
    fn default() -> Self {
        Self::BASIC
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
    /// How they may be told.
    pub schemes: Schemes,
}

impl Login {
    /// What is sent with every request, where nothing needs to be asked first.
    pub(crate) fn at_once(&self) -> Option<String> {
        (self.schemes == Schemes::BASIC).then(|| basic(&self.user, &self.password))
    }
}

/// Tells one server, or one proxy, who asks: knows what it has been told and what it wants.
#[derive(Clone, Debug)]
pub struct Prover {
    login: Login,
    way: Way,
    /// Something was sent for the last answer.
    sent: bool,
}

/// How the server is told.
#[derive(Clone, Debug)]
enum Way {
    /// It has not said how it wants it.
    Open,
    Basic,
    Digest(Box<Digest>),
}

impl Prover {
    /// One that has told nothing yet.
    pub fn new(login: Login) -> Self {
        let Schemes { basic, digest, ask } = login.schemes;
        let way = if basic && !digest && !ask { Way::Basic } else { Way::Open };
        Self { login, way, sent: false }
    }

    /// Who asks.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Whether the next request is sure to be refused: it only asks for a challenge, and need not bring
    /// its body along.
    pub fn only_asks(&self) -> bool {
        matches!(self.way, Way::Open) && self.login.schemes == Schemes::DIGEST
    }

    /// The value of Authorization or Proxy-Authorization for a request with this method and target.
    /// `random` makes the proof one that nobody could have prepared.
    pub fn value(&mut self, method: &str, target: &str, random: [u8; 16]) -> Option<String> {
        let Login { user, password, .. } = &self.login;
        let value = match &mut self.way {
            Way::Open => None,
            Way::Basic => Some(basic(user, password)),
            Way::Digest(digest) => Some(digest.value(user, password, method, target, random)),
        };
        self.sent = value.is_some();
        value
    }

    /// Takes the challenges of an answer that refuses a request (WWW-Authenticate, Proxy-Authenticate);
    /// answers whether it is worth asking again.
    pub fn is_challenged<'a>(&mut self, fields: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let all: Vec<_> = fields.into_iter().flat_map(challenges).collect();
        let Schemes { basic, digest, .. } = self.login.schemes;
        if digest && let Some(new) = all.iter().find_map(Digest::of) {
            // What was proven with an old challenge is proven with a new one; what was wrong stays so.
            // A challenge that replaced an old one was new when it was answered, once: whoever calls it
            // old as well would do so without end.
            let twice = matches!(&self.way, Way::Digest(old) if old.stale && old.count == 1);
            let again = !self.sent || new.stale && !twice;
            self.way = Way::Digest(Box::new(new));
            return again;
        }
        let offered = all.iter().any(|challenge| challenge.is("Basic"));
        if basic && offered && !self.sent {
            self.way = Way::Basic;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prover(schemes: Schemes) -> Prover {
        Prover::new(Login { user: b"u".to_vec(), password: b"p".to_vec(), schemes })
    }

    fn told(prover: &mut Prover) -> Option<String> {
        prover.value("GET", "/", [0; 16]).map(|value| value.split(' ').next().unwrap().to_owned())
    }

    #[test]
    fn the_safest_way_that_is_offered_is_taken() {
        let digest: &[u8] = b"Digest realm=\"r\", nonce=\"n\"";
        for (schemes, offers, first, second) in [
            (Schemes::BASIC, &[b"Basic realm=x" as &[u8]][..], Some("Basic"), None),
            (Schemes::DIGEST, &[digest, b"Basic"], None, Some("Digest")),
            (Schemes::ANY, &[b"Basic", digest], None, Some("Digest")),
            (Schemes::ANY, &[b"NTLM, Basic realm=x"], None, Some("Basic")),
            (Schemes::ANY, &[b"Negotiate"], None, None),
        ] {
            let mut prover = prover(schemes);
            assert_eq!(told(&mut prover).as_deref(), first, "{schemes:?}");
            let again = prover.is_challenged(offers.iter().copied());
            assert_eq!(again, second.is_some(), "{schemes:?}");
            if again {
                assert_eq!(told(&mut prover).as_deref(), second);
                // It was wrong.
                assert!(!prover.is_challenged(offers.iter().copied()));
            }
        }
    }

    #[test]
    fn an_old_challenge_is_replaced() {
        let mut prover = prover(Schemes::DIGEST);
        assert!(prover.only_asks());
        assert!(prover.is_challenged([b"Digest realm=r, nonce=1" as &[u8]]));
        assert!(!prover.only_asks() && told(&mut prover).is_some());
        assert!(prover.is_challenged([b"Digest realm=r, nonce=2, stale=true" as &[u8]]));
        assert!(told(&mut prover).is_some());
        assert!(!prover.is_challenged([b"Digest realm=r, nonce=3" as &[u8]]));
    }

    #[test]
    fn a_new_challenge_is_not_old_at_its_first_use() {
        let mut prover = prover(Schemes::DIGEST);
        assert!(prover.is_challenged([b"Digest realm=r, nonce=1" as &[u8]]));
        let mut is_stale = |proofs: u32| {
            for _ in 0..proofs {
                told(&mut prover);
            }
            prover.is_challenged([b"Digest realm=r, nonce=n, stale=true" as &[u8]])
        };
        // It grew old while it was in use, again and again.
        assert!(is_stale(1) && is_stale(2) && is_stale(2));
        assert!(!is_stale(1));
    }
}
