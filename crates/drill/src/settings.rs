//! The settings from a script's head and preamble.

use std::net::IpAddr;
use std::time::Duration;

use roundtrip_host::FastOpenPolicy;
use roundtrip_tcp::{BufferCost, EcnMode, FastOpenKeys, MtuProbing, Profile};

use crate::dialect::{self, Dialect, SysctlEffect};

/// A setting that a command changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A sysctl: `name=value`.
    Sysctl {
        /// The name of the sysctl, such as `net.ipv4.tcp_sack`.
        name: String,
        /// The value of the sysctl.
        value: String,
    },
    /// Metrics of the route to the peer.
    Route(Metrics),
    /// What is known of peers is forgotten (`ip tcp_metrics flush`).
    ForgetPeers,
    /// The MTU of the interface.
    Mtu(u32),
    /// Whether several segments are sent as one packet, for the card to cut (segmentation offload).
    Segmentation(bool),
    /// The queueing discipline.
    Queue(Queue),
}

/// Metrics of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metrics {
    pub(crate) mtu: Option<u32>,
    pub(crate) advmss: Option<u32>,
    pub(crate) initcwnd: Option<u32>,
}

/// The queueing discipline of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Packets are sent as they come.
    Fifo,
    /// Packets are paced.
    Fair,
    /// No packet is sent.
    Closed,
}

impl Setting {
    pub(crate) fn sysctl(name: &str, value: &str) -> Setting {
        Setting::Sysctl { name: name.to_owned(), value: value.to_owned() }
    }
}

/// All settings that hold when the first event happens.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) profile: Profile,
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) mtu: u16,
    /// The port that `bind` uses for `...`.
    pub(crate) bind_port: u16,
    /// The port that `connect` uses for `...`.
    pub(crate) connect_port: u16,
    /// How much earlier or later packets and calls may come.
    pub(crate) tolerance: Duration,
    /// How much earlier or later they may come, in thousandths of the time since the previous
    /// event.
    pub(crate) tolerance_permille: u32,
    /// The length of a tick of our timestamps, µs; with 0 they are not compared.
    pub(crate) timestamp_tick: u64,
    /// Whether the script may echo timestamps that it has not seen.
    pub(crate) scale_echoes: bool,
    /// The size of segments, if TCP packets with more data reach the host as several segments
    /// joined by the carrier.
    pub(crate) segment_size: Option<u16>,
    /// Whether a packet is compared alone, never joined with those that follow it.
    pub(crate) strict_segments: bool,
    /// Whether sockets are IPv6 and packets IPv4.
    pub(crate) is_mapped: bool,
    pub(crate) segmentation: bool,
    pub(crate) syn_backlog: usize,
    pub(crate) somaxconn: usize,
    pub(crate) advmss: Option<u16>,
    pub(crate) fast_open: FastOpenPolicy,
    pub(crate) fast_open_keys: Option<FastOpenKeys>,
    /// How often what was known of peers was forgotten.
    pub(crate) forgotten: u32,
    /// The system that the script was written for.
    pub(crate) dialect: Dialect,
}

impl Settings {
    /// The defaults of packetdrill: our address 192.168.0.1, the peer's 192.0.2.1, both ports 8080,
    /// and a tolerance of 4 ms or 12.5 %.
    pub(crate) fn new() -> Settings {
        Settings {
            // packetdrill's wire is a TUN device.
            profile: Profile { buffer_cost: BufferCost::Slab, ..Profile::linux() },
            local: IpAddr::from([192, 168, 0, 1]),
            remote: IpAddr::from([192, 0, 2, 1]),
            mtu: 1500,
            bind_port: 8080,
            connect_port: 8080,
            tolerance: Duration::from_millis(4),
            tolerance_permille: 125,
            timestamp_tick: 0,
            scale_echoes: false,
            segment_size: None,
            strict_segments: false,
            is_mapped: false,
            segmentation: true,
            syn_backlog: 4096,
            somaxconn: 4096,
            advmss: None,
            fast_open: FastOpenPolicy::default(),
            fast_open_keys: None,
            forgotten: 0,
            dialect: Dialect::Linux,
        }
    }

