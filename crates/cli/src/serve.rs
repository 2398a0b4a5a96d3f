//! The command `roundtrip serve`.

use std::cell::RefCell;
use std::io::{LineWriter, Write as _, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{anyhow, bail};
use roundtrip_http::handler::{Hidden, Listing};
use roundtrip_http::server::{Options, Served};
use roundtrip_visit::Identity;
use roundtrip_visit::ground::Ground;
use roundtrip_visit::serve::{Echoing, Service, serve};

use crate::Outcome;
use crate::args::Serve;
use crate::calendar::rfc3339;
use crate::network::{Wire, wire};

/// Serves until a signal ends it.
pub(crate) fn run(arguments: &Serve) -> Outcome {
    let service = service(arguments)?;
    let ground = match arguments.wire.as_deref().map(wire).transpose()? {
        None | Some(Wire::Live) => Ground::Live,
        Some(Wire::Tap(settings)) => Ground::Tap(settings),
        Some(Wire::Lab) => {
            bail!("--wire lab: nobody could reach it; roundtrip visit DIR serves DIR in the lab")
        }
    };
    let scheme = if service.identity.is_some() { "https" } else { "http" };
    let folder = service.folder.display().to_string();
    let lines = RequestLog::new();
    let quiet = arguments.quiet;
    serve(
        &service,
        &ground,
        |at| println!("serving {folder} at {scheme}://{at}/"),
        move |served| {
            if !quiet {
                lines.write(served);
            }
        },
    )?;
    Ok(0)
}

fn service(arguments: &Serve) -> anyhow::Result<Service> {
    let seconds = arguments.keepalive_timeout;
    let keep_alive = Duration::try_from_secs_f64(seconds)
        .map_err(|_| anyhow!("--keepalive-timeout {seconds}: wanted seconds"))?;
    let mut options = Options { keep_alive, ..Options::default() };
    if arguments.no_keepalive {
        options.max_requests = 1;
    }
    let identity = arguments.cert.as_ref().zip(arguments.key.as_ref());
    Ok(Service {
        folder: arguments.dir.clone(),
        listen: arguments.listen,
        programs: arguments.cgi.clone(),
        echo: if arguments.echo { Echoing::On } else { Echoing::Off },
        hosts: arguments.host.iter().map(|text| host(text)).collect::<anyhow::Result<_>>()?,
        listing: if arguments.list { Listing::Shown } else { Listing::Hidden },
        hidden: if arguments.hidden { Hidden::Served } else { Hidden::Missing },
        program_limit: Duration::try_from_secs_f64(arguments.cgi_timeout)
            .map_err(|_| anyhow!("--cgi-timeout {}: wanted seconds", arguments.cgi_timeout))?,
        identity: identity.map(|(chain, key)| Identity { chain: chain.clone(), key: key.clone() }),
        options,
    })
}

/// Parses `NAME=DIR`: a host, and the folder it serves.
pub(crate) fn host(text: &str) -> anyhow::Result<(String, PathBuf)> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), folder.into()))
        }
        _ => Err(anyhow!("--host {text}: wanted NAME=DIR, as docs.local=docs/")),
    }
}

/// The request log on standard output: one line for each request, in the common log format with the
/// time taken.
struct RequestLog(RefCell<Option<LineWriter<std::io::Stdout>>>);

impl RequestLog {
    fn new() -> Self {
        Self(RefCell::new(Some(LineWriter::new(stdout()))))
    }

    fn write(&self, served: &Served<'_>) {
        let mut lines = self.0.borrow_mut();
        let Some(out) = lines.as_mut() else { return };
        if out.write_all(line(served).as_bytes()).is_err() {
            // The reader of the log is gone; the server goes on without it.
            *lines = None;
        }
    }
}

/// One line of the log: `127.0.0.1 [2026-01-31T12:00:00Z] "GET / HTTP" 200 1234 0.5 ms`
fn line(served: &Served<'_>) -> String {
    let method = served.method.map_or("-", http::Method::as_str);
    // The request target comes from the client, so characters that could control a terminal are
    // replaced.
    let target: String =
        served.target.chars().map(|char| if char.is_control() { '?' } else { char }).collect();
    let cut = if served.complete { "" } else { " cut" };
    format!(
        "{} {} {method} {target} {} {} B {:.1} ms{cut}\n",
        rfc3339(served.wall),
        served.peer.ip(),
        served.status.as_u16(),
        served.body,
        served.took.as_secs_f64() * 1000.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_and_folders() {
        assert_eq!(host("a.b=c/d").ok(), Some(("a.b".to_owned(), PathBuf::from("c/d"))));
        assert!(host("a.b").is_err() && host("=d").is_err() && host("a=").is_err());
    }
}
