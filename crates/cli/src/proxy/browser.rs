//! `--browser`: a browser of this machine, with a fresh profile and by way of the proxy.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, anyhow};
use roundtrip_os::Windowed;
use roundtrip_wire::LocalFuture;

/// What keeps it from asking for anything that the person at the keyboard did not: the record is to hold
/// what pages ask for.
const QUIET: [&str; 13] = [
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-client-side-phishing-detection",
    "--disable-features=OptimizationHints,MediaRouter,AutofillServerCommunication,NetworkTimeServiceQuerying,Translate",
    "--disable-extensions",
    "--metrics-recording-only",
    "--no-pings",
    "--allow-browser-signin=false",
];

/// A browser of this machine.
pub(super) struct Browser(PathBuf);

/// Where is said why it could not be started.
type Failed = Rc<RefCell<Option<anyhow::Error>>>;

impl Browser {
    /// The first that is there.
    ///
    /// # Errors
    /// Where none is: which packages have one.
    pub(super) fn find() -> anyhow::Result<Self> {
        roundtrip_devtools::installed().map(Self).ok_or_else(|| {
            anyhow!(
                "--browser: no Chromium, Chrome or Edge is on the PATH; the packages are chromium (Debian, \
                 Fedora, Arch), chromium-browser (Ubuntu), google-chrome-stable and microsoft-edge-stable"
            )
        })
    }

    /// Starts it; completes when it has ended. Its profile goes with it.
    pub(super) fn visit(
        &self,
        at: SocketAddr,
        digest: Option<&str>,
        url: Option<&str>,
        tail: &[String],
        failed: Failed,
    ) -> LocalFuture<'static, ()> {
        let program = self.0.clone();
        let arguments = arguments(at, digest, url, tail);
        Box::pin(async move {
            if let Err(error) = run(&program, arguments).await {
                *failed.borrow_mut() = Some(error);
            }
        })
    }
}

async fn run(program: &Path, mut arguments: Vec<String>) -> anyhow::Result<()> {
    let profile = tempfile::Builder::new().prefix("roundtrip-browser-").tempdir()?;
    arguments.insert(0, format!("--user-data-dir={}", profile.path().display()));
    let started = Windowed::start(program, &arguments);
    let mut browser = started.with_context(|| format!("cannot start {}", program.display()))?;
    browser.wait().await?;
    Ok(())
}

fn arguments(
    at: SocketAddr,
    digest: Option<&str>,
    url: Option<&str>,
    tail: &[String],
) -> Vec<String> {
    // One that listens everywhere is reached at home.
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let mut arguments = vec![
        format!("--proxy-server=http://{}", SocketAddr::new(ip, at.port())),
        // Without it, what is on this machine would be asked straight.
        "--proxy-bypass-list=<-loopback>".to_owned(),
    ];
    arguments
        .extend(digest.map(|digest| format!("--ignore-certificate-errors-spki-list={digest}")));
    arguments.extend(QUIET.map(str::to_owned));
    if rustix::process::geteuid().is_root() {
        // It does not start otherwise.
        arguments.push("--no-sandbox".to_owned());
    }
    arguments.extend(tail.iter().cloned());
    arguments.extend(url.map(str::to_owned));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_of_the_proxy_and_its_key() {
        let at = "0.0.0.0:8080".parse().expect("an address");
        let told = arguments(at, Some("abc="), Some("https://a.test/"), &["--headless".into()]);
        assert_eq!(told[0], "--proxy-server=http://127.0.0.1:8080");
        assert!(told.contains(&"--ignore-certificate-errors-spki-list=abc=".to_owned()));
        assert_eq!(told[told.len() - 2..], ["--headless", "https://a.test/"]);
    }
}
