//! Our own TCP/IP on a TAP device against Linux, in a network namespace of the test's own: our
//! client to nginx, curl to our server, IPv4 and IPv6. Needs root, iproute2, nginx and curl; where
//! one is missing it says so and tests nothing.

mod common;

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{has, skip};

/// Bodies that cross many windows, and a small one.
const SIZES: [usize; 3] = [1_000, 300_000, 20_000_000];
const TAP: &str = "tap:rt0,addr=10.9.0.1/24,gw=10.9.0.2,addr6=fd09::1/64,gw6=fd09::2";

/// A namespace; gone when dropped.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Option<Self> {
        let namespace = Self(format!("rt{name}{}", std::process::id()));
        let ip = |arguments: &[&str]| {
            Command::new("ip").args(arguments).output().is_ok_and(|run| run.status.success())
        };
        let made = ip(&["netns", "add", &namespace.0])
            && ip(&["-n", &namespace.0, "link", "set", "lo", "up"])
            && Path::new("/dev/net/tun").exists();
        if !made {
            skip("it needs root, iproute2 and /dev/net/tun");
        }
        made.then_some(namespace)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for size in SIZES {
        let bytes: Vec<u8> = (0..size).map(|n| (n * 7 + n / 251) as u8).collect();
        fs::write(folder.path().join(size.to_string()), bytes).expect("room on disk");
    }
    folder
}

/// Tries until it works; devices and servers take a moment to be there.
#[allow(clippy::disallowed_methods, reason = "real servers take real time to start")]
fn eventually(mut attempt: impl FnMut() -> bool) -> bool {
    (0..15).any(|_| {
        let done = attempt();
        if !done {
            std::thread::sleep(Duration::from_millis(100));
        }
        done
    })
}

#[test]
fn curl_gets_whole_files_from_our_server() {
    if !has("curl") {
        return;
    }
    let Some(namespace) = Namespace::new("s") else { return };
    let (site, got) = (site(), tempfile::tempdir().expect("a folder"));
    for (listen, host) in [("10.9.0.1:8080", "10.9.0.1"), ("[fd09::1]:8080", "[fd09::1]")] {
        let _server = Running(
            namespace
                .command(env!("CARGO_BIN_EXE_roundtrip"))
                .args(["serve", site.path().to_str().expect("a plain path"), "-q"])
                .args(["--listen", listen, "--wire", TAP])
                .stdout(Stdio::null())
                .spawn()
                .expect("the server starts"),
        );
        for size in SIZES {
            let into = got.path().join("body");
            let url = format!("http://{host}:8080/{size}");
            let fetched = eventually(|| {
                let mut curl = namespace.command("curl");
                curl.args(["-s", "-g", "-f", "--max-time", "8", "-o"]).arg(&into).arg(&url);
                curl.status().is_ok_and(|status| status.success())
            });
            assert!(fetched, "{url}");
            let same = fs::read(&into).ok() == fs::read(site.path().join(size.to_string())).ok();
            assert!(same, "{url} came changed");
        }
    }
}

#[test]
fn our_client_gets_whole_files_from_nginx() {
    if !has("nginx") {
        return;
    }
    let Some(namespace) = Namespace::new("c") else { return };
    let (site, work) = (site(), tempfile::tempdir().expect("a folder"));
    let at = work.path().display();
    let configuration = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; user root;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
           fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
           server {{ listen 80; listen [::]:80; root {}; }} }}\n",
        site.path().display()
    );
    let file = work.path().join("nginx.conf");
    fs::write(&file, configuration).expect("a configuration");
    let mut nginx = namespace.command("nginx");
    nginx.arg("-c").arg(&file).arg("-e").arg(work.path().join("error.log"));
    let _nginx = Running(nginx.spawn().expect("nginx starts"));
    for host in ["10.9.0.2", "[fd09::2]"] {
        for size in SIZES {
            let into = work.path().join("body");
            let url = format!("http://{host}/{size}");
            let mut said = String::new();
            let fetched = eventually(|| {
                let mut get = namespace.command(env!("CARGO_BIN_EXE_roundtrip"));
                get.args(["get", "-s", "-S", "-f", "-m", "8", "--wire", TAP, "-o"]).arg(&into);
                let run = get.arg(&url).output().expect("the client starts");
                said = String::from_utf8_lossy(&run.stderr).into_owned();
                run.status.success()
            });
            assert!(fetched, "{url}: {said}");
            let same = fs::read(&into).ok() == fs::read(site.path().join(size.to_string())).ok();
            assert!(same, "{url} came changed");
        }
    }
}
