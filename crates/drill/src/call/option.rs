//! The system calls `getsockopt` and `setsockopt`.

use std::time::Duration;

use roundtrip_host::{FastOpenPolicy, Host, SocketId};
use roundtrip_record::{TcpState, Time};
use roundtrip_tcp as tcp;

use super::{Answer, Answered, Arguments, constant, number};
use crate::ast::Expr;
use crate::dialect::Dialect;
use crate::file::{Kind, State, Stream};
use crate::run::fault::Fault;
use crate::run::world::World;
use crate::symbols::Errno;

/// The range of `TCP_MAXSEG`: `TCP_MIN_MSS` to `MAX_TCP_WINDOW`.
const SEGMENTS: std::ops::RangeInclusive<i64> = 88..=32_767;
/// The segment size that an unconnected socket reports (`TCP_MSS_DEFAULT`).
const DEFAULT_MSS: i64 = 536;
/// The least values of `SO_SNDBUF` and `SO_RCVBUF`, bytes (`SOCK_MIN_SNDBUF`, `SOCK_MIN_RCVBUF`).
const MIN_SEND_BUFFER: i64 = 4608;
const MIN_RECEIVE_BUFFER: i64 = 2304;
/// The greatest buffer size, bytes: `net.core.wmem_max` and `rmem_max` in Linux.
const MAX_BUFFER: i64 = 4_194_304;

/// A socket option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    NoDelay,
    Cork,
    MaxSegment,
    KeepAlive,
    KeepIdle,
    KeepInterval,
    KeepCount,
    SynCount,
    Linger2,
    UserTimeout,
    Congestion,
    SendBuffer,
    ReceiveBuffer,
    Linger,
    Error,
    Info,
    ReceiveLowWater,
    ReceiveTimeout,
    SendTimeout,
    Type,
    Protocol,
    AcceptConnections,
    Domain,
    NotSentLowWater,
    DeferAccept,
    FastOpen,
    FastOpenConnect,
    FastOpenNoCookie,
    FastOpenKey,
    QuickAck,
    WindowClamp,
    Service,
    HopLimit,
    PathMtu,
    PathMtuDiscovery,
    /// An option that is stored and returned, and has no effect that a script could see.
    Kept,
    /// An option that is not supported.
    Unknown,
}

