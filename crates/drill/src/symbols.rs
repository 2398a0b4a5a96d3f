//! The names of numbers in scripts, with their values in Linux (`include/uapi`, on x86-64 and
//! wherever the generic headers hold).

/// The error number of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl Errno {
    pub(crate) const EBADF: Errno = Errno(9);
    pub(crate) const EAGAIN: Errno = Errno(11);
    pub(crate) const EACCES: Errno = Errno(13);
    pub(crate) const EFAULT: Errno = Errno(14);
    pub(crate) const EEXIST: Errno = Errno(17);
    pub(crate) const EINVAL: Errno = Errno(22);
    pub(crate) const ENOTTY: Errno = Errno(25);
    pub(crate) const ENOENT: Errno = Errno(2);
    pub(crate) const EPIPE: Errno = Errno(32);
    pub(crate) const ENONET: Errno = Errno(64);
    pub(crate) const EPROTO: Errno = Errno(71);
    pub(crate) const ENOTSOCK: Errno = Errno(88);
    pub(crate) const EDESTADDRREQ: Errno = Errno(89);
    pub(crate) const EMSGSIZE: Errno = Errno(90);
    pub(crate) const ENOPROTOOPT: Errno = Errno(92);
    pub(crate) const EPROTONOSUPPORT: Errno = Errno(93);
    pub(crate) const EOPNOTSUPP: Errno = Errno(95);
    pub(crate) const EAFNOSUPPORT: Errno = Errno(97);
    pub(crate) const EADDRINUSE: Errno = Errno(98);
    pub(crate) const EADDRNOTAVAIL: Errno = Errno(99);
    pub(crate) const ENETUNREACH: Errno = Errno(101);
    pub(crate) const ECONNABORTED: Errno = Errno(103);
    pub(crate) const ECONNRESET: Errno = Errno(104);
    pub(crate) const ENOBUFS: Errno = Errno(105);
    pub(crate) const EISCONN: Errno = Errno(106);
    pub(crate) const ENOTCONN: Errno = Errno(107);
    pub(crate) const ETIMEDOUT: Errno = Errno(110);
    pub(crate) const ECONNREFUSED: Errno = Errno(111);
    pub(crate) const EHOSTDOWN: Errno = Errno(112);
    pub(crate) const EHOSTUNREACH: Errno = Errno(113);
    pub(crate) const EALREADY: Errno = Errno(114);
    pub(crate) const EINPROGRESS: Errno = Errno(115);

    /// The name of the error, such as `EAGAIN`, or the number if it has none.
    pub(crate) fn name(self) -> String {
        let named = ERRNOS.iter().find(|(_, value)| *value == i64::from(self.0));
        named.map_or_else(|| self.0.to_string(), |(name, _)| (*name).to_owned())
    }
}

/// The value of a name in a system call.
pub(crate) fn value(name: &str) -> Option<i64> {
    let find = |table: &[(&str, i64)]| {
        let place = table.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
        Some(table[place].1)
    };
    find(&CONSTANTS).or_else(|| find(&ERRNOS))
}

/// The values of names in code, besides the fields of `tcp_info`. States that begin with `TCPI_` are
/// FreeBSD's names for the same ones.
pub(crate) const CODE: [(&str, i64); 35] = [
    ("TCPI_CLOSED", 7),
    ("TCPI_CLOSE_WAIT", 8),
    ("TCPI_CLOSING", 11),
    ("TCPI_ESTABLISHED", 1),
    ("TCPI_FIN_WAIT_1", 4),
    ("TCPI_FIN_WAIT_2", 5),
    ("TCPI_LAST_ACK", 9),
    ("TCPI_LISTEN", 10),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_SYN_DATA", 32),
    ("TCPI_OPT_TFO_CHILD", 128),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_USEC_TS", 64),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_SYN_RECEIVED", 3),
    ("TCPI_SYN_SENT", 2),
    ("TCPI_TIME_WAIT", 6),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_Loss", 4),
    ("TCP_CA_Open", 0),
    ("TCP_CA_Recovery", 3),
    ("TCP_CLOSE", 7),
    ("TCP_CLOSE_WAIT", 8),
    ("TCP_CLOSING", 11),
    ("TCP_ESTABLISHED", 1),
    ("TCP_FIN_WAIT1", 4),
    ("TCP_FIN_WAIT2", 5),
    ("TCP_LAST_ACK", 9),
    ("TCP_LISTEN", 10),
    ("TCP_SYN_RECV", 3),
    ("TCP_SYN_SENT", 2),
    ("TCP_TIME_WAIT", 6),
];

