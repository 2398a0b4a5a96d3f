//! Network namespaces of a test's own, and what runs in them.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::common::{has, skip};

/// A namespace; gone when dropped.
pub(crate) struct Namespace(String);

impl Namespace {
    /// `None`, having said so, where none can be had.
    pub(crate) fn new(name: &str) -> Option<Self> {
        if !has("ip") || !has("tc") {
            return None;
        }
        let namespace = Self(format!("rt{name}{}", std::process::id()));
        let made = Command::new("ip").args(["netns", "add", &namespace.0]).output();
        let made = made.is_ok_and(|run| run.status.success()) && Path::new("/dev/net/tun").exists();
        if !made {
            skip("it needs root and /dev/net/tun");
            return None;
        }
        namespace.ip("link set lo up");
        Some(namespace)
    }

    /// A command that runs in it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// A line of shell, with `arguments` as `$1` and so on.
    pub(crate) fn shell(&self, line: &str, arguments: &[&str]) -> Output {
        let mut command = self.command("sh");
        command.args(["-c", line, "sh"]).args(arguments).output().expect("a shell")
    }

    /// `ip` in it.
    #[track_caller]
    pub(crate) fn ip(&self, arguments: &str) {
        let words = ["-n", &self.0].into_iter().chain(arguments.split(' '));
        let run = Command::new("ip").args(words).output().expect("ip starts");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "ip {arguments}: {said}");
    }

    pub(crate) fn has_device(&self, name: &str) -> bool {
        let show = ["-n", &self.0, "link", "show", name];
        Command::new("ip").args(show).output().is_ok_and(|run| run.status.success())
    }

    /// A TAP device that stays, with the addresses of the kernel's end.
    pub(crate) fn make_device(&self, name: &str, addresses: &[&str]) {
        self.ip(&format!("tuntap add {name} mode tap"));
        let quiet = "echo 0 >/proc/sys/net/ipv6/conf/$1/accept_dad";
        assert!(self.shell(quiet, &[name]).status.success());
        for address in addresses {
            self.ip(&format!("address add {address} dev {name}"));
        }
        self.ip(&format!("link set {name} up"));
    }

    /// A cable to another namespace.
    pub(crate) fn cable(&self, device: &str, other: &Namespace, mtu: u16) {
        self.ip(&format!("link add {device} mtu {mtu} type veth peer {device} netns {}", other.0));
        other.ip(&format!("link set {device} mtu {mtu}"));
        for end in [self, other] {
            let quiet = "echo 0 >/proc/sys/net/ipv6/conf/$1/accept_dad";
            assert!(end.shell(quiet, &[device]).status.success());
            end.ip(&format!("link set {device} up"));
        }
    }

    /// Drops each packet with a chance of one in `one_in`, both ways: a classic BPF program that
    /// asks the kernel for chance (`SKF_AD_RANDOM`) and shoots the packet (`TC_ACT_SHOT`, 2). On the
    /// kernel's way out it steals it (`TC_ACT_STOLEN`, 4): shot, its TCP would know at once that the
    /// packet had not left, and would not have to find out by what does not come back. The kernel's
    /// TCP is kept from sending several segments as one packet, and its GRO from making one of them.
    pub(crate) fn lose(&self, device: &str, one_in: u32) {
        let least = u32::MAX / one_in;
        let tc = |line: &str, program: &[&str]| {
            let words = ["-n", &self.0].into_iter().chain(line.split(' '));
            let run = Command::new("tc").args(words).args(program).output().expect("tc starts");
            assert!(run.status.success(), "tc {line}: {}", String::from_utf8_lossy(&run.stderr));
        };
        tc(&format!("qdisc add dev {device} clsact"), &[]);
        for (way, action) in [("ingress", 2), ("egress", 4)] {
            let program =
                format!("4,32 0 0 4294963256,53 1 0 {least},6 0 0 {action},6 0 0 4294967295");
            tc(&format!("filter add dev {device} {way} bpf da bytecode"), &[&program]);
        }
        self.ip(&format!("link set {device} gso_max_segs 1 gro_max_size 1"));
    }

    /// Packets of ours that [`Namespace::lose`] has dropped.
    pub(crate) fn lost(&self, device: &str) -> u64 {
        let shown = self.shell("tc -s qdisc show dev $1 clsact", &[device]);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let dropped = text.split("(dropped ").nth(1).and_then(|rest| rest.split(',').next());
        dropped.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Addresses, neighbours, routes, sockets and counters, to find out what became of packets that
    /// nobody answered.
    pub(crate) fn what_the_kernel_knows(&self) -> String {
        let line = "ip -s link; ip address; ip neigh; ip -6 route; ss -tan; nstat -as";
        String::from_utf8_lossy(&self.shell(line, &[]).stdout).into_owned()
    }

    /// Segments that the kernel's TCP has sent again (`RetransSegs`, RFC 4022).
    pub(crate) fn retransmitted(&self) -> u64 {
        let shown = self.shell("cat /proc/net/snmp", &[]);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let mut lines =
            text.lines().filter(|line| line.starts_with("Tcp:")).map(str::split_whitespace);
        let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
        let count = names.zip(values).find(|(name, _)| *name == "RetransSegs");
        count.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    }

    /// nginx at work in it, on port 80 of everything.
    pub(crate) fn nginx(&self, site: &Path, work: &Path) -> Running {
        let at = work.display();
        let configuration = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; user root;\n\
             events {{ worker_connections 512; }}\n\
             http {{ types {{ text/html html; text/css css; image/png png; }}\n\
               access_log off; sendfile on; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
               fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
               server {{ listen 80; listen [::]:80; root {}; }} }}\n",
            site.display()
        );
        let file = work.join("nginx.conf");
        fs::write(&file, configuration).expect("a configuration");
        let mut nginx = self.command("nginx");
        nginx.arg("-c").arg(&file).arg("-e").arg(work.join("error.log"));
        let nginx = Running(nginx.spawn().expect("nginx starts"));
        let listens = eventually(|| {
            let sockets = self.shell("ss -Htln sport = 80", &[]);
            !sockets.stdout.is_empty()
        });
        assert!(listens, "{}", fs::read_to_string(work.join("error.log")).unwrap_or_default());
        nginx
    }

    /// Our server at work in it, once it says that it serves.
    pub(crate) fn serve(&self, site: &Path, listen: &str, wire: &str) -> Running {
        let mut server = self.command(env!("CARGO_BIN_EXE_roundtrip"));
        server.args(["serve", "-q", "--listen", listen, "--wire", wire]).arg(site);
        let mut child = server.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            use std::io::BufRead as _;
            std::io::BufReader::new(out).read_line(&mut line).expect("a line");
        }
        assert!(line.starts_with("serving "), "{line:?}");
        Running(child)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

/// A program that runs until it is dropped. `ip netns exec` becomes the program it starts, so that
/// its number is the program's.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    /// Sends a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let arguments = ["-s", name, &self.0.id().to_string()];
        assert!(Command::new("kill").args(arguments).status().is_ok_and(|kill| kill.success()));
    }

    /// Waits for its end; gives its exit code, `None` if it does not end.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut code = None;
        eventually(|| {
            code = self.0.try_wait().ok().flatten().and_then(|status| status.code());
            code.is_some()
        });
        code
    }

    /// The most memory it has had, KiB (`VmHWM`).
    pub(crate) fn peak(&self) -> u64 {
        let path = format!("/proc/{}/status", self.0.id());
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tries until it works; devices and servers take a moment to be there.
#[allow(clippy::disallowed_methods, reason = "real servers take real time to start")]
pub(crate) fn eventually(mut attempt: impl FnMut() -> bool) -> bool {
    (0..100).any(|_| {
        let done = attempt();
        if !done {
            std::thread::sleep(Duration::from_millis(50));
        }
        done
    })
}
