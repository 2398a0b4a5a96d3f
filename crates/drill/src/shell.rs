//! Recognition of the shell commands between backticks, which are never run.
//!
//! Preambles of packetdrill scripts are shell, but nearly always the same few commands. Those that
//! configure the stack become a [`Setting`], those that do not are skipped, and every other is
//! named: a script with such a command is skipped.

use crate::settings::{Metrics, Queue, Setting};

/// The effect of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The command changes this setting.
    Set(Setting),
    /// The command changes nothing that a script could see.
    None,
    /// The command is not known.
    Unknown(String),
}

/// The effects of a text of commands, in order.
pub(crate) fn effects(text: &str) -> Vec<Effect> {
    let joined = text.replace("\\\n", " ");
    let mut all = Vec::new();
    for line in joined.lines() {
        for command in split_commands(line) {
            let (words, target) = split_words(&command);
            if !words.is_empty() {
                effects_of(&words, target.as_deref(), &mut all);
            }
        }
    }
    all
}

/// The commands of a line, separated by `;`, `&&`, `||` and `|`, without comments.
fn split_commands(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quote = None;
    let mut before = ' ';
    for c in line.chars() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() || before == ';' => break,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        let is_redirection = c == '&' && (before == '>' || before == ' ');
        if quote.is_none() && matches!(c, ';' | '|') || (c == '&' && before == '&') {
            if let Some(last) = all.last_mut()
                && last.ends_with('&')
            {
                last.pop();
            }
            all.push(String::new());
        } else if quote.is_some() || c != '&' || is_redirection {
            all.last_mut().into_iter().for_each(|last| last.push(c));
        }
        before = c;
    }
    all
}

/// The words of a command without its redirections, and the file that its output goes to.
fn split_words(command: &str) -> (Vec<String>, Option<String>) {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let mut kept = Vec::new();
    let mut target = None;
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        let operator = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        let Some(file) = operator.strip_prefix('>') else {
            kept.push(word);
            continue;
        };
        let file = file.trim_start_matches('>');
        let file = if file.is_empty() { rest.next().unwrap_or_default() } else { file.to_owned() };
        if !word.starts_with('2') {
            target = Some(file);
        }
    }
    (kept, target)
}

fn effects_of(words: &[String], target: Option<&str>, all: &mut Vec<Effect>) {
    let program = words[0].rsplit('/').next().unwrap_or_default();
    let arguments = &words[1..];
    match program {
        "." | "source" | "bash" | "sh" => {
            if arguments.is_empty() {
                all.push(Effect::Unknown(words.join(" ")));
            } else {
                effects_of(arguments, target, all);
            }
        }
        "defaults.sh" => {
            let set = |(name, value)| Effect::Set(Setting::sysctl(name, value));
            all.extend(DEFAULTS.into_iter().map(set));
        }
        "set_sysctls.py" | "sysctl" => sysctls(arguments, all),
        "echo" | "printf" => all.push(echo(arguments, target)),
        "ip" => ip(arguments, all),
        "tc" => all.push(tc(arguments)),
        "ethtool" => ethtool(arguments, all),
        "ifconfig" => ifconfig(arguments, all),
        _ if program.starts_with("sysctl_restore") => all.push(Effect::None),
        "nstat" | "grep" | "true" | ":" | "sync" | "ss" | "sockstat" | "netstat" | "cat"
        | "date" | "modprobe" | "rm" | "set" | "dmesg" => all.push(Effect::None),
        _ => all.push(Effect::Unknown(words.join(" "))),
    }
}