const NAMES: &[(&str, &str, Name)] = &[
    ("SOL_TCP", "TCP_NODELAY", Name::NoDelay),
    ("SOL_TCP", "TCP_CORK", Name::Cork),
    ("SOL_TCP", "TCP_MAXSEG", Name::MaxSegment),
    ("SOL_TCP", "TCP_KEEPIDLE", Name::KeepIdle),
    ("SOL_TCP", "TCP_KEEPINTVL", Name::KeepInterval),
    ("SOL_TCP", "TCP_KEEPCNT", Name::KeepCount),
    ("SOL_TCP", "TCP_SYNCNT", Name::SynCount),
    ("SOL_TCP", "TCP_LINGER2", Name::Linger2),
    ("SOL_TCP", "TCP_USER_TIMEOUT", Name::UserTimeout),
    ("SOL_TCP", "TCP_CONGESTION", Name::Congestion),
    ("SOL_TCP", "TCP_INFO", Name::Info),
    ("SOL_TCP", "TCP_NOTSENT_LOWAT", Name::NotSentLowWater),
    ("SOL_TCP", "TCP_DEFER_ACCEPT", Name::DeferAccept),
    ("SOL_TCP", "TCP_FASTOPEN", Name::FastOpen),
    ("SOL_TCP", "TCP_FASTOPEN_CONNECT", Name::FastOpenConnect),
    ("SOL_TCP", "TCP_FASTOPEN_NO_COOKIE", Name::FastOpenNoCookie),
    ("SOL_TCP", "TCP_FASTOPEN_KEY", Name::FastOpenKey),
    ("SOL_TCP", "TCP_QUICKACK", Name::QuickAck),
    ("SOL_TCP", "TCP_WINDOW_CLAMP", Name::WindowClamp),
    ("SOL_TCP", "TCP_THIN_DUPACK", Name::Kept),
    ("SOL_TCP", "TCP_INQ", Name::Kept),
    ("SOL_TCP", "TCP_SAVE_SYN", Name::Kept),
    ("SOL_SOCKET", "SO_KEEPALIVE", Name::KeepAlive),
    ("SOL_SOCKET", "SO_SNDBUF", Name::SendBuffer),
    ("SOL_SOCKET", "SO_SNDBUFFORCE", Name::SendBuffer),
    ("SOL_SOCKET", "SO_RCVBUF", Name::ReceiveBuffer),
    ("SOL_SOCKET", "SO_RCVBUFFORCE", Name::ReceiveBuffer),
    ("SOL_SOCKET", "SO_LINGER", Name::Linger),
    ("SOL_SOCKET", "SO_ERROR", Name::Error),
    ("SOL_SOCKET", "SO_RCVLOWAT", Name::ReceiveLowWater),
    ("SOL_SOCKET", "SO_RCVTIMEO", Name::ReceiveTimeout),
    ("SOL_SOCKET", "SO_SNDTIMEO", Name::SendTimeout),
    ("SOL_SOCKET", "SO_TYPE", Name::Type),
    ("SOL_SOCKET", "SO_PROTOCOL", Name::Protocol),
    ("SOL_SOCKET", "SO_ACCEPTCONN", Name::AcceptConnections),
    ("SOL_SOCKET", "SO_REUSEADDR", Name::Kept),
    ("SOL_SOCKET", "SO_REUSEPORT", Name::Kept),
    ("SOL_SOCKET", "SO_PRIORITY", Name::Kept),
    ("SOL_SOCKET", "SO_MARK", Name::Kept),
    ("SOL_SOCKET", "SO_BROADCAST", Name::Kept),
    ("SOL_SOCKET", "SO_OOBINLINE", Name::Kept),
    ("SOL_SOCKET", "SO_DONTROUTE", Name::Kept),
    ("SOL_SOCKET", "SO_DOMAIN", Name::Domain),
    ("SOL_SOCKET", "SO_ZEROCOPY", Name::Kept),
    ("SOL_SOCKET", "SO_BUSY_POLL", Name::Kept),
    ("SOL_SOCKET", "SO_INCOMING_CPU", Name::Kept),
    ("SOL_IP", "IP_TOS", Name::Service),
    ("SOL_IPV6", "IPV6_TCLASS", Name::Service),
    ("SOL_IP", "IP_TTL", Name::HopLimit),
    ("SOL_IPV6", "IPV6_UNICAST_HOPS", Name::HopLimit),
    ("SOL_IP", "IP_MTU", Name::PathMtu),
    ("SOL_IPV6", "IPV6_MTU", Name::PathMtu),
    ("SOL_IP", "IP_MTU_DISCOVER", Name::PathMtuDiscovery),
    ("SOL_IPV6", "IPV6_MTU_DISCOVER", Name::PathMtuDiscovery),
    ("SOL_IP", "IP_RECVERR", Name::Kept),
    ("SOL_IP", "IP_FREEBIND", Name::Kept),
    ("SOL_IP", "IP_BIND_ADDRESS_NO_PORT", Name::Kept),
    ("SOL_IPV6", "IPV6_RECVERR", Name::Kept),
    ("SOL_IPV6", "IPV6_V6ONLY", Name::Kept),
];

fn name(level: i64, option: i64) -> Name {
    let is = |(l, o, _): &&(&str, &str, Name)| constant(l) == level && constant(o) == option;
    NAMES.iter().find(is).map_or(Name::Unknown, |(.., name)| *name)
}

/// The value that an option is set to.
enum Given<'a> {
    Number(i64),
    Text(&'a [u8]),
    Linger { is_on: bool, seconds: i64 },
}