/// The constants, sorted by name.
#[rustfmt::skip]
const CONSTANTS: [(&str, i64); 201] = [
    ("AF_INET", 2), ("AF_INET6", 10), ("AF_UNSPEC", 0), ("CMSG_LEVEL_IP", 0),
    ("CMSG_TYPE_RECVERR", 11), ("EPOLLERR", 8), ("EPOLLET", 2_147_483_648),
    ("EPOLLEXCLUSIVE", 268_435_456), ("EPOLLHUP", 16), ("EPOLLIN", 1), ("EPOLLMSG", 1024),
    ("EPOLLONESHOT", 1_073_741_824), ("EPOLLOUT", 4), ("EPOLLPRI", 2), ("EPOLLRDBAND", 128),
    ("EPOLLRDHUP", 8192), ("EPOLLRDNORM", 64), ("EPOLLWRBAND", 512), ("EPOLLWRNORM", 256),
    ("EPOLL_CLOEXEC", 524_288), ("EPOLL_CTL_ADD", 1), ("EPOLL_CTL_DEL", 2), ("EPOLL_CTL_MOD", 3),
    ("FD_CLOEXEC", 1), ("FIONBIO", 21_537), ("FIONREAD", 21_531), ("F_DUPFD", 0), ("F_GETFD", 1),
    ("F_GETFL", 3), ("F_SETFD", 2), ("F_SETFL", 4), ("INADDR_ANY", 0), ("IPPROTO_ICMP", 1),
    ("IPPROTO_ICMPV6", 58), ("IPPROTO_IP", 0), ("IPPROTO_IPV6", 41), ("IPPROTO_MPTCP", 262),
    ("IPPROTO_RAW", 255), ("IPPROTO_TCP", 6), ("IPPROTO_UDP", 17), ("IPV6_HOPLIMIT", 52),
    ("IPV6_MTU", 24), ("IPV6_MTU_DISCOVER", 23), ("IPV6_PMTUDISC_DO", 2), ("IPV6_PMTUDISC_DONT", 0),
    ("IPV6_PMTUDISC_INTERFACE", 4), ("IPV6_PMTUDISC_OMIT", 5), ("IPV6_PMTUDISC_PROBE", 3),
    ("IPV6_PMTUDISC_WANT", 1), ("IPV6_RECVERR", 25), ("IPV6_TCLASS", 67), ("IPV6_UNICAST_HOPS", 16),
    ("IPV6_V6ONLY", 26), ("IP_BIND_ADDRESS_NO_PORT", 24), ("IP_FREEBIND", 15), ("IP_MINTTL", 21),
    ("IP_MTU", 14), ("IP_MTU_DISCOVER", 10), ("IP_OPTIONS", 4), ("IP_PMTUDISC_DO", 2),
    ("IP_PMTUDISC_DONT", 0), ("IP_PMTUDISC_INTERFACE", 4), ("IP_PMTUDISC_OMIT", 5),
    ("IP_PMTUDISC_PROBE", 3), ("IP_PMTUDISC_WANT", 1), ("IP_RECVERR", 11),
    ("IP_TOS", 1), ("IP_TRANSPARENT", 19), ("IP_TTL", 2), ("MSG_CMSG_CLOEXEC", 1_073_741_824),
    ("MSG_CONFIRM", 2048), ("MSG_CTRUNC", 8), ("MSG_DONTROUTE", 4), ("MSG_DONTWAIT", 64),
    ("MSG_EOR", 128), ("MSG_ERRQUEUE", 8192), ("MSG_FASTOPEN", 536_870_912), ("MSG_FIN", 512),
    ("MSG_MORE", 32_768), ("MSG_NOSIGNAL", 16_384), ("MSG_OOB", 1), ("MSG_PEEK", 2),
    ("MSG_RST", 4096), ("MSG_SYN", 1024), ("MSG_TRUNC", 32), ("MSG_WAITALL", 256),
    ("MSG_ZEROCOPY", 67_108_864), ("O_ACCMODE", 3), ("O_APPEND", 1024), ("O_CREAT", 64),
    ("O_NONBLOCK", 2048), ("O_RDONLY", 0), ("O_RDWR", 2), ("O_TRUNC", 512), ("O_WRONLY", 1),
    ("POLLERR", 8), ("POLLHUP", 16), ("POLLIN", 1), ("POLLMSG", 1024), ("POLLNVAL", 32),
    ("POLLOUT", 4), ("POLLPRI", 2), ("POLLRDBAND", 128), ("POLLRDHUP", 8192), ("POLLRDNORM", 64),
    ("POLLREMOVE", 4096), ("POLLWRBAND", 512), ("POLLWRNORM", 256), ("SHUT_RD", 0),
    ("SHUT_RDWR", 2), ("SHUT_WR", 1), ("SIOCATMARK", 35_077), ("SIOCINQ", 21_531),
    ("SIOCOUTQ", 21_521), ("SIOCOUTQNSD", 35_147), ("SOCK_CLOEXEC", 524_288), ("SOCK_DGRAM", 2),
    ("SOCK_NONBLOCK", 2048), ("SOCK_RAW", 3), ("SOCK_STREAM", 1), ("SOL_IP", 0), ("SOL_IPV6", 41),
    ("SOL_SOCKET", 1), ("SOL_TCP", 6), ("SOL_UDP", 17), ("SO_ACCEPTCONN", 30),
    ("SO_ATTACH_FILTER", 26), ("SO_BINDTODEVICE", 25), ("SO_BROADCAST", 6), ("SO_BSDCOMPAT", 14),
    ("SO_BUSY_POLL", 46), ("SO_DEBUG", 1), ("SO_DOMAIN", 39), ("SO_DONTROUTE", 5),
    ("SO_EE_CODE_ZEROCOPY_COPIED", 1), ("SO_EE_ORIGIN_ZEROCOPY", 5), ("SO_ERROR", 4),
    ("SO_INCOMING_CPU", 49), ("SO_KEEPALIVE", 9), ("SO_LINGER", 13), ("SO_MARK", 36),
    ("SO_MAX_PACING_RATE", 47), ("SO_NO_CHECK", 11), ("SO_OOBINLINE", 10), ("SO_PRIORITY", 12),
    ("SO_PROTOCOL", 38), ("SO_RCVBUF", 8), ("SO_RCVBUFFORCE", 33), ("SO_RCVLOWAT", 18),
    ("SO_RCVTIMEO", 20), ("SO_REUSEADDR", 2), ("SO_REUSEPORT", 15), ("SO_SNDBUF", 7),
    ("SO_SNDBUFFORCE", 32), ("SO_SNDLOWAT", 19), ("SO_SNDTIMEO", 21), ("SO_TIMESTAMP", 29),
    ("SO_TIMESTAMPING", 37), ("SO_TXTIME", 61), ("SO_TYPE", 3), ("SO_ZEROCOPY", 60),
    ("TCP_CA_CWR", 2), ("TCP_CA_DISORDER", 1), ("TCP_CA_LOSS", 4), ("TCP_CA_OPEN", 0),
    ("TCP_CA_RECOVERY", 3), ("TCP_CC_INFO", 26), ("TCP_CM_INQ", 36), ("TCP_CONGESTION", 13),
    ("TCP_CORK", 3), ("TCP_DEFER_ACCEPT", 9), ("TCP_DELACK_MAX_US", 46), ("TCP_FASTOPEN", 23),
    ("TCP_FASTOPEN_CONNECT", 30), ("TCP_FASTOPEN_KEY", 33), ("TCP_FASTOPEN_NO_COOKIE", 34),
    ("TCP_INFINITE_SSTHRESH", 2_147_483_647), ("TCP_INFO", 11), ("TCP_INQ", 36), ("TCP_KEEPCNT", 6),
    ("TCP_KEEPIDLE", 4), ("TCP_KEEPINTVL", 5), ("TCP_LINGER2", 8), ("TCP_MAXSEG", 2),
    ("TCP_MD5SIG", 14), ("TCP_NODELAY", 1), ("TCP_NOTSENT_LOWAT", 25), ("TCP_QUICKACK", 12),
    ("TCP_RTO_MAX_MS", 44), ("TCP_RTO_MIN_US", 45), ("TCP_SAVED_SYN", 28), ("TCP_SAVE_SYN", 27),
    ("TCP_SYNCNT", 7), ("TCP_THIN_DUPACK", 17), ("TCP_THIN_LINEAR_TIMEOUTS", 16),
    ("TCP_TIMESTAMP", 24), ("TCP_TX_DELAY", 37), ("TCP_ULP", 31), ("TCP_USER_TIMEOUT", 18),
    ("TCP_WINDOW_CLAMP", 10), ("TCP_ZEROCOPY_RECEIVE", 35),
];

