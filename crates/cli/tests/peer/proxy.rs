//! An HTTP proxy for tests: it carries requests out at one server, whatever host they name, and makes
//! tunnels to ports of this machine.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// Where it listens; it lives as long as the test's process.
pub(crate) struct Proxy {
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
}

impl Proxy {
    /// One that leads to `server`, for those who know `credentials` (Basic, as they stand on the wire).
    pub(crate) fn start(server: &str, credentials: Option<&'static str>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let at = listener.local_addr().expect("an address").to_string();
        let server = server.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let server = server.clone();
                // A client that goes is nothing to a proxy.
                thread::spawn(move || serve(client, &server, credentials).ok());
            }
        });
        Self { at }
    }
}

/// One connection: request after request, or a tunnel.
fn serve(client: TcpStream, server: &str, credentials: Option<&str>) -> io::Result<()> {
    let mut input = BufReader::new(client.try_clone()?);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let line = head.remove(0);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let known = credentials.is_none_or(|credentials| {
            head.contains(&format!("Proxy-Authorization: Basic {credentials}"))
        });
        let length = head.iter().find_map(|field| field.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
        input.read_exact(&mut body)?;
        let mut output = &client;
        if !known {
            let body = "who asks?\n";
            write!(
                output,
                "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: {}\r\n\
                 Proxy-Authenticate: Basic realm=\"test\"\r\n\r\n{body}",
                body.len()
            )?;
        } else if method == "CONNECT" {
            return tunnel(client, target);
        } else {
            // The server closes, so that its answer has an end that needs no reading.
            let path = target.splitn(4, '/').nth(3).unwrap_or_default();
            let mut request = format!("{method} /{path} HTTP/1.1\r\nVia: 1.1 test\r\n");
            for field in head.iter().filter(|field| !field.starts_with("Proxy-")) {
                request.push_str(field);
                request.push_str("\r\n");
            }
            request.push_str("Connection: close\r\n\r\n");
            let mut upstream = TcpStream::connect(server)?;
            upstream.write_all(request.as_bytes())?;
            upstream.write_all(&body)?;
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer)?;
            // To the client the connection goes on: that close was not meant for it.
            let answer = String::from_utf8_lossy(&answer).replacen("Connection: close\r\n", "", 1);
            output.write_all(answer.as_bytes())?;
        }
    }
}

fn tunnel(client: TcpStream, target: &str) -> io::Result<()> {
    let port = target.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
    let mut output = &client;
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", port)) else {
        return output.write_all(b"HTTP/1.1 502 Nobody there\r\nContent-Length: 0\r\n\r\n");
    };
    output.write_all(b"HTTP/1.1 200 Tunnel\r\n\r\n")?;
    let (mut to, mut from) = (upstream.try_clone()?, client.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut to, mut from) = (client, upstream);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = up.join();
    Ok(())
}