fn given(expression: &Expr) -> Result<Given<'_>, Fault> {
    match expression {
        Expr::List(all) if all.len() == 1 => number(&all[0]).map(Given::Number),
        Expr::Text(text) => Ok(Given::Text(text)),
        Expr::Group(_) => {
            let member = |name| expression.member(name).map_or(Ok(0), number);
            Ok(Given::Linger { is_on: member("onoff")? != 0, seconds: member("linger")? })
        }
        other => number(other).map(Given::Number),
    }
}

impl World {
    pub(super) fn setsockopt(&mut self, arguments: Arguments<'_>) -> Answered {
        let (fd, level, option) = (arguments.int(0)?, arguments.int(1)?, arguments.int(2)?);
        let given = given(arguments.get(3)?)?;
        let name = name(level, option);
        let now = self.net.now;
        let World { files, net, .. } = self;
        let stream = match files.get_mut(&fd).map(|file| &mut file.kind) {
            None => return Ok(Answer::Error(Errno::EBADF)),
            Some(Kind::Epoll(_)) => return Ok(Answer::Error(Errno::ENOTSOCK)),
            Some(Kind::Datagrams(_)) if name == Name::Kept => return Ok(Answer::Value(0)),
            Some(Kind::Datagrams(_)) => {
                return Err(Fault::unsupported("this option of a UDP socket"));
            }
            Some(Kind::Stream(stream)) => stream,
        };
        if name == Name::Unknown {
            return Err(unknown(arguments));
        }
        let was = stream.kept.insert((level, option), numeric(&given));
        let outcome = set(stream, name, &given, &mut net.host, now);
        if let Err(error) = outcome {
            match was {
                Some(was) => stream.kept.insert((level, option), was),
                None => stream.kept.remove(&(level, option)),
            };
            return match error {
                OptionError::Errno(errno) => Ok(Answer::Error(errno)),
                OptionError::Unsupported => Err(unknown(arguments)),
            };
        }
        Ok(Answer::Value(0))
    }

    pub(super) fn getsockopt(&mut self, arguments: Arguments<'_>) -> Answered {
        let (fd, level, option) = (arguments.int(0)?, arguments.int(1)?, arguments.int(2)?);
        let name = name(level, option);
        let World { files, net, .. } = self;
        let stream = match files.get_mut(&fd).map(|file| &mut file.kind) {
            None => return Ok(Answer::Error(Errno::EBADF)),
            Some(Kind::Epoll(_)) => return Ok(Answer::Error(Errno::ENOTSOCK)),
            Some(Kind::Datagrams(_)) => {
                return Err(Fault::unsupported("getsockopt on a UDP socket"));
            }
            Some(Kind::Stream(stream)) => stream,
        };
        if name == Name::Congestion {
            let actual = stream.options.profile.congestion.name();
            return compare_text(arguments, actual.as_bytes());
        }
        if name == Name::Domain {
            let is_v6 = self.settings.local.is_ipv6() || self.settings.is_mapped;
            let domain = constant(if is_v6 { "AF_INET6" } else { "AF_INET" });
            return compare(arguments, domain);
        }
        if name == Name::Info {
            return Ok(Answer::Value(0));
        }
        let Some(actual) = get(stream, name, (level, option), &net.host) else {
            return Err(unknown(arguments));
        };
        let is_buffer = matches!(name, Name::SendBuffer | Name::ReceiveBuffer);
        let is_freebsd = self.settings.dialect == Dialect::FreeBsd;
        let reported = if is_buffer && is_freebsd {
            freebsd_buffer(actual, stream, &net.host)
        } else {
            actual
        };
        compare(arguments, reported)
    }
}

/// The size of a buffer as FreeBSD reports it: the payload, of which Linux reports twice as much, in whole
/// segments once there is a connection (`tcp_mss`, `netinet/tcp_input.c`).
fn freebsd_buffer(actual: i64, stream: &Stream, host: &Host) -> i64 {
    let payload = actual / 2;
    let connection = stream.connection(host).map(|connection| (connection.state(), connection));
    match connection {
        Some((state, connection)) if is_synchronized(state) => {
            let segment = i64::from(connection.info().snd_mss).max(1);
            if payload > segment { (payload + segment - 1) / segment * segment } else { payload }
        }
        _ => payload,
    }
}

