//! TLS as a capture shows it: the hellos in the clear, and with keys all of it.

use super::keys::{Keys, Random};
use super::protect::{Opener, Suite, suite, suite_name};
use super::stream::Stamp;

/// The longest handshake message that is put together, in bytes (RFC 8446 leaves 2^24).
const LONGEST: usize = 1 << 20;
/// The longest record (RFC 5246 §6.2.3), with what some stacks add.
const LONGEST_RECORD: usize = 18_500;

/// What both ends said in their hellos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hellos {
    pub(crate) server_name: String,
    pub(crate) offered: Vec<String>,
    pub(crate) version: u16,
    pub(crate) cipher: u16,
    pub(crate) group: Option<u16>,
    pub(crate) alpn: Option<String>,
    pub(crate) resumed: bool,
    /// Whether the server showed a certificate, where that could be read.
    pub(crate) certified: bool,
}

impl Hellos {
    /// The cipher suite's name.
    pub(crate) fn cipher_name(&self) -> String {
        suite_name(self.cipher)
    }
}

/// What a session tells as it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The `ClientHello` has passed.
    Started(Stamp),
    /// The handshake is complete: the client has sent its `Finished`.
    Established(Stamp),
    /// An alert was sent: by the client or not, and its number.
    Alert(bool, u8, Stamp),
    /// Bytes of the application, by the client or not.
    Data(bool, Vec<u8>, Stamp),
}

/// One direction of a session.
#[derive(Debug, Default)]
struct Half {
    buffer: Vec<u8>,
    handshake: Vec<u8>,
    opener: Option<Opener>,
    /// Whether the records that follow are sealed.
    sealed: bool,
    /// A record began that is none: this direction is followed no further.
    lost: bool,
    /// Application records have passed since the `ServerHello`.
    data: bool,
}

/// A session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) hellos: Hellos,
    client_random: Option<Random>,
    server_random: Option<Random>,
    suite: Option<Suite>,
    halves: [Half; 2],
    established: bool,
    /// Records that the keys do not open.
    pub(crate) unopened: u64,
}

impl Session {
    /// Takes the next bytes of one direction.
    pub(crate) fn feed(
        &mut self,
        by_client: bool,
        bytes: &[u8],
        stamp: Stamp,
        keys: &Keys,
        out: &mut Vec<Told>,
    ) {
        let n = usize::from(!by_client);
        if self.halves[n].lost {
            return;
        }
        self.halves[n].buffer.extend_from_slice(bytes);
        let mut buffer = core::mem::take(&mut self.halves[n].buffer);
        let mut at = 0;
        while let Some(header) =
            buffer.get(at..at + 5).and_then(|head| <[u8; 5]>::try_from(head).ok())
        {
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            if !(20..=24).contains(&header[0]) || header[1] != 3 || length > LONGEST_RECORD {
                self.halves[n].lost = true;
                return;
            }
            let Some(payload) = buffer.get(at + 5..at + 5 + length) else { break };
            self.record(n, header, payload, stamp, keys, out);
            at += 5 + length;
        }
        buffer.drain(..at);
        self.halves[n].buffer = buffer;
    }

    /// Takes the next bytes of handshake messages that came without records, as over QUIC (RFC 9001 §4).
    pub(crate) fn handshake(
        &mut self,
        by_client: bool,
        bytes: &[u8],
        stamp: Stamp,
        keys: &Keys,
        out: &mut Vec<Told>,
    ) {
        let n = usize::from(!by_client);
        if !self.halves[n].lost {
            self.content(n, 22, bytes, stamp, keys, out);
        }
    }

    /// What the client sent shows that it has completed the handshake.
    pub(crate) fn complete(&mut self, stamp: Stamp, out: &mut Vec<Told>) {
        self.establish(stamp, out);
    }

    /// Whether the server's hello has been read.
    pub(crate) fn is_answered(&self) -> bool {
        self.server_random.is_some()
    }

