//! `Passwords`: who has which password, from a file as `htpasswd` writes them (bcrypt), or with Argon2 as PHC strings.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use roundtrip_http::handler::Verify;
use roundtrip_wire::LocalFuture;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// How many passwords are checked at one time: each takes tens of milliseconds of a processor, and Argon2 takes tens
/// of megabytes.
const AT_ONCE: usize = 2;
/// How many that were right are remembered.
const REMEMBERED: usize = 4096;

/// Who has which password.
pub struct Passwords {
    users: BTreeMap<String, Arc<Hash>>,
    /// What is checked where there is no such user: how long it takes tells nothing.
    nobody: Option<Arc<Hash>>,
    /// Digests of users with their passwords that were right, so that the next request need not wait.
    right: Mutex<BTreeSet<[u8; 32]>>,
    /// Goes into these digests: they are of no use elsewhere.
    key: [u8; 32],
    room: Semaphore,
}

/// What is kept of a password.
enum Hash {
    /// `$2y$…`, of bcrypt.
    Bcrypt(String),
    /// `$argon2id$…`, and its kin.
    Argon2(String),
}

/// Why a file of passwords cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}{}: {why}", .line.map_or_else(String::new, |line| format!(", line {line}")), path = .path.display())]
pub struct BadPasswords {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where it is one.
    pub line: Option<usize>,
    /// Why.
    pub why: String,
}

impl Hash {
    fn parse(text: &str) -> Result<Self, String> {
        const NEXT: &str = "htpasswd -B makes one that is";
        match text.split('$').nth(1) {
            Some("2a" | "2b" | "2y") if text.parse::<bcrypt::HashParts>().is_ok() => {
                Ok(Self::Bcrypt(text.to_owned()))
            }
            Some("argon2i" | "argon2d" | "argon2id") if PasswordHash::new(text).is_ok() => {
                Ok(Self::Argon2(text.to_owned()))
            }
            _ => Err(format!("no hash of bcrypt or Argon2; {NEXT}")),
        }
    }

    fn is_of(&self, password: &[u8]) -> bool {
        match self {
            // As all implementations have it, no more than 72 bytes count.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Argon2(hash) => PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
        }
    }
}

impl Passwords {
    /// Reads a file: `USER:HASH` a line; empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// When it cannot be read, or a line is none, or its hash is of a kind that is too weak to be kept.
    pub fn read(path: &Path) -> Result<Self, BadPasswords> {
        let bad = |line, why| BadPasswords { path: path.to_owned(), line, why };
        let text = std::fs::read_to_string(path).map_err(|error| bad(None, error.to_string()))?;
        Self::parse(&text).map_err(|(line, why)| bad(Some(line), why))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut users = BTreeMap::new();
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) =
                line.split_once(':').ok_or((number, "wanted USER:HASH".to_owned()))?;
            let hash = Hash::parse(hash).map_err(|why| (number, format!("{user}: {why}")))?;
            users.insert(user.to_owned(), Arc::new(hash));
        }
        let nobody = users.values().next().cloned();
        let mut key = [0; 32];
        roundtrip_os::random::fill(&mut key);
        let room = Semaphore::new(AT_ONCE);
        Ok(Self { users, nobody, right: Mutex::default(), key, room })
    }

    fn digest(&self, user: &str, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        digest.update((user.len() as u64).to_le_bytes());
        digest.update(user);
        digest.update(password);
        digest.finalize().into()
    }

    async fn check(&self, user: &str, password: &[u8]) -> bool {
        let digest = self.digest(user, password);
        let known = |right: &BTreeSet<_>| right.contains(&digest);
        if known(&self.right.lock().unwrap_or_else(PoisonError::into_inner)) {
            return true;
        }
        let is_user = self.users.contains_key(user);
        let Some(hash) = self.users.get(user).or(self.nobody.as_ref()).cloned() else {
            return false;
        };
        let Ok(_permit) = self.room.acquire().await else { return false };
        let password = password.to_vec();
        let is_right = roundtrip_os::work(move || hash.is_of(&password)).await && is_user;
        if is_right {
            let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            if right.len() >= REMEMBERED {
                right.clear();
            }
            right.insert(digest);
        }
        is_right
    }
}

impl Verify for Passwords {
    fn verify<'a>(&'a self, user: &'a str, password: &'a [u8]) -> LocalFuture<'a, bool> {
        Box::pin(self.check(user, password))
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `secret`, as the C library's crypt(3) has it.
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    /// `password`, of the reference implementation's own tests.
    const ARGON2: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn lines_that_are_none_are_told() {
        let line = |text: &str| Passwords::parse(text).map(|_| ()).unwrap_err().0;
        assert_eq!(line("# who\n\nada"), 3);
        assert_eq!(line("ada:$apr1$salt$hash"), 1);
        assert_eq!(line("ada:{SHA}x"), 1);
        assert_eq!(line("ada:secret"), 1);
        assert_eq!(line("ada:$2y$04$short"), 1);
        assert!(Passwords::parse("").is_ok());
    }

    #[test]
    fn passwords_are_held_against_their_hashes() {
        let passwords = Passwords::parse(&format!("ada:{BCRYPT}\nbob:{ARGON2}\n")).unwrap();
        roundtrip_os::run(async {
            for (user, password, right) in [
                ("ada", "secret", true),
                ("ada", "Secret", false),
                ("ada", "", false),
                ("bob", "password", true),
                ("bob", "secret", false),
                // Nobody of that name, whoever's password it may be.
                ("eve", "secret", false),
            ] {
                for _ in 0..2 {
                    let found = passwords.check(user, password.as_bytes()).await;
                    assert_eq!(found, right, "{user} {password}");
                }
            }
        })
        .unwrap();
    }
}