/// The settings of packetdrill's own `defaults.sh`: the values of Google's servers, for which its
/// tests are written.
const DEFAULTS: [(&str, &str); 22] = [
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_syn_retries", "5"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_frto", "2"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_fack", "0"),
    ("net.ipv4.tcp_reordering", "3"),
    ("net.ipv4.tcp_congestion_control", "cubic"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_early_retrans", "4"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_tso_win_divisor", "3"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_pacing_ss_ratio", "200"),
    ("net.ipv4.tcp_pacing_ca_ratio", "120"),
    ("net.ipv4.tcp_notsent_lowat", "4294967295"),
    ("net.ipv4.tcp_fastopen", "0x70403"),
    ("net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"),
    ("net.ipv4.tcp_syncookies", "1"),
];

/// The effects of sysctl arguments: `-q net.ipv4.tcp_sack=0 net/ipv4/tcp_ecn=1`,
/// `/proc/sys/net/ipv4/tcp_sack=0`.
fn sysctls(arguments: &[String], all: &mut Vec<Effect>) {
    for argument in arguments.iter().filter(|argument| !argument.starts_with('-')) {
        all.push(match argument.split_once('=') {
            Some((name, value)) => sysctl(name, value),
            None => Effect::None,
        });
    }
}

fn sysctl(name: &str, value: &str) -> Effect {
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
    match arithmetic(value) {
        Some(value) => Effect::Set(Setting::sysctl(name.trim(), value.trim())),
        None => Effect::Unknown(format!("sysctl {name}={value}")),
    }
}

/// Evaluates the products in a value such as `4096 $((256*1024)) 4194304`.
fn arithmetic(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("$((") {
        let end = start + rest[start..].find("))")?;
        let factors = rest[start + 3..end].split('*');
        let product: Option<u64> = factors
            .map(|factor| factor.trim().parse::<u64>().ok())
            .try_fold(1, |all: u64, one| all.checked_mul(one?));
        out.push_str(&rest[..start]);
        out.push_str(&product?.to_string());
        rest = &rest[end + 2..];
    }
    out.push_str(rest);
    (!out.contains('$')).then_some(out)
}

fn echo(arguments: &[String], target: Option<&str>) -> Effect {
    match target {
        Some(file) if file.starts_with("/proc/sys/") => sysctl(file, &arguments.join(" ")),
        Some(file) if is_default_of_cubic(file, &arguments.join(" ")) => Effect::None,
        Some(file) if file.starts_with("/sys/") => {
            Effect::Unknown(format!("echo {} > {file}", arguments.join(" ")))
        }
        _ => Effect::None,
    }
}

/// Whether a parameter of `tcp_cubic` is set to its default.
fn is_default_of_cubic(file: &str, value: &str) -> bool {
    const DEFAULTS: [(&str, &str); 8] = [
        ("beta", "717"),
        ("bic_scale", "41"),
        ("fast_convergence", "1"),
        ("hystart", "1"),
        ("hystart_ack_delta_us", "2000"),
        ("hystart_detect", "3"),
        ("hystart_low_window", "16"),
        ("initial_ssthresh", "0"),
    ];
    file.strip_prefix("/sys/module/tcp_cubic/parameters/")
        .is_some_and(|name| DEFAULTS.contains(&(name, value)))
}

/// The effects of `ip route change … mtu lock 640 advmss 600 initcwnd 11`; what only sets up the
/// link is skipped.
fn ip(arguments: &[String], all: &mut Vec<Effect>) {
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        let at = if words.get(at + 1) == Some(&"lock") { at + 2 } else { at + 1 };
        words.get(at)?.trim_end_matches("ms").parse::<u32>().ok()
    };
    match words.first().copied() {
        Some("tcp_metrics") if words.contains(&"flush") => {
            all.push(Effect::Set(Setting::ForgetPeers));
        }
        Some("tcp_metrics" | "addr" | "address" | "neigh" | "netns" | "rule") => {
            all.push(Effect::None);
        }
        Some("route" | "ro" | "r") => {
            let unknown = ["rto_min", "features", "congctl", "quickack", "initrwnd"];
            if let Some(word) = words.iter().find(|word| unknown.contains(word)) {
                all.push(Effect::Unknown(format!("ip route … {word}")));
                return;
            }
            let metrics =
                Metrics { mtu: after("mtu"), advmss: after("advmss"), initcwnd: after("initcwnd") };
            all.push(Effect::Set(Setting::Route(metrics)));
        }
        Some("link" | "l") => all.push(match after("mtu") {
            Some(mtu) => Effect::Set(Setting::Mtu(mtu)),
            None => Effect::None,
        }),
        _ => all.push(Effect::Unknown(format!("ip {}", words.join(" ")))),
    }
}

fn ifconfig(arguments: &[String], all: &mut Vec<Effect>) {
    let mtu = arguments.iter().position(|word| word == "mtu").and_then(|at| arguments.get(at + 1));
    all.push(match mtu.and_then(|mtu| mtu.parse().ok()) {
        Some(mtu) => Effect::Set(Setting::Mtu(mtu)),
        None => Effect::None,
    });
}