    /// A secret of this session, and the cipher suite that it is for.
    pub(crate) fn secret<'k>(&self, label: &str, keys: &'k Keys) -> Option<(Suite, &'k [u8])> {
        Some((self.suite?, keys.get(&self.client_random?, label)?))
    }

    /// The secret of early data, which stands in the log before it is known which suite it is for: that of an earlier
    /// session (RFC 8446 §7.5).
    pub(crate) fn early_secret<'k>(&self, keys: &'k Keys) -> Option<&'k [u8]> {
        keys.get(&self.client_random?, "CLIENT_EARLY_TRAFFIC_SECRET")
    }

    /// The protocol that was agreed on; before that is known, the one that the client would like best.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.hellos.alpn.as_ref().or(self.hellos.offered.first()).map(String::as_str)
    }

    /// Bytes of one direction are missing.
    pub(crate) fn gap(&mut self, by_client: bool) {
        self.halves[usize::from(!by_client)].lost = true;
    }

    fn record(
        &mut self,
        n: usize,
        header: [u8; 5],
        payload: &[u8],
        stamp: Stamp,
        keys: &Keys,
        out: &mut Vec<Told>,
    ) {
        let version_13 = self.hellos.version == 0x0304;
        match header[0] {
            // In TLS 1.3 it only deceives boxes on the way (RFC 8446 appendix D.4).
            20 if version_13 => {}
            20 => {
                self.change_cipher(n, keys);
                // The first end to change resumes, the second one completes.
                if self.halves[1 - n].sealed {
                    self.establish(stamp, out);
                }
            }
            // Bytes of the application are never in the clear: those before the `ServerHello` are
            // early data (RFC 8446 §2.3), others come from the middle of a session.
            kind if self.halves[n].sealed || kind == 23 => {
                let opened = self.halves[n].opener.as_mut().and_then(|o| o.open(header, payload));
                match opened {
                    Some((kind, content)) => self.content(n, kind, &content, stamp, keys, out),
                    None => self.unopened(n, kind, stamp, out),
                }
            }
            kind => self.content(n, kind, payload, stamp, keys, out),
        }
    }

    /// A record that cannot be read still tells something by its place.
    fn unopened(&mut self, n: usize, kind: u8, stamp: Stamp, out: &mut Vec<Told>) {
        let half = &mut self.halves[n];
        if let Some(opener) = &mut half.opener {
            opener.skip();
            self.unopened += 1;
        }
        // Of TLS 1.3 the client's first sealed record behind the `ServerHello` holds its Finished.
        if kind == 23 && self.hellos.version == 0x0304 {
            let first = !core::mem::replace(&mut half.data, true);
            if first && n == 0 {
                self.establish(stamp, out);
            }
        }
    }

    fn content(
        &mut self,
        n: usize,
        kind: u8,
        content: &[u8],
        stamp: Stamp,
        keys: &Keys,
        out: &mut Vec<Told>,
    ) {
        match kind {
            // One that is longer is sealed, in the middle of a session.
            21 => {
                if let [_, alert] = content {
                    out.push(Told::Alert(n == 0, *alert, stamp));
                }
            }
            22 => {
                self.halves[n].handshake.extend_from_slice(content);
                self.messages(n, stamp, keys, out);
            }
            23 => out.push(Told::Data(n == 0, content.to_vec(), stamp)),
            _ => {}
        }
    }

    /// Takes whole messages of the handshake.
    fn messages(&mut self, n: usize, stamp: Stamp, keys: &Keys, out: &mut Vec<Told>) {
        let mut messages = core::mem::take(&mut self.halves[n].handshake);
        let mut at = 0;
        while let Some(&[kind, a, b, c]) = messages.get(at..at + 4).and_then(<[u8]>::first_chunk) {
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if length > LONGEST {
                self.halves[n].lost = true;
                return;
            }
            let Some(body) = messages.get(at + 4..at + 4 + length) else { break };
            self.message(n, kind, body, stamp, keys, out);
            at += 4 + length;
        }
        messages.drain(..at);
        self.halves[n].handshake = messages;
    }

    fn message(
        &mut self,
        n: usize,
        kind: u8,
        body: &[u8],
        stamp: Stamp,
        keys: &Keys,
        out: &mut Vec<Told>,
    ) {
        match (kind, n) {
            (1, 0) => {
                let again = self.client_random.is_some();
                self.client_hello(body);
                if !again {
                    out.push(Told::Started(stamp));
                }
            }
            (2, 1) => self.server_hello(body, keys),
            (8, 1) => self.extensions(body.get(2..).unwrap_or_default(), n),
            (11, 1) => self.hellos.certified = true,
            (20, _) if self.hellos.version == 0x0304 => {
                let label = ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"][n];
                self.halves[n].opener = self.opener(label, keys);
                if n == 0 {
                    self.establish(stamp, out);
                }
            }
            // KeyUpdate.
            (24, _) if self.hellos.version == 0x0304 => {
                self.halves[n].opener = self.halves[n].opener.as_ref().and_then(Opener::updated);
            }
            _ => {}
        }
    }

    fn establish(&mut self, stamp: Stamp, out: &mut Vec<Told>) {
        if !core::mem::replace(&mut self.established, true) {
            out.push(Told::Established(stamp));
        }
    }

    fn opener(&mut self, label: &str, keys: &Keys) -> Option<Opener> {
        let (suite, secret) = self.secret(label, keys)?;
        Opener::of_secret(suite, secret)
    }

    /// `ChangeCipherSpec` of TLS 1.2: what follows in this direction is sealed.
    fn change_cipher(&mut self, n: usize, keys: &Keys) {
        let half = &mut self.halves[n];
        half.sealed = true;
        // A server that seals before it has sent a certificate goes on with an earlier session.
        if n == 1 && !self.hellos.certified && !self.halves[0].sealed {
            self.hellos.resumed = true;
        }
        let master = self.client_random.and_then(|random| keys.get(&random, "CLIENT_RANDOM"));
        let openers = || {
            let (client, server) = (self.client_random?, self.server_random?);
            Opener::of_master(self.suite?, master?, &client, &server)
        };
        if let Some([client, server]) = openers() {
            self.halves[n].opener = Some(if n == 0 { client } else { server });
        }
    }

    fn client_hello(&mut self, body: &[u8]) {
        let mut rest = Bytes(body);
        let parsed = (|| {
            rest.take(2)?;
            let random = Random::try_from(rest.take(32)?).ok()?;
            rest.counted(1)?;
            rest.counted(2)?;
            rest.counted(1)?;
            Some(random)
        })();
        if let Some(random) = parsed {
            self.client_random = Some(random);
            let extensions = rest.counted(2).unwrap_or_default();
            self.extensions(extensions, 0);
        }
    }

    fn server_hello(&mut self, body: &[u8], keys: &Keys) {
        /// The random number of a `HelloRetryRequest` (RFC 8446 §4.1.3), by its first bytes.
        const RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];
        let mut rest = Bytes(body);
        let parsed = (|| {
            let version = u16::from_be_bytes(rest.take(2)?.try_into().ok()?);
            let random = Random::try_from(rest.take(32)?).ok()?;
            rest.counted(1)?;
            let cipher = u16::from_be_bytes(rest.take(2)?.try_into().ok()?);
            rest.take(1)?;
            Some((version, random, cipher))
        })();
        let Some((version, random, cipher)) = parsed else { return };
        self.server_random = Some(random);
        self.hellos.version = version;
        self.hellos.cipher = cipher;
        self.suite = suite(cipher);
        let extensions = rest.counted(2).unwrap_or_default();
        self.extensions(extensions, 1);
        if self.hellos.version == 0x0304 && random[..4] != RETRY {
            self.halves[0].opener = self.opener("CLIENT_HANDSHAKE_TRAFFIC_SECRET", keys);
            self.halves[1].opener = self.opener("SERVER_HANDSHAKE_TRAFFIC_SECRET", keys);
        }
    }

    fn extensions(&mut self, extensions: &[u8], n: usize) {
        let mut rest = Bytes(extensions);
        while let Some(kind) = rest.number() {
            let Some(body) = rest.counted(2) else { return };
            self.extension(kind, body, n);
        }
    }

    fn extension(&mut self, kind: u16, body: &[u8], n: usize) {
        let mut rest = Bytes(body);
        match (kind, n) {
            (0, 0) => {
                let name = rest.take(3).and_then(|_| Bytes(&body[3..]).counted(2));
                self.hellos.server_name =
                    name.map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
            }
            (16, _) => {
                let mut list = Bytes(rest.counted(2).unwrap_or_default());
                let mut names = Vec::new();
                while let Some(name) = list.counted(1) {
                    names.push(String::from_utf8_lossy(name).into_owned());
                }
                if n == 0 {
                    self.hellos.offered = names;
                } else {
                    self.hellos.alpn = names.into_iter().next();
                }
            }
            (43, 1) => self.hellos.version = rest.number().unwrap_or(self.hellos.version),
            (51, 1) => self.hellos.group = rest.number(),
            (41, 1) => self.hellos.resumed = true,
            _ => {}
        }
    }
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// Bytes with their count, of `size` bytes, before them.
    fn counted(&mut self, size: usize) -> Option<&'a [u8]> {
        let count = self.take(size)?.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        self.take(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::io::Write as _;

    use roundtrip_record::Time;
    use rustls::crypto::ring;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConnection, ServerConnection, SupportedCipherSuite};

    use super::super::peers::{NAME, peers};
    use super::*;

    const STAMP: Stamp = Stamp { at: Time::ZERO, event: None };

    /// Carries a session out with a cipher suite, and returns the key log and what passed, by whom.
    fn session(suite: SupportedCipherSuite) -> (String, Vec<(bool, Vec<u8>)>) {
        let (client, server, log) = peers(suite, &["h2", "http/1.1"], &["http/1.1"]);
        let mut client =
            ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
        let mut server = ServerConnection::new(server).unwrap();
        client.writer().write_all(b"question").unwrap();
        let (mut passed, mut answered) = (Vec::new(), false);
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut up).unwrap();
            }
            server.read_tls(&mut up.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut asked = [0; 8];
            if server.reader().read(&mut asked).is_ok_and(|read| read == 8) && !answered {
                server.writer().write_all(b"answer").unwrap();
                answered = true;
            }
            while server.wants_write() {
                server.write_tls(&mut down).unwrap();
            }
            client.read_tls(&mut down.as_slice()).unwrap();
            client.process_new_packets().unwrap();
            if up.is_empty() && down.is_empty() {
                return (log.text(), passed);
            }
            passed.extend([(true, up), (false, down)]);
        }
    }

    /// All but those with RSA, for which ring makes no keys. Only the certificate differs there.
    fn suites() -> impl Iterator<Item = SupportedCipherSuite> {
        let all = ring::default_provider().cipher_suites.into_iter();
        all.filter(|suite| !format!("{:?}", suite.suite()).contains("_RSA_"))
    }

    /// What is told of a session whose bytes come in pieces of this length.
    fn told(keys: &str, passed: &[(bool, Vec<u8>)], piece: usize) -> (Session, Vec<Told>) {
        let mut known = Keys::default();
        known.add(keys.as_bytes());
        let (mut session, mut out) = (Session::default(), Vec::new());
        for (by_client, bytes) in passed {
            for piece in bytes.chunks(piece) {
                session.feed(*by_client, piece, STAMP, &known, &mut out);
            }
        }
        (session, out)
    }

    #[test]
    fn sessions_of_every_cipher_suite_are_opened() {
        for suite in suites() {
            let name = format!("{:?}", suite.suite());
            let (keys, passed) = session(suite);
            for piece in [1, 7, 100_000] {
                let (session, told) = told(&keys, &passed, piece);
                let told: Vec<_> =
                    told.into_iter().filter(|told| !matches!(told, Told::Alert(_, 0, _))).collect();
                assert_eq!(told[..2], [Told::Started(STAMP), Told::Established(STAMP)], "{name}");
                assert_eq!(
                    told[2..],
                    [
                        Told::Data(true, b"question".to_vec(), STAMP),
                        Told::Data(false, b"answer".to_vec(), STAMP)
                    ],
                    "{name}"
                );
                let hellos = &session.hellos;
                assert_eq!(hellos.server_name, "h.example");
                assert_eq!(hellos.alpn.as_deref(), Some("http/1.1"));
                assert_eq!((hellos.offered.len(), hellos.certified), (2, true));
                assert_eq!(hellos.cipher_name(), name.replace("TLS13_", "TLS_"));
                assert_eq!(session.unopened, 0);
            }
        }
    }

    #[test]
    fn without_keys_the_handshake_is_told_and_no_more() {
        for suite in suites() {
            let name = format!("{:?}", suite.suite());
            let (_, passed) = session(suite);
            let (session, told) = told("", &passed, 1000);
            assert_eq!(told, [Told::Started(STAMP), Told::Established(STAMP)], "{name}");
            assert!(session.hellos.version >= 0x0303);
        }
    }

    #[test]
    fn early_data_are_not_taken_for_clear() {
        let sealed = [&[23, 3, 3, 0, 30][..], &[0x47; 30]].concat();
        for suite in suites() {
            let name = format!("{:?}", suite.suite());
            let (keys, mut passed) = session(suite);
            passed.insert(1, (true, sealed.clone()));
            if name.starts_with("TLS13") {
                let (_, with_keys) = told(&keys, &passed, 1000);
                assert_eq!(with_keys[1], Told::Established(STAMP), "{name}");
                assert_eq!(with_keys[2], Told::Data(true, b"question".to_vec(), STAMP), "{name}");
            }
            let (_, without) = told("", &passed, 1000);
            assert_eq!(without, [Told::Started(STAMP), Told::Established(STAMP)], "{name}");
        }
    }

    #[test]
    fn from_the_middle_nothing_is_told() {
        let record =
            |kind: u8, length: u8| [&[kind, 3, 3, 0, length][..], &vec![7; length.into()]].concat();
        let sealed = [record(23, 40), record(21, 26), record(23, 20)].concat();
        let (session, out) = told("", &[(true, sealed.clone()), (false, sealed)], 9);
        assert_eq!((out, session.unopened), (vec![], 0));
        let (_, out) = told("", &[(false, record(21, 2))], 9);
        assert_eq!(out, [Told::Alert(false, 7, STAMP)], "one in the clear is told");
    }
}