/// The error numbers, sorted by name.
#[rustfmt::skip]
const ERRNOS: [(&str, i64); 133] = [
    ("E2BIG", 7), ("EACCES", 13), ("EADDRINUSE", 98), ("EADDRNOTAVAIL", 99), ("EADV", 68),
    ("EAFNOSUPPORT", 97), ("EAGAIN", 11), ("EALREADY", 114), ("EBADE", 52), ("EBADF", 9),
    ("EBADFD", 77), ("EBADMSG", 74), ("EBADR", 53), ("EBADRQC", 56), ("EBADSLT", 57),
    ("EBFONT", 59), ("EBUSY", 16), ("ECANCELED", 125), ("ECHILD", 10), ("ECHRNG", 44),
    ("ECOMM", 70), ("ECONNABORTED", 103), ("ECONNREFUSED", 111), ("ECONNRESET", 104),
    ("EDEADLK", 35), ("EDEADLOCK", 35), ("EDESTADDRREQ", 89), ("EDOM", 33), ("EDOTDOT", 73),
    ("EDQUOT", 122), ("EEXIST", 17), ("EFAULT", 14), ("EFBIG", 27), ("EHOSTDOWN", 112),
    ("EHOSTUNREACH", 113), ("EIDRM", 43), ("EILSEQ", 84), ("EINPROGRESS", 115), ("EINTR", 4),
    ("EINVAL", 22), ("EIO", 5), ("EISCONN", 106), ("EISDIR", 21), ("EISNAM", 120),
    ("EKEYEXPIRED", 127), ("EKEYREJECTED", 129), ("EKEYREVOKED", 128), ("EL2HLT", 51),
    ("EL2NSYNC", 45), ("EL3HLT", 46), ("EL3RST", 47), ("ELIBACC", 79), ("ELIBBAD", 80),
    ("ELIBEXEC", 83), ("ELIBMAX", 82), ("ELIBSCN", 81), ("ELNRNG", 48), ("ELOOP", 40),
    ("EMEDIUMTYPE", 124), ("EMFILE", 24), ("EMLINK", 31), ("EMSGSIZE", 90), ("EMULTIHOP", 72),
    ("ENAMETOOLONG", 36), ("ENAVAIL", 119), ("ENETDOWN", 100), ("ENETRESET", 102),
    ("ENETUNREACH", 101), ("ENFILE", 23), ("ENOANO", 55), ("ENOBUFS", 105), ("ENOCSI", 50),
    ("ENODATA", 61), ("ENODEV", 19), ("ENOENT", 2), ("ENOEXEC", 8), ("ENOKEY", 126), ("ENOLCK", 37),
    ("ENOLINK", 67), ("ENOMEDIUM", 123), ("ENOMEM", 12), ("ENOMSG", 42), ("ENONET", 64),
    ("ENOPKG", 65), ("ENOPROTOOPT", 92), ("ENOSPC", 28), ("ENOSR", 63), ("ENOSTR", 60),
    ("ENOSYS", 38), ("ENOTBLK", 15), ("ENOTCONN", 107), ("ENOTDIR", 20), ("ENOTEMPTY", 39),
    ("ENOTNAM", 118), ("ENOTRECOVERABLE", 131), ("ENOTSOCK", 88), ("ENOTSUP", 95), ("ENOTTY", 25),
    ("ENOTUNIQ", 76), ("ENXIO", 6), ("EOPNOTSUPP", 95), ("EOVERFLOW", 75), ("EOWNERDEAD", 130),
    ("EPERM", 1), ("EPFNOSUPPORT", 96), ("EPIPE", 32), ("EPROTO", 71), ("EPROTONOSUPPORT", 93),
    ("EPROTOTYPE", 91), ("ERANGE", 34), ("EREMCHG", 78), ("EREMOTE", 66), ("EREMOTEIO", 121),
    ("ERESTART", 85), ("ERFKILL", 132), ("EROFS", 30), ("ESHUTDOWN", 108), ("ESOCKTNOSUPPORT", 94),
    ("ESPIPE", 29), ("ESRCH", 3), ("ESRMNT", 69), ("ESTALE", 116), ("ESTRPIPE", 86), ("ETIME", 62),
    ("ETIMEDOUT", 110), ("ETOOMANYREFS", 109), ("ETXTBSY", 26), ("EUCLEAN", 117), ("EUNATCH", 49),
    ("EUSERS", 87), ("EWOULDBLOCK", 11), ("EXDEV", 18), ("EXFULL", 54),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(CONSTANTS.is_sorted() && ERRNOS.is_sorted());
        assert_eq!(value("SOL_TCP"), Some(6));
        assert_eq!(value("EINPROGRESS"), Some(115));
        assert_eq!(value("EPOLLET"), Some(1 << 31));
        assert_eq!(value("NOTHING"), None);
        assert_eq!(Errno::ETIMEDOUT.name(), "ETIMEDOUT");
        assert_eq!(Errno(11).name(), "EAGAIN");
    }
}
