//! Keys of TLS sessions, as programs log them (`SSLKEYLOGFILE`, the NSS key log format).

use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;

/// The random number of a `ClientHello`, by which a session is known.
pub(crate) type Random = [u8; 32];

/// Secrets, by session and label.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(BTreeMap<Random, BTreeMap<String, Vec<u8>>>);

impl Keys {
    /// Reads the lines of a key log; what is none is passed over.
    pub(crate) fn add(&mut self, log: &[u8]) {
        for line in String::from_utf8_lossy(log).lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(label), Some(random), Some(secret)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let hex = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
            let random = hex(random).and_then(|random| Random::try_from(random).ok());
            if let (Some(random), Some(secret)) = (random, hex(secret).filter(|s| s.len() <= 64)) {
                self.0.entry(random).or_default().insert(label.to_owned(), secret);
            }
        }
    }

    /// A secret of a session.
    pub(crate) fn get(&self, random: &Random, label: &str) -> Option<&[u8]> {
        self.0.get(random)?.get(label).map(Vec::as_slice)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