/// Whether both ends know each other's numbers (RFC 9293 §3.3.2).
fn is_synchronized(state: TcpState) -> bool {
    use TcpState::{Closed, Listen, SynReceived, SynSent};
    !matches!(state, Closed | Listen | SynReceived | SynSent)
}

/// Whether an option has the value that the script expects.
fn compare(arguments: Arguments<'_>, actual: i64) -> Answered {
    let expected = match arguments.get(3)? {
        Expr::Ellipsis => return Ok(Answer::Value(0)),
        Expr::Group(_) => {
            let member = |name| arguments.get(3)?.member(name).map_or(Ok(0), number);
            member("linger")?
        }
        _ => arguments.bracketed(3)?,
    };
    if actual as i32 == expected as i32 {
        Ok(Answer::Value(0))
    } else {
        let what = arguments.get(2)?;
        Err(Fault::mismatch(format!("{what}: expected {expected}, got {actual}")))
    }
}

fn unknown(arguments: Arguments<'_>) -> Fault {
    let option = arguments.get(2).map(ToString::to_string).unwrap_or_default();
    Fault::unsupported(format!("the option {option}"))
}

fn compare_text(arguments: Arguments<'_>, actual: &[u8]) -> Answered {
    match arguments.get(3)? {
        Expr::Text(expected) if expected.strip_suffix(b"\0").unwrap_or(expected) != actual => {
            let (expected, actual) = (expected.escape_ascii(), actual.escape_ascii());
            Err(Fault::mismatch(format!("expected \"{expected}\", got \"{actual}\"")))
        }
        _ => Ok(Answer::Value(0)),
    }
}

fn numeric(given: &Given<'_>) -> i64 {
    match given {
        Given::Number(number) => *number,
        Given::Linger { seconds, .. } => *seconds,
        Given::Text(_) => 0,
    }
}

/// Why an option could not be set.
enum OptionError {
    Errno(Errno),
    Unsupported,
}

impl From<Errno> for OptionError {
    fn from(errno: Errno) -> Self {
        OptionError::Errno(errno)
    }
}

