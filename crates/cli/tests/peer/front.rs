//! TLS in front of a server that speaks in the clear.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Passes on what comes through TLS to `server`, and what that answers back, as long as the test's process
/// lives. Gives where it listens.
pub(crate) fn front(config: Arc<ServerConfig>, server: &str) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let at = listener.local_addr().expect("an address");
    let server = server.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().filter_map(Result::ok) {
            let (config, server) = (Arc::clone(&config), server.clone());
            // A client that goes, or does not trust us, is nothing to the next one.
            std::thread::spawn(move || pass(config, client, &server).ok());
        }
    });
    at
}

/// How long one side is listened to before it is the other's turn.
const TURN: Duration = Duration::from_millis(2);

fn pass(config: Arc<ServerConfig>, client: TcpStream, server: &str) -> io::Result<()> {
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(tls, client);
    // The handshake needs no turns.
    client.conn.complete_io(&mut client.sock)?;
    let mut upstream = TcpStream::connect(server)?;
    client.sock.set_read_timeout(Some(TURN))?;
    upstream.set_read_timeout(Some(TURN))?;
    let mut piece = [0; 16 * 1024];
    loop {
        match client.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => upstream.write_all(&piece[..length])?,
            Err(error) if is_turn_over(&error) => {}
            Err(error) => return Err(error),
        }
        match upstream.read(&mut piece) {
            Ok(0) => {
                client.conn.send_close_notify();
                return client.flush();
            }
            Ok(length) => {
                client.write_all(&piece[..length])?;
                client.flush()?;
            }
            Err(error) if is_turn_over(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_turn_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
