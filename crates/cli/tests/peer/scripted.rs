//! A server that does what a script says, however wrong that is, over TCP or TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use super::raw::pause;

/// What the server does, one step after the other.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Say(Vec<u8>),
    Pause(u64),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order: `close_notify` where there is TLS, and FIN.
    #[default]
    Close,
    /// RST.
    Reset,
    /// Not at all, while the client stays.
    Stay,
    /// FIN without `close_notify`.
    Cut,
}

/// A server's script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// What is sent before the request is read.
    pub(crate) greeting: Vec<u8>,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

impl Script {
    /// Serves every connection to a free port like this, as long as the test's process lives.
    pub(crate) fn serve(self) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let at = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let script = self.clone();
                // What goes wrong between a broken server and its client is what is tested.
                std::thread::spawn(move || script.answer(stream).ok());
            }
        });
        at
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let socket = stream.try_clone()?;
        match &self.tls {
            None => self.play(&mut &stream, &socket),
            Some(config) => {
                let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(tls, stream);
                self.play(&mut stream, &socket)?;
                if self.end == End::Close {
                    stream.conn.send_close_notify();
                    stream.flush()?;
                    socket.shutdown(Shutdown::Write)?;
                }
                Ok(())
            }
        }
    }

    fn play(&self, stream: &mut (impl Read + Write), socket: &TcpStream) -> io::Result<()> {
        stream.write_all(&self.greeting)?;
        let mut request = [0; 16 * 1024];
        let _ = stream.read(&mut request)?;
        for step in &self.steps {
            match step {
                Step::Say(bytes) => stream.write_all(bytes)?,
                Step::Pause(millis) => pause(*millis),
            }
        }
        stream.flush()?;
        match self.end {
            End::Close if self.tls.is_some() => {}
            End::Close | End::Cut => {
                socket.shutdown(Shutdown::Write)?;
                while (&*socket).read(&mut request)? > 0 {}
            }
            End::Reset => {
                // What was written is read before the reset comes.
                pause(200);
                SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
            }
            End::Stay => while (&*socket).read(&mut request)? > 0 {},
        }
        Ok(())
    }
}

/// The configuration of TLS with the chain and the key in these files.
pub(crate) fn tls(chain: &str, key: &str, alpn: Option<&str>) -> Arc<ServerConfig> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(chain).expect("a chain").collect();
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.expect("certificates"), key)
        .expect("a chain and its key");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A name server that answers every question alike.
#[derive(Clone, Debug)]
pub(crate) enum NameServer {
    /// Not at all.
    Silent,
    /// With this response code, and the name as an alias of another, if there is one.
    Answers { code: u8, alias: Option<String> },
}

impl NameServer {
    /// Serves on a free port as long as the test's process lives.
    pub(crate) fn serve(self) -> SocketAddr {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
        let at = socket.local_addr().expect("an address");
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if let Self::Answers { code, alias } = &self {
                    let _ = socket.send_to(&reply(&query[..length], *code, alias.as_deref()), from);
                }
            }
        });
        at
    }
}

/// Header and question as they came, QR and RA set (RFC 1035 §4.1.1), and the alias if the question
/// is not for its target.
fn reply(query: &[u8], code: u8, alias: Option<&str>) -> Vec<u8> {
    let mut end = 12;
    while end < query.len() && query[end] != 0 {
        end += 1 + usize::from(query[end]);
    }
    let mut reply = query[..(end + 5).min(query.len())].to_vec();
    reply[2] |= 0x80;
    reply[3] = 0x80 | code;
    reply[6..12].fill(0);
    let Some(alias) = alias else { return reply };
    let mut target = Vec::new();
    for label in alias.split('.') {
        target.push(label.len() as u8);
        target.extend(label.as_bytes());
    }
    target.push(0);
    if query[12..].starts_with(&target) {
        return reply;
    }
    reply[7] = 1;
    // The name of the question, CNAME, IN, 300 s.
    reply.extend([0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, target.len() as u8]);
    reply.extend(target);
    reply
}
