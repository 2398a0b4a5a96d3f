//! A SOCKS proxy that leads every connection to one server, and takes down where it should have led.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What it answers in place of success (RFC 1928 §6), and whom it wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    /// The code of its refusal.
    pub(crate) refuses: Option<u8>,
    /// It wants a name and a password, and takes these.
    pub(crate) login: Option<(String, String)>,
}

/// A proxy on loopback, as long as the test's process lives.
pub(crate) struct Socks {
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    pub(crate) fn start(server: &str, manners: &Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let at = listener.local_addr().expect("an address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (own, server, manners) = (Arc::clone(&asked), server.to_owned(), manners.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (own, server, manners) = (Arc::clone(&own), server.clone(), manners.clone());
                // What goes wrong between a proxy and its client is what is tested.
                std::thread::spawn(move || lead(stream, &server, &manners, &own).ok());
            }
        });
        Self { at, asked }
    }

    /// Versions, hosts and ports so far: `5 a.test:80`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn lead(
    mut client: TcpStream,
    server: &str,
    manners: &Manners,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let version = hear::<1>(&mut client)?[0];
    let note = |text: String| {
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{version} {text}"));
    };
    if version == 4 {
        let [_, high, low, address @ ..] = hear::<7>(&mut client)?;
        let user = text(&mut client)?;
        let host = match address {
            [0, 0, 0, last] if last > 0 => text(&mut client)?,
            address => Ipv4Addr::from(address).to_string(),
        };
        note(format!("{user}@{host}:{}", u16::from_be_bytes([high, low])));
        client.write_all(&[0, manners.refuses.unwrap_or(90), 0, 0, 0, 0, 0, 0])?;
    } else {
        let methods = usize::from(hear::<1>(&mut client)?[0]);
        let mut offered = vec![0; methods];
        client.read_exact(&mut offered)?;
        let wanted = if manners.login.is_some() { 2 } else { 0 };
        if !offered.contains(&wanted) {
            return client.write_all(&[5, 0xff]);
        }
        client.write_all(&[5, wanted])?;
        if let Some((user, password)) = &manners.login {
            hear::<1>(&mut client)?;
            let told = (counted(&mut client)?, counted(&mut client)?);
            let known = told == (user.clone(), password.clone());
            client.write_all(&[1, u8::from(!known)])?;
            if !known {
                return Ok(());
            }
        }
        let [_, _, _, kind] = hear::<4>(&mut client)?;
        let host = match kind {
            1 => Ipv4Addr::from(hear::<4>(&mut client)?).to_string(),
            4 => Ipv6Addr::from(hear::<16>(&mut client)?).to_string(),
            _ => counted(&mut client)?,
        };
        note(format!("{host}:{}", u16::from_be_bytes(hear::<2>(&mut client)?)));
        // The bound address is a name, which clients have to read past.
        client.write_all(&[5, manners.refuses.unwrap_or(0), 0, 3, 3, b'a', b'b', b'c', 0, 80])?;
    }
    if manners.refuses.is_some() {
        return Ok(());
    }
    let upstream = TcpStream::connect(server)?;
    let (mut to, mut from) = (upstream.try_clone()?, client.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut to, mut from) = (client, upstream);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn hear<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

/// A text that ends with a NUL.
fn text(stream: &mut TcpStream) -> io::Result<String> {
    let mut all = String::new();
    loop {
        match hear::<1>(stream)?[0] {
            0 => return Ok(all),
            byte => all.push(char::from(byte)),
        }
    }
}

/// A text with its length before it.
fn counted(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(hear::<1>(stream)?[0])];
    stream.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