/// The effect of `tc qdisc replace dev tun0 root fq`: the discipline decides whether segments are
/// paced.
fn tc(arguments: &[String]) -> Effect {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let limit = arguments.iter().position(|word| word == "limit");
    let limit = limit.and_then(|at| arguments.get(at + 1)).map(String::as_str);
    if !has("qdisc") {
        return Effect::Unknown(format!("tc {}", arguments.join(" ")));
    }
    if has("del") || has("delete") || has("show") {
        return Effect::Set(Setting::Queue(Queue::Fifo));
    }
    let kinds = ["fq", "pfifo", "bfifo", "pfifo_fast", "fq_codel", "noqueue", "netem", "tbf"];
    let kind = kinds.into_iter().find(|kind| has(kind));
    match kind {
        Some("fq") if !has("flow_limit") => Effect::Set(Setting::Queue(Queue::Fair)),
        Some("pfifo" | "bfifo") if limit == Some("0") => Effect::Set(Setting::Queue(Queue::Closed)),
        Some("pfifo" | "bfifo" | "pfifo_fast" | "fq_codel" | "noqueue") => {
            Effect::Set(Setting::Queue(Queue::Fifo))
        }
        _ => Effect::Unknown(format!("tc {}", arguments.join(" "))),
    }
}

/// The effects of `ethtool -K tun0 tso off gso off`.
fn ethtool(arguments: &[String], all: &mut Vec<Effect>) {
    let mut switches = arguments.iter();
    while let Some(word) = switches.next() {
        match word.as_str() {
            "tso" | "gso" => {
                let on = switches.next().is_some_and(|state| state == "on");
                all.push(Effect::Set(Setting::Segmentation(on)));
            }
            "gro" | "lro" | "tx" | "rx" | "sg" => {
                switches.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctl(name: &str, value: &str) -> Effect {
        Effect::Set(Setting::sysctl(name, value))
    }

    #[test]
    fn the_usual_preamble() {
        let text = "../../common/defaults.sh\n../common/set_sysctls.py \\\n \
                    /proc/sys/net/ipv4/tcp_timestamps=0 \\\n /proc/sys/net/ipv4/tcp_wmem=\"4096 $((2*8)) 9\"";
        let all = effects(text);
        assert_eq!(all.len(), DEFAULTS.len() + 2);
        assert_eq!(all[DEFAULTS.len()], sysctl("net.ipv4.tcp_timestamps", "0"));
        assert_eq!(all[DEFAULTS.len() + 1], sysctl("net.ipv4.tcp_wmem", "4096 16 9"));
    }

    #[test]
    fn several_commands_on_a_line() {
        let text = "sysctl -q net.ipv4.tcp_ecn=2  # why; not\n\
                    ip tcp_metrics flush all > /dev/null 2>&1 ; tc qdisc replace dev tun0 root fq\n\
                    sysctl -q a=1 &> /dev/null ||\\\n sysctl b=2; echo 1 > /proc/sys/net/ipv4/c && nstat | grep x";
        assert_eq!(
            effects(text),
            [
                sysctl("net.ipv4.tcp_ecn", "2"),
                Effect::Set(Setting::ForgetPeers),
                Effect::Set(Setting::Queue(Queue::Fair)),
                sysctl("a", "1"),
                sysctl("b", "2"),
                sysctl("net.ipv4.c", "1"),
                Effect::None,
                Effect::None,
            ]
        );
    }

    #[test]
    fn routes_queues_and_cards() {
        let text = "ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 640 initcwnd 11\n\
                    tc qdisc add dev tun0 root pfifo limit 0\nethtool -K tun0 tso off gro on";
        let metrics = Metrics { mtu: Some(640), advmss: Some(600), initcwnd: Some(11) };
        assert_eq!(
            effects(text),
            [
                Effect::Set(Setting::Route(metrics)),
                Effect::Set(Setting::Queue(Queue::Closed)),
                Effect::Set(Setting::Segmentation(false)),
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_named() {
        let hystart = "echo 0 > /sys/module/tcp_cubic/parameters/hystart";
        for command in
            [hystart, "./measure.sh now", "if true", "tc filter add", "sysctl a=$B", "ip xfrm x"]
        {
            let all = effects(command);
            assert!(matches!(&all[..], [Effect::Unknown(_)]), "{command}: {all:?}");
        }
    }
}