    /// Applies an option `--name=value`.
    ///
    /// # Errors
    /// What is wrong with the option, or why it is not supported.
    pub(crate) fn option(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let text = value.unwrap_or_default();
        match name {
            "ip_version" => match text {
                "ipv4" => self.use_family(false),
                "ipv6" => self.use_family(true),
                "ipv4-mapped-ipv6" => {
                    self.use_family(false);
                    self.is_mapped = true;
                }
                _ => return Err(format!("--ip_version={text}")),
            },
            "local_ip" => self.local = address(text)?,
            "remote_ip" => self.remote = address(text)?,
            "mtu" => self.mtu = number(text)?,
            "bind_port" => self.bind_port = number(text)?,
            "connect_port" => self.connect_port = number(text)?,
            "tolerance_usecs" => self.tolerance = Duration::from_micros(number(text)?),
            "tolerance_percent" => {
                self.tolerance_permille = number::<u32>(text)?.saturating_mul(10);
            }
            "tcp_ts_tick_usecs" => self.timestamp_tick = number(text)?,
            "tcp_ts_ecr_scaled" => self.scale_echoes = true,
            "strict_segments" => self.strict_segments = true,
            "mss" => self.segment_size = Some(number(text)?).filter(|&size| size > 0),
            // Options that concern the machine and not the meaning of the script.
            "gateway_ip" | "netmask_ip" | "speed" | "verbose" | "debug" | "dry_run" | "define"
            | "code_command" | "code_format" | "code_sockopt" | "non_fatal" | "init_scripts"
            | "send_omit_free" => {}
            _ => return Err(format!("the option --{name}")),
        }
        Ok(())
    }

    /// Sets packetdrill's addresses of a family, if none were given.
    fn use_family(&mut self, is_v6: bool) {
        if self.local.is_ipv6() != is_v6 {
            (self.local, self.remote) = if is_v6 {
                (
                    IpAddr::from([0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1]),
                    IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1]),
                )
            } else {
                (IpAddr::from([192, 168, 0, 1]), IpAddr::from([192, 0, 2, 1]))
            };
        }
    }

    /// Applies a setting.
    ///
    /// # Errors
    /// Why the setting is not supported.
    pub(crate) fn apply(&mut self, setting: &Setting) -> Result<(), String> {
        match setting {
            Setting::Sysctl { name, value } => self.sysctl(name, value),
            Setting::Route(Metrics { mtu, advmss, initcwnd }) => {
                if let Some(mtu) = mtu {
                    self.mtu = u16::try_from(*mtu).map_err(|_| format!("mtu {mtu}"))?;
                }
                if let Some(mss) = advmss {
                    self.advmss = Some(u16::try_from(*mss).map_err(|_| format!("advmss {mss}"))?);
                }
                if let Some(window) = initcwnd {
                    self.profile.initial_window = *window;
                }
                Ok(())
            }
            Setting::ForgetPeers => {
                self.forgotten += 1;
                Ok(())
            }
            Setting::Mtu(mtu) => {
                self.mtu = u16::try_from(*mtu).map_err(|_| format!("mtu {mtu}"))?;
                Ok(())
            }
            Setting::Segmentation(on) => {
                self.segmentation = *on;
                Ok(())
            }
            // The kernel notices packets that its own queue drops, and acts on that.
            Setting::Queue(Queue::Closed) => Err("a queue that drops every packet".into()),
            Setting::Queue(queue) => {
                self.profile.pacing = *queue == Queue::Fair;
                Ok(())
            }
        }
    }

    fn sysctl(&mut self, name: &str, value: &str) -> Result<(), String> {
        let refused = || format!("sysctl {name}={value}");
        if let Some(bit) = dialect::fast_open_bit(name) {
            let bits = match value {
                "0" => self.fast_open.0 & !bit.0,
                "1" => self.fast_open.0 | bit.0,
                _ => return Err(refused()),
            };
            (self.fast_open, self.dialect) = (FastOpenPolicy(bits), Dialect::FreeBsd);
            return Ok(());
        }
        match dialect::sysctl(&mut self.profile, name, value) {
            SysctlEffect::Applied => {
                self.dialect = Dialect::FreeBsd;
                return Ok(());
            }
            SysctlEffect::Unsupported => return Err(refused()),
            SysctlEffect::NotFreeBsd => {}
        }
        let Some(name) = name.strip_prefix("net.") else { return Err(refused()) };
        let known = match name.strip_prefix("ipv4.tcp_") {
            Some(name) => tcp_sysctl(&mut self.profile, name, value).ok_or_else(refused)?,
            None => false,
        };
        if known {
            return Ok(());
        }
        let count = || value.parse::<usize>().map_err(|_| refused());
        match name {
            "ipv4.tcp_max_syn_backlog" => self.syn_backlog = count()?,
            "core.somaxconn" => self.somaxconn = count()?,
            "ipv4.tcp_fastopen" => {
                self.fast_open = FastOpenPolicy(bits(value).ok_or_else(refused)?);
            }
            "ipv4.tcp_fastopen_key" => {
                self.fast_open_keys = Some(keys(value).ok_or_else(refused)?);
            }
            "core.rmem_max" => self.profile.receive_memory_max = count()? as u32,
            _ if is_harmless(name, value) => {}
            _ => return Err(refused()),
        }
        Ok(())
    }
}