#[allow(clippy::too_many_lines, reason = "an arm for each option, and nothing else")]
fn set(
    stream: &mut Stream,
    name: Name,
    given: &Given<'_>,
    host: &mut Host,
    now: Time,
) -> Result<(), OptionError> {
    let number = numeric(given);
    let is_on = number != 0;
    let in_range = |range: std::ops::RangeInclusive<i64>| {
        if range.contains(&number) { Ok(number) } else { Err(Errno::EINVAL) }
    };
    let seconds = |number: i64| Duration::from_secs(number.unsigned_abs());
    match name {
        Name::NoDelay => stream.options.nodelay = is_on,
        Name::Cork => stream.is_corked = is_on,
        Name::MaxSegment => {
            if number != 0 {
                in_range(SEGMENTS)?;
            }
            stream.options.max_segment = (number != 0).then_some(number as u16);
        }
        Name::KeepAlive => {
            let kept = stream.options.keepalive.unwrap_or(stream.options.profile.keepalive);
            let kept = with_kept_times(stream, kept);
            stream.options.keepalive = is_on.then_some(kept);
        }
        Name::KeepIdle | Name::KeepInterval => {
            in_range(1..=32_767)?;
            update_keepalive(stream);
        }
        Name::KeepCount => {
            in_range(1..=127)?;
            update_keepalive(stream);
        }
        Name::SynCount => {
            let retries = in_range(1..=127)? as u32;
            let mut profile = (*stream.options.profile).clone();
            profile.syn_retries = retries;
            stream.options.profile = profile.into();
        }
        Name::Linger2 => {
            let most = stream.options.profile.fin_timeout;
            stream.options.fin_timeout = match number {
                ..0 => Some(Duration::ZERO),
                0 => None,
                _ => Some(seconds(number).min(most)),
            };
        }
        Name::UserTimeout => {
            in_range(0..=i64::from(i32::MAX))?;
            let timeout = Duration::from_millis(number as u64);
            stream.options.user_timeout = (number > 0).then_some(timeout);
        }
        Name::Congestion => {
            let Given::Text(text) = given else { return Err(Errno::EINVAL.into()) };
            let mut profile = (*stream.options.profile).clone();
            profile.congestion = match text.strip_suffix(b"\0").unwrap_or(text) {
                b"reno" => tcp::Algorithm::Reno,
                b"cubic" => tcp::Algorithm::Cubic,
                b"bbr" => tcp::Algorithm::Bbr,
                b"dctcp" | b"vegas" | b"bbr2" => return Err(OptionError::Unsupported),
                _ => return Err(Errno::ENOENT.into()),
            };
            stream.options.profile = profile.into();
        }
        Name::SendBuffer => {
            // The size is doubled, for the overhead of segments (`SOCK_SNDBUF_LOCK`).
            let bytes = 2 * number.clamp(0, MAX_BUFFER);
            stream.options.send_buffer = Some(bytes.max(MIN_SEND_BUFFER) as usize);
        }
        Name::ReceiveBuffer => {
            let bytes = number.clamp(0, MAX_BUFFER);
            stream.options.receive_buffer = Some(bytes as usize);
        }
        Name::Linger => {
            let Given::Linger { is_on, seconds: s } = given else {
                return Err(Errno::EINVAL.into());
            };
            stream.linger = is_on.then(|| seconds(*s));
        }
        Name::ReceiveLowWater => stream.low_water = number.max(1) as usize,
        Name::ReceiveTimeout => stream.timeouts.receive = Some(seconds(number)),
        Name::SendTimeout => stream.timeouts.send = Some(seconds(number)),
        Name::NotSentLowWater => {
            // 0 means the sysctl's value (`tcp_notsent_lowat`).
            stream.options.notsent_low_water = (number != 0).then_some(number as u32);
        }
        Name::DeferAccept => stream.options.defer_accept = retransmissions_in(number),
        Name::FastOpen | Name::FastOpenConnect | Name::FastOpenNoCookie | Name::FastOpenKey => {
            set_fast_open(stream, name, given, host)?;
        }
        Name::QuickAck => {}
        Name::WindowClamp => {
            if number == 0 && !matches!(stream.state, State::Unconnected) {
                return Err(Errno::EINVAL.into());
            }
            let least = MIN_RECEIVE_BUFFER / 2;
            stream.options.window_clamp = (number != 0).then_some(number.max(least) as u32);
        }
        Name::Service => {
            in_range(-1..=255)?;
            // On a TCP socket the two ECN bits are TCP's own.
            stream.options.service = number.max(0) as u8 & !3;
        }
        Name::HopLimit => {
            if number != -1 {
                in_range(1..=255)?;
            }
            stream.options.hop_limit = u8::try_from(number).ok();
        }
        Name::PathMtuDiscovery => {
            stream.options.path_mtu = match in_range(0..=5)? {
                0 | 4 | 5 => tcp::PathMtuDiscovery::Allow,
                3 => tcp::PathMtuDiscovery::HeedAndAllow,
                _ => tcp::PathMtuDiscovery::Heed,
            };
        }
        Name::PathMtu
        | Name::Domain
        | Name::Error
        | Name::Info
        | Name::Type
        | Name::Protocol
        | Name::AcceptConnections => return Err(Errno::ENOPROTOOPT.into()),
        Name::Kept | Name::Unknown => {}
    }
    match stream.state {
        State::Open(socket) => {
            set_live(stream, name, number, host, socket, now);
            Ok(())
        }
        State::Listening(listener) => {
            host.set_listener_options(listener, stream.options.clone());
            Ok(())
        }
        State::Unconnected => Ok(()),
    }
}

