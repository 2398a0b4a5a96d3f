//! TCP Fast Open (RFC 7413): data that travels with the SYN, and the cookies that allow it.

use std::net::IpAddr;

use roundtrip_packet::options::FastOpenCookie;

use crate::Endpoints;
use crate::sip_hash::sip_hash;

/// What an application wants of Fast Open, and what its host has found out for the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastOpen {
    /// A client's: the first data is to travel with the SYN (`TCP_FASTOPEN_CONNECT`,
    /// `MSG_FASTOPEN`).
    pub is_wanted: bool,
    /// Data travels without a cookie, and is taken without one (`TCP_FASTOPEN_NO_COOKIE`).
    pub is_without_cookie: bool,
    /// A listener's: how many connections may be in use before their handshakes are complete
    /// (`TCP_FASTOPEN`); with 0 no data of a SYN is taken.
    pub queue: u32,
    /// A listener's own keys (`TCP_FASTOPEN_KEY`); `None` takes the host's.
    pub keys: Option<FastOpenKeys>,
    /// The cookie, or the request for one, that the first SYN or SYN-ACK carries. The host fills it
    /// in.
    pub cookie: Option<FastOpenCookie>,
    /// The bytes of data for which the SYN has room. If there are any, the SYN waits for the first
    /// write. The host fills it in.
    pub room: u16,
}

/// The options of a SYN for which room is left in any case, bytes (`MAX_TCP_OPTION_SPACE`).
const OPTION_SPACE: u16 = 40;

impl FastOpen {
    /// The bytes of data that a SYN carries to a peer that takes segments of `mss` bytes
    /// (`tcp_send_syn_data`): boxes on the way may add options.
    pub const fn room_of(mss: u16) -> u16 {
        mss.saturating_sub(OPTION_SPACE)
    }
}

/// What a client's SYN has to do with Fast Open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentSyn {
    /// The cookie, or the request for one, that the first SYN carries.
    pub cookie: Option<FastOpenCookie>,
    /// Whether the first SYN carries data.
    pub has_data: bool,
    /// Whether the SYN was sent again, without either.
    pub is_repeated: bool,
}

/// The keys of a server's cookies (`net.ipv4.tcp_fastopen_key`): the one with which it gives them,
/// and another one whose cookies it still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenKeys {
    primary: [u64; 2],
    backup: Option<[u64; 2]>,
}

/// What a cookie that a client brings is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieWorth {
    /// It was given with the key that is in use.
    Good,
    /// It was given with the other key: it is good, and the client gets this one for the next time.
    Outdated(FastOpenCookie),
    /// It was never given to this client.
    Bad,
}

impl FastOpenKeys {
    /// One key of 16 bytes, or two of them, of which cookies are given with the first; `None` for
    /// any other length.
    pub fn new(bytes: &[u8]) -> Option<FastOpenKeys> {
        match bytes.as_chunks::<8>() {
            ([low, high], []) => Some(FastOpenKeys::of(*low, *high)),
            ([low, high, backup @ ..], []) => {
                let [backup_low, backup_high] = *backup else { return None };
                let backup = FastOpenKeys::of(backup_low, backup_high).primary;
                Some(FastOpenKeys { backup: Some(backup), ..FastOpenKeys::of(*low, *high) })
            }
            _ => None,
        }
    }

    /// One key, in two halves.
    pub const fn of(low: [u8; 8], high: [u8; 8]) -> FastOpenKeys {
        FastOpenKeys { primary: [u64::from_le_bytes(low), u64::from_le_bytes(high)], backup: None }
    }

    /// The cookie for the client at `ends.remote` that connects to `ends.local`
    /// (`tcp_fastopen_cookie_gen`): it holds for its address, whatever the ports.
    pub fn cookie(&self, ends: Endpoints) -> FastOpenCookie {
        cookie_of(self.primary, ends)
    }

    /// What the cookie that a client brings is worth.
    pub fn check(&self, cookie: &FastOpenCookie, ends: Endpoints) -> CookieWorth {
        let is = |key| cookie_of(key, ends).as_bytes() == cookie.as_bytes();
        if is(self.primary) {
            CookieWorth::Good
        } else if self.backup.is_some_and(is) {
            CookieWorth::Outdated(self.cookie(ends))
        } else {
            CookieWorth::Bad
        }
    }
}

fn cookie_of(key: [u64; 2], Endpoints { local, remote }: Endpoints) -> FastOpenCookie {
    let hash = match (remote.ip(), local.ip()) {
        (IpAddr::V4(client), IpAddr::V4(server)) => {
            let pair = u64::from(client.to_bits()) << 32 | u64::from(server.to_bits());
            sip_hash(key, &[pair.swap_bytes()])
        }
        (client, server) => {
            let words = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => halves(ip.to_ipv6_mapped().to_bits()),
                IpAddr::V6(ip) => halves(ip.to_bits()),
            };
            sip_hash(key, &[words(client), words(server)].concat())
        }
    };
    FastOpenCookie::new(&hash.to_le_bytes()).unwrap_or_default()
}

/// The two halves of an address, as little-endian words of its bytes in network order.
fn halves(address: u128) -> [u64; 2] {
    [((address >> 64) as u64).swap_bytes(), (address as u64).swap_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(client: &str, server: &str) -> Endpoints {
        let at = |ip: &str, port| (ip.parse::<IpAddr>().expect("an address"), port).into();
        Endpoints { local: at(server, 80), remote: at(client, 40_000) }
    }

    /// The key that the scripts of packetdrill use, `a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4`.
    fn key() -> Vec<u8> {
        [[0xa1; 4], [0xb2; 4], [0xc3; 4], [0xd4; 4]].concat()
    }

    /// The cookies that Linux gives to these clients (packetdrill's `TFO_COOKIE` and
    /// `TFO_COOKIE_ZERO`).
    #[test]
    fn cookies_are_those_of_linux() {
        let at = ends("192.0.2.1", "192.168.0.1");
        let keys = FastOpenKeys::new(&key()).unwrap();
        let given = [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb];
        assert_eq!(keys.cookie(at).as_bytes(), given);
        let zero = FastOpenKeys::new(&[0; 16]).unwrap();
        let given = [0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5];
        assert_eq!(zero.cookie(at).as_bytes(), given);
    }

    #[test]
    fn a_cookie_holds_for_one_address_and_while_its_key_is_kept() {
        let (at, elsewhere) = (ends("fd00::1", "fd00::2"), ends("fd00::3", "fd00::2"));
        let old = FastOpenKeys::new(&key()).unwrap();
        let cookie = old.cookie(at);
        assert_eq!(old.check(&cookie, at), CookieWorth::Good);
        assert_eq!(old.check(&cookie, elsewhere), CookieWorth::Bad);
        let both = FastOpenKeys::new(&[vec![9; 16], key()].concat()).unwrap();
        assert_eq!(both.check(&cookie, at), CookieWorth::Outdated(both.cookie(at)));
        assert_eq!(FastOpenKeys::new(&[9; 16]).unwrap().check(&cookie, at), CookieWorth::Bad);
        for length in [0, 3, 15, 17, 48] {
            assert_eq!(FastOpenKeys::new(&vec![0; length]), None);
        }
    }
}
