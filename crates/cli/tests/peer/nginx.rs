//! Debian's nginx on a free port of loopback, for tests to talk to.

use core::time::Duration;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};

/// nginx at work; it is stopped when this is dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) port: u16,
}

impl Nginx {
    /// Starts it with its files in this folder; `server` says what stands in the one `server { … }`,
    /// which is to listen on that port.
    // A real server takes real time to start.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn start(folder: &Path, server: &dyn Fn(u16) -> String) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let (work, server) = (folder.display(), server(port));
        let configuration = format!(
            "daemon off; pid {work}/pid; error_log {work}/error.log; worker_processes 1;\n\
             events {{ worker_connections 64; }}\n\
             http {{ include /etc/nginx/mime.types; access_log off; gzip on; gzip_types text/css;\n\
               client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n\
               uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n\
               server {{ {server} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).expect("a configuration");
        let child = Command::new("/usr/sbin/nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("error.log"))
            .spawn()
            .expect("nginx starts");
        let started = Self { child, port };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return started;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        panic!("nginx does not answer: {log}");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM to the master, which stops its workers; SIGKILL would leave them behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