/// Sets an option of Fast Open (`do_tcp_setsockopt`).
fn set_fast_open(
    stream: &mut Stream,
    name: Name,
    given: &Given<'_>,
    host: &Host,
) -> Result<(), Errno> {
    let number = numeric(given);
    let is_unconnected = stream.state == State::Unconnected;
    let may_listen = !matches!(stream.state, State::Open(_));
    let fast_open = &mut stream.options.fast_open;
    match name {
        Name::FastOpen if number >= 0 && may_listen => {
            fast_open.queue = u32::try_from(number).unwrap_or(u32::MAX);
        }
        Name::FastOpenConnect if !(0..=1).contains(&number) => return Err(Errno::EINVAL),
        Name::FastOpenConnect if !host.fast_open_policy().allows(FastOpenPolicy::CLIENT) => {
            return Err(Errno::EOPNOTSUPP);
        }
        Name::FastOpenConnect if is_unconnected => fast_open.is_wanted = number == 1,
        Name::FastOpenNoCookie if (0..=1).contains(&number) && may_listen => {
            fast_open.is_without_cookie = number == 1;
        }
        Name::FastOpenKey => {
            let Given::Text(bytes) = given else { return Err(Errno::EINVAL) };
            fast_open.keys = Some(tcp::FastOpenKeys::new(bytes).ok_or(Errno::EINVAL)?);
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// Applies an option to an existing connection.
fn set_live(
    stream: &Stream,
    name: Name,
    number: i64,
    host: &mut Host,
    socket: SocketId,
    now: Time,
) {
    let options = &stream.options;
    host.configure(socket, |connection| {
        match name {
            Name::NoDelay => connection.set_nodelay(now, options.nodelay),
            Name::Cork => connection.set_cork(now, stream.is_corked),
            Name::KeepAlive | Name::KeepIdle | Name::KeepInterval | Name::KeepCount => {
                connection.set_keepalive(now, options.keepalive);
            }
            Name::UserTimeout => connection.set_user_timeout(options.user_timeout),
            Name::SendBuffer => connection.set_send_buffer(options.send_buffer.unwrap_or(0)),
            Name::ReceiveBuffer => {
                connection.set_receive_buffer(options.receive_buffer.unwrap_or(0));
            }
            Name::Congestion => connection.set_congestion(now, options.profile.congestion),
            Name::SynCount => connection.set_syn_retries(options.profile.syn_retries),
            Name::Linger2 => connection.set_fin_timeout(options.fin_timeout),
            Name::NotSentLowWater => connection.set_notsent_low_water(options.notsent_low_water),
            Name::QuickAck => connection.set_quick_ack(number != 0),
            Name::WindowClamp => {
                connection.set_window_clamp(options.window_clamp.unwrap_or(u32::MAX));
            }
            // Options agreed on in the handshake do not change (`TCP_MAXSEG`).
            _ => {}
        }
    });
    if matches!(name, Name::Service | Name::HopLimit | Name::PathMtuDiscovery) {
        host.set_service(socket, options);
    }
}

/// The number of SYN-ACK retransmissions within this many seconds (`secs_to_retrans`).
fn retransmissions_in(seconds: i64) -> u8 {
    let (mut count, mut period, mut timeout) = (u8::from(seconds > 0), 1, 1);
    while seconds > period && count < u8::MAX {
        count += 1;
        timeout = (timeout * 2).min(120);
        period += timeout;
    }
    count
}

/// The seconds that this many SYN-ACK retransmissions take (`retrans_to_secs`).
fn seconds_of(retransmissions: u8) -> i64 {
    (0..retransmissions).map(|n| (1 << n.min(10)).min(120)).sum()
}

fn update_keepalive(stream: &mut Stream) {
    if let Some(kept) = stream.options.keepalive {
        stream.options.keepalive = Some(with_kept_times(stream, kept));
    }
}

/// The keep-alive times that were set, whether or not keep-alive is on.
fn with_kept_times(stream: &Stream, mut kept: tcp::KeepAlive) -> tcp::KeepAlive {
    let asked = |name: &str| stream.kept.get(&(constant("SOL_TCP"), constant(name))).copied();
    if let Some(seconds) = asked("TCP_KEEPIDLE") {
        kept.idle = Duration::from_secs(seconds.unsigned_abs());
    }
    if let Some(seconds) = asked("TCP_KEEPINTVL") {
        kept.interval = Duration::from_secs(seconds.unsigned_abs());
    }
    if let Some(count) = asked("TCP_KEEPCNT") {
        kept.probes = count as u8;
    }
    kept
}

fn get(stream: &mut Stream, name: Name, kept: (i64, i64), host: &Host) -> Option<i64> {
    let options = &stream.options;
    let profile = &options.profile;
    let keepalive = with_kept_times(stream, options.keepalive.unwrap_or(profile.keepalive));
    Some(match name {
        Name::NoDelay => i64::from(options.nodelay),
        Name::Cork => i64::from(stream.is_corked),
        Name::MaxSegment => match stream.connection(host) {
            Some(connection) if connection.state() != TcpState::Closed => {
                i64::from(connection.info().snd_mss)
            }
            _ => options.max_segment.map_or(DEFAULT_MSS, i64::from),
        },
        Name::KeepAlive => i64::from(options.keepalive.is_some()),
        Name::KeepIdle => keepalive.idle.as_secs() as i64,
        Name::KeepInterval => keepalive.interval.as_secs() as i64,
        Name::KeepCount => i64::from(keepalive.probes),
        Name::SynCount => i64::from(profile.syn_retries),
        Name::Linger2 => options.fin_timeout.unwrap_or(profile.fin_timeout).as_secs() as i64,
        Name::UserTimeout => options.user_timeout.map_or(0, |t| t.as_millis() as i64),
        Name::SendBuffer => match options.send_buffer {
            Some(bytes) => bytes as i64,
            None => i64::from(profile.send_memory[1]),
        },
        Name::ReceiveBuffer => match options.receive_buffer {
            Some(bytes) => (2 * bytes as i64).max(MIN_RECEIVE_BUFFER),
            None => i64::from(profile.receive_memory[1]),
        },
        Name::Linger => stream.linger.map_or(0, |linger| linger.as_secs() as i64),
        Name::Error => stream.take_error(host).map_or(0, |errno| i64::from(errno.0)),
        Name::ReceiveLowWater => stream.low_water as i64,
        Name::ReceiveTimeout => stream.timeouts.receive.map_or(0, |t| t.as_secs() as i64),
        Name::SendTimeout => stream.timeouts.send.map_or(0, |t| t.as_secs() as i64),
        Name::Type => constant("SOCK_STREAM"),
        Name::Protocol => constant("IPPROTO_TCP"),
        Name::AcceptConnections => i64::from(matches!(stream.state, State::Listening(_))),
        Name::NotSentLowWater => options.notsent_low_water.map_or(0, i64::from),
        Name::DeferAccept => seconds_of(options.defer_accept),
        Name::FastOpen => i64::from(options.fast_open.queue),
        Name::FastOpenConnect => i64::from(options.fast_open.is_wanted),
        Name::FastOpenNoCookie => i64::from(options.fast_open.is_without_cookie),
        Name::WindowClamp => match options.window_clamp {
            Some(bytes) => i64::from(bytes),
            None => return None,
        },
        Name::Service => i64::from(options.service),
        Name::HopLimit => options.hop_limit.map_or(64, i64::from),
        Name::PathMtu => i64::from(stream.connection(host)?.info().pmtu),
        Name::PathMtuDiscovery => stream.kept.get(&kept).copied().unwrap_or(1),
        Name::QuickAck => stream.kept.get(&kept).copied().unwrap_or(1),
        Name::Kept => stream.kept.get(&kept).copied().unwrap_or(0),
        Name::Domain | Name::Congestion | Name::Info | Name::FastOpenKey | Name::Unknown => {
            return None;
        }
    })
}