/// Whether a sysctl has no effect on what one connection sends, or asks for what is so anyway.
fn is_harmless(name: &str, value: &str) -> bool {
    let same: &[(&str, &str)] = &[
        ("ipv4.tcp_fack", "0"),
        ("ipv4.tcp_abort_on_overflow", "0"),
        ("ipv4.tcp_low_latency", "0"),
        ("ipv4.tcp_thin_linear_timeouts", "0"),
        ("ipv4.tcp_adv_win_scale", "1"),
        ("ipv4.tcp_shrink_window", "0"),
        ("ipv4.tcp_stdurg", "0"),
        ("ipv4.ip_no_pmtu_disc", "0"),
        ("ipv4.ip_default_ttl", "64"),
        ("ipv4.tcp_syncookies", "1"),
        ("ipv4.tcp_fastopen_blackhole_timeout_sec", "0"),
    ];
    let without_effect = [
        "ipv4.tcp_ecn_option",
        "ipv4.tcp_ecn_option_beacon",
        "ipv4.tcp_ecn_fallback",
        "ipv4.tcp_autocorking",
        "ipv4.tcp_allowed_congestion_control",
        "ipv4.tcp_no_metrics_save",
        "ipv4.tcp_no_ssthresh_metrics_save",
        "ipv4.tcp_limit_output_bytes",
        "ipv4.tcp_challenge_ack_limit",
        "ipv4.tcp_early_demux",
        "ipv4.tcp_tw_reuse",
        "ipv4.tcp_max_tw_buckets",
        "ipv4.tcp_max_orphans",
        "ipv4.tcp_mem",
        "ipv4.tcp_app_win",
        "ipv4.tcp_workaround_signed_windows",
        "ipv4.tcp_backlog_ack_defer",
        "ipv4.tcp_fwmark_accept",
        "ipv4.tcp_fastopen_cookies",
        "ipv4.ip_local_port_range",
        "ipv4.icmp_ratelimit",
        "ipv4.icmp_ratemask",
        "ipv4.icmp_msgs_per_sec",
        "ipv4.icmp_echo_ignore_all",
        "core.wmem_max",
        "core.optmem_max",
        "core.default_qdisc",
        "core.netdev_max_backlog",
    ];
    same.contains(&(name, value))
        || without_effect.contains(&name)
        || name.starts_with("ipv4.conf.")
        || name.starts_with("ipv6.conf.")
        || name.starts_with("ipv4.tcp_plb")
}

/// Sets a field of the profile; `Some(false)` if no sysctl has this name, `None` if the value is
/// invalid.
fn tcp_sysctl(profile: &mut Profile, name: &str, value: &str) -> Option<bool> {
    let count = || value.parse::<u32>().ok();
    let switch = || count().map(|number| number != 0);
    let seconds = || value.parse().ok().map(Duration::from_secs);
    let millis = || value.parse().ok().map(Duration::from_millis);
    match name {
        "congestion_control" => {
            profile.congestion = value.parse().ok()?;
        }
        "rmem" => profile.receive_memory = three(value)?,
        "wmem" => profile.send_memory = three(value)?,
        "timestamps" => profile.timestamps = switch()?,
        "sack" => profile.sack = switch()?,
        "dsack" => profile.dsack = switch()?,
        "window_scaling" => profile.window_scaling = switch()?,
        "ecn" => {
            profile.ecn = match value {
                "0" => EcnMode::Off,
                "1" => EcnMode::On,
                "2" => EcnMode::Passive,
                _ => return None,
            }
        }
        "syn_retries" => profile.syn_retries = count()?,
        "syn_linear_timeouts" => profile.syn_linear_timeouts = count()?,
        "synack_retries" => profile.synack_retries = count()?,
        "retries2" => profile.retries2 = count()?,
        "orphan_retries" => profile.orphan_retries = count()?,
        "frto" => profile.frto = switch()?,
        "reordering" => profile.reordering = count()?,
        "max_reordering" => profile.max_reordering = count()?,
        // RACK cannot be switched off in Linux 6.18; the other bits change what it does.
        "recovery" => {
            if count()? > 1 {
                return None;
            }
        }
        "early_retrans" => profile.tail_loss_probe = matches!(count()?, 3 | 4),
        "retrans_collapse" => profile.retrans_collapse = switch()?,
        "min_rtt_wlen" => profile.min_rtt_window = seconds()?,
        "slow_start_after_idle" => profile.slow_start_after_idle = switch()?,
        "tso_win_divisor" => profile.tso_window_divisor = count()?,
        "min_tso_segs" => profile.min_tso_segments = count()?,
        "tso_rtt_log" => profile.tso_rtt_log = count()?,
        "pacing_ss_ratio" => profile.pacing_ss_ratio = count()?,
        "pacing_ca_ratio" => profile.pacing_ca_ratio = count()?,
        "invalid_ratelimit" => profile.invalid_ratelimit = millis()?,
        "moderate_rcvbuf" => profile.moderate_receive_buffer = switch()?,
        "base_mss" => profile.base_mss = count()? as u16,
        "min_snd_mss" => profile.min_send_mss = count()? as u16,
        "mtu_probing" => {
            profile.mtu_probing = match count()? {
                0 => MtuProbing::Off,
                1 => MtuProbing::BlackHole,
                2 => MtuProbing::Always,
                _ => return None,
            }
        }
        "mtu_probe_floor" => profile.mtu_probe_floor = count()? as u16,
        "probe_threshold" => profile.probe_threshold = count()? as u16,
        "probe_interval" => profile.probe_interval = seconds()?,
        "retries1" => profile.retries1 = count()?,
        "fin_timeout" => profile.fin_timeout = seconds()?,
        "keepalive_time" => profile.keepalive.idle = seconds()?,
        "keepalive_intvl" => profile.keepalive.interval = seconds()?,
        "keepalive_probes" => profile.keepalive.probes = count()? as u8,
        "rfc1337" => profile.rfc1337 = switch()?,
        "comp_sack_delay_ns" => {
            profile.comp_sack_delay = Duration::from_nanos(value.parse().ok()?);
        }
        "comp_sack_nr" => profile.comp_sack_count = count()? as u8,
        "notsent_lowat" => {
            profile.notsent_low_water = if value == "-1" { u32::MAX } else { count()? };
        }
        "rto_min_us" => profile.rto_min = Duration::from_micros(value.parse().ok()?),
        "rto_max_ms" => profile.rto_max = millis()?,
        "pingpong_thresh" => profile.pingpong_threshold = count()? as u8,
        _ => return Some(false),
    }
    Some(true)
}

