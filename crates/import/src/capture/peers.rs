//! Real ends of TLS, for the tests of what is read of their conversations.

use std::sync::{Arc, Mutex};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, KeyLog, RootCertStore, ServerConfig, SupportedCipherSuite};

/// The name that clients ask for.
pub(crate) const NAME: &str = "h.example";

/// Lines of an NSS key log.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<String>);

impl Log {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl KeyLog for Log {
    fn log(&self, label: &str, random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let line = format!("{label} {} {}\n", hex(random), hex(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}

/// A client and a server of this cipher suite and these protocols, and the client's key log.
pub(crate) fn peers(
    suite: SupportedCipherSuite,
    offered: &[&str],
    spoken: &[&str],
) -> (Arc<ClientConfig>, Arc<ServerConfig>, Arc<Log>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(vec![NAME.into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = CryptoProvider { cipher_suites: vec![suite], ..ring::default_provider() };
    let provider = Arc::new(provider);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let log = Arc::new(Log::default());
    let protocols = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let client = client.with_safe_default_protocol_versions().unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.key_log = Arc::<Log>::clone(&log);
    client.alpn_protocols = protocols(offered);
    let server = ServerConfig::builder_with_provider(provider);
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut server = server.with_single_cert(vec![certificate.der().clone()], secret).unwrap();
    server.alpn_protocols = protocols(spoken);
    (Arc::new(client), Arc::new(server), log)
}
