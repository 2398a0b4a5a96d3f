//! TCP Fast Open (RFC 7413) between our stack and the kernel's, each way.

use std::fs;

use crate::common::{has, skip};
use crate::network::{Namespace, Running, eventually};
use crate::{KERNEL, TAP};

/// A counter of the kernel's TCP (`/proc/net/netstat`, `TcpExt`).
fn counted(namespace: &Namespace, name: &str) -> u64 {
    let shown = namespace.shell("cat /proc/net/netstat", &[]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let mut lines =
        text.lines().filter(|line| line.starts_with("TcpExt:")).map(str::split_whitespace);
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let count = names.zip(values).find(|(known, _)| *known == name);
    count.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

/// A server that takes data with the SYN, once it listens at `at`.
fn serve(namespace: &Namespace, site: &str, at: &str, wire: &str) -> Running {
    let mut server = namespace.command(env!("CARGO_BIN_EXE_roundtrip"));
    server.args(["serve", "-q", "--tcp-fastopen", "--listen", at, "--wire", wire, site]);
    let server = Running::start(server.stdout(std::process::Stdio::null()));
    let url = format!("http://{at}/page");
    // curl asks for no cookie.
    assert!(eventually(|| namespace.shell("curl -sSf -m 5 \"$1\"", &[&url]).status.success()));
    server
}

/// Two requests, each over a connection of its own: the second sends its data with the SYN.
fn ask_twice(namespace: &Namespace, url: &str, wire: &str) {
    let line =
        "\"$1\" get -sSf -m 20 --tcp-fastopen --wire \"$2\" -H 'Connection: close' \"$3\" \"$3\"";
    let run = namespace.shell(line, &[env!("CARGO_BIN_EXE_roundtrip"), wire, url]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(String::from_utf8_lossy(&run.stdout), "hellohello", "{said}");
}

#[test]
fn data_goes_with_the_syn_to_the_kernel_and_from_it() {
    if !has("curl") {
        return;
    }
    let Some(namespace) = Namespace::new("fast") else { return };
    if !namespace.shell("echo 3 > /proc/sys/net/ipv4/tcp_fastopen", &[]).status.success() {
        skip("net.ipv4.tcp_fastopen cannot be set here");
        return;
    }
    namespace.make_device("rtfast", &KERNEL);
    let tap = TAP.replace("rt0", "rtfast");
    let site = tempfile::tempdir().expect("a folder");
    fs::write(site.path().join("page"), "hello").expect("room on disk");
    let folder = site.path().to_str().expect("a plain path");

    let at = "10.9.0.2:8080";
    let server = serve(&namespace, folder, at, "live");
    ask_twice(&namespace, &format!("http://{at}/page"), &tap);
    let known = namespace.what_the_kernel_knows();
    assert_eq!(counted(&namespace, "TCPFastOpenPassive"), 1, "{known}");
    drop(server);

    let at = "10.9.0.1:8080";
    let _server = serve(&namespace, folder, at, &tap);
    ask_twice(&namespace, &format!("http://{at}/page"), "live");
    let known = namespace.what_the_kernel_knows();
    assert_eq!(counted(&namespace, "TCPFastOpenActive"), 1, "{known}");
    assert_eq!(counted(&namespace, "TCPFastOpenActiveFail"), 0, "{known}");
}