/// A number whose bits mean something: `1027`, `0x403`.
fn bits(value: &str) -> Option<u32> {
    match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

/// One or two keys as `a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4,…` (`proc_tcp_fastopen_key`).
fn keys(value: &str) -> Option<FastOpenKeys> {
    let mut bytes = Vec::new();
    for key in value.split(',') {
        let words: Option<Vec<u32>> =
            key.split('-').map(|word| u32::from_str_radix(word.trim(), 16).ok()).collect();
        let [a, b, c, d] = *words? else { return None };
        bytes.extend([a, b, c, d].iter().flat_map(|word| word.to_le_bytes()));
    }
    FastOpenKeys::new(&bytes)
}

fn three(value: &str) -> Option<[u32; 3]> {
    let mut numbers = value.split_whitespace().map(|number| number.parse().ok());
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("the value {text:?} of an option"))
}

/// Parses an address, with or without a prefix length.
fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.split_once('/').map_or(text, |(bare, _)| bare);
    bare.parse().map_err(|_| format!("the address {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctls_become_fields_of_the_profile() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("net.ipv4.tcp_sack", "0"),
            ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
            ("net.ipv4.tcp_congestion_control", "reno"),
            ("net.ipv4.tcp_fastopen", "0x403"),
            ("net.ipv4.tcp_rto_min_us", "5000"),
            ("net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"),
        ] {
            settings.apply(&Setting::sysctl(name, value)).unwrap();
        }
        let profile = &settings.profile;
        assert!(!profile.sack);
        assert_eq!(profile.receive_memory[1], 540_000);
        assert_eq!(profile.congestion, roundtrip_tcp::Algorithm::Reno);
        assert_eq!(profile.rto_min, Duration::from_millis(5));
        assert_eq!(settings.fast_open, FastOpenPolicy(0x403));
        let key = [[0xa1; 4], [0xb2; 4], [0xc3; 4], [0xd4; 4]].concat();
        assert_eq!(settings.fast_open_keys, FastOpenKeys::new(&key));
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("net.ipv4.tcp_congestion_control", "vegas"),
            ("net.ipv4.tcp_ecn", "3"),
            ("net.ipv4.tcp_rmem", "1 2"),
            ("net.ipv4.tcp_fastopen", "on"),
            ("net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2"),
            ("net.ipv4.tcp_fastopen_blackhole_timeout_sec", "3600"),
            ("kernel.hostname", "x"),
        ] {
            let error = settings.apply(&Setting::sysctl(name, value)).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        assert!(settings.option("so_filename", Some("x")).unwrap_err().contains("so_filename"));
        assert!(settings.option("mtu", Some("x")).is_err());
    }

    #[test]
    fn the_family_follows_the_ip_version() {
        let mut settings = Settings::new();
        settings.option("ip_version", Some("ipv6")).unwrap();
        assert!(settings.local.is_ipv6() && settings.remote.is_ipv6());
        settings.option("local_ip", Some("fd::1/64")).unwrap();
        assert_eq!(settings.local, "fd::1".parse::<IpAddr>().unwrap());
    }
}
