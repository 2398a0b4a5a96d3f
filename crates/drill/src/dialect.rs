//! The FreeBSD dialect of scripts: its sysctls, as far as we have an equivalent.

use std::time::Duration;

use roundtrip_host::FastOpenPolicy;
use roundtrip_tcp::{EcnMode, Profile};

/// The system that a script was written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Linux: the order of TCP options is part of what is expected.
    #[default]
    Linux,
    /// FreeBSD: it orders and pads TCP options differently, and its windows are as large as its
    /// buffers. Neither matters to the peer, so neither is compared, except whether a window is
    /// closed.
    FreeBsd,
}

/// The effect of a FreeBSD sysctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SysctlEffect {
    /// The profile is set accordingly, or the behaviour is that way anyway.
    Applied,
    /// The behaviour is not supported.
    Unsupported,
    /// The sysctl is not FreeBSD's.
    NotFreeBsd,
}

/// Sysctls that ask for what is so anyway (tcp(4) of FreeBSD), or whose effect a single connection
/// does not show.
const HARMLESS: [(&str, &str); 23] = [
    ("blackhole", "0"),
    // A segment with SYN and FIN opens nothing here either.
    ("drop_synfin", "1"),
    ("hostcache.enable", "0"),
    ("hostcache.purgenow", "1"),
    ("icmp_may_rst", "1"),
    ("keepinit", "75000"),
    ("mssdflt", "536"),
    ("v6mssdflt", "1220"),
    ("nolocaltimewait", "0"),
    ("path_mtu_discovery", "1"),
    ("pmtud_blackhole_detection", "0"),
    ("rexmit_drop_options", "0"),
    ("syncookies", "1"),
    ("syncookies_only", "0"),
    ("tolerate_missing_ts", "0"),
    ("udp_tunneling_overhead", "8"),
    ("udp_tunneling_port", "0"),
    ("delayed_ack", "1"),
    ("rfc3042", "1"),
    ("rfc3390", "1"),
    ("always_keepalive", "0"),
    ("fast_finwait2_recycle", "0"),
    ("ecn.maxretries", "1"),
];

/// What FreeBSD's sysctl of this name allows of Fast Open.
pub(crate) fn fast_open_bit(name: &str) -> Option<FastOpenPolicy> {
    match name {
        "net.inet.tcp.fastopen.client_enable" => Some(FastOpenPolicy::CLIENT),
        "net.inet.tcp.fastopen.server_enable" => Some(FastOpenPolicy::SERVER),
        _ => None,
    }
}

/// Applies a sysctl, named as in FreeBSD: `net.inet.tcp.sack.enable`.
pub(crate) fn sysctl(profile: &mut Profile, name: &str, value: &str) -> SysctlEffect {
    if name == "kern.ipc.maxsockbuf" {
        return match value.parse::<u64>() {
            Ok(bytes) => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(1 << 30);
                profile.receive_memory[2] = bytes;
                profile.receive_memory_max = bytes;
                SysctlEffect::Applied
            }
            Err(_) => SysctlEffect::Unsupported,
        };
    }
    let Some(name) = name.strip_prefix("net.inet.tcp.") else { return SysctlEffect::NotFreeBsd };
    let is_applied = HARMLESS.contains(&(name, value)) || set(profile, name, value).is_some();
    if is_applied { SysctlEffect::Applied } else { SysctlEffect::Unsupported }
}

/// Sets the equivalent of a sysctl; `None` if there is none.
fn set(profile: &mut Profile, name: &str, value: &str) -> Option<()> {
    let count: u32 = value.parse().ok()?;
    let millis = Duration::from_millis(count.into());
    match name {
        "rfc1323" if count < 2 => {
            (profile.window_scaling, profile.timestamps) = (count == 1, count == 1);
        }
        "sack.enable" => profile.sack = count != 0,
        "ecn.enable" => {
            profile.ecn = match count {
                0 => EcnMode::Off,
                1 => EcnMode::On,
                2 => EcnMode::Passive,
                _ => return None,
            }
        }
        // FreeBSD counts payload; half of a Linux buffer is payload.
        "recvspace" => profile.receive_memory[1] = count.saturating_mul(2),
        "sendspace" => profile.send_memory[1] = count.saturating_mul(2),
        "keepidle" => profile.keepalive.idle = millis,
        "keepintvl" => profile.keepalive.interval = millis,
        "keepcnt" => profile.keepalive.probes = u8::try_from(count).ok()?,
        "delacktime" => profile.delayed_ack_min = millis,
        "finwait2_timeout" => profile.fin_timeout = millis,
        "msl" => profile.time_wait = millis * 2,
        "rexmit_initial" => profile.rto_initial = millis,
        // The slop is the least that is added to the round-trip time, like Linux's minimum.
        "rexmit_slop" => profile.rto_min = millis,
        "insecure_rst" if count < 2 => profile.exact_reset = count == 0,
        "insecure_syn" if count < 2 => profile.challenged_syn = count == 0,
        "initcwnd_segments" => profile.initial_window = count,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_taken_and_the_rest_is_not() {
        let mut profile = Profile::linux();
        for (name, value) in [
            ("net.inet.tcp.rfc1323", "0"),
            ("net.inet.tcp.sack.enable", "0"),
            ("net.inet.tcp.keepidle", "15000"),
            ("kern.ipc.maxsockbuf", "2097152"),
            ("net.inet.tcp.insecure_rst", "1"),
        ] {
            assert_eq!(sysctl(&mut profile, name, value), SysctlEffect::Applied, "{name}={value}");
        }
        assert!(!profile.timestamps && !profile.window_scaling && !profile.sack);
        assert!(!profile.exact_reset && profile.challenged_syn);
        assert_eq!(profile.keepalive.idle, Duration::from_secs(15));
        assert_eq!(profile.receive_memory[2], 2_097_152);
        for (name, value) in [
            ("net.inet.tcp.insecure_rst", "2"),
            ("net.inet.tcp.udp_tunneling_port", "9811"),
            ("net.inet.tcp.ecn.enable", "3"),
            ("net.inet.tcp.sack.enable", "x"),
            ("kern.ipc.maxsockbuf", "much"),
        ] {
            assert_eq!(
                sysctl(&mut profile, name, value),
                SysctlEffect::Unsupported,
                "{name}={value}"
            );
        }
        assert_eq!(sysctl(&mut profile, "net.ipv4.tcp_sack", "1"), SysctlEffect::NotFreeBsd);
    }
}
