//! The command `roundtrip serve`.

mod config;
pub(crate) mod log;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use roundtrip_http::handler::{Hidden, Listing, Ready};
use roundtrip_http::server::{Options, Served};
use roundtrip_visit::Identity;
use roundtrip_visit::ground::Ground;
use roundtrip_visit::serve::{Echoing, Place, Service, SpeaksThree, Told, serve};

use self::log::RequestLog;
use crate::Outcome;
use crate::args::Serve;
use crate::network::{Wire, wire};
use crate::terminal;
use crate::threads::processors;

/// Serves until a signal ends it.
pub(crate) fn run(given: &Serve) -> Outcome {
    let read = given.config.as_deref().map(config::read).transpose()?;
    let arguments = read.as_ref().unwrap_or(given);
    let service = service(arguments)?;
    let ground = match arguments.wire.as_deref().map(wire).transpose()? {
        None | Some(Wire::Live) => Ground::Live,
        Some(Wire::Tap(settings)) => Ground::Tap(settings),
        Some(Wire::Lab) => {
            bail!("--wire lab: nobody could reach it; roundtrip visit DIR serves DIR in the lab")
        }
    };
    let scheme = if service.identities.is_empty() { "http" } else { "https" };
    let folder = service.folder.display().to_string();
    let ready = |places: &[Place]| {
        for place in places {
            match place {
                Place::Address(at) => println!("serving {folder} at {scheme}://{at}/"),
                Place::Unix(_) => println!("serving {folder} at {place} ({scheme})"),
            }
        }
    };
    let lines = match (arguments.quiet, &arguments.log_file) {
        (true, _) => None,
        (false, None) => Some(RequestLog::standard(arguments.log_format)),
        (false, Some(path)) => {
            let opened = RequestLog::file(path, arguments.log_format);
            Some(opened.with_context(|| format!("--log-file {}", path.display()))?)
        }
    };
    let lines = Arc::new(lines);
    let seen = Arc::clone(&lines);
    let told = Told {
        ready: &ready,
        served: Arc::new(move |served| see(seen.as_ref().as_ref(), served)),
        trouble: Arc::new(terminal::note),
        reload: &|| anew(given).map_err(|error| terminal::whole(&error)),
        reopen: &|| {
            if let Some(Err(error)) = lines.as_ref().as_ref().map(RequestLog::reopen) {
                terminal::note(&format!("the log could not be opened anew, and goes on: {error}"));
            }
        },
    };
    serve(&service, &ground, &told)?;
    Ok(0)
}

/// What is to be served now, by the configuration file where there is one.
fn anew(given: &Serve) -> anyhow::Result<Service> {
    match &given.config {
        Some(path) => service(&config::read(path)?),
        None => service(given),
    }
}

/// Writes a line for a request, and what went wrong with it where the server is to blame.
fn see(lines: Option<&RequestLog>, served: &Served<'_>) {
    if let Some(lines) = lines {
        lines.write(served);
    }
    let own = served.status.is_server_error() || !served.complete;
    if let Some(why) = served.trouble.filter(|_| own) {
        let target = log::plain(served.target);
        terminal::note(&format!("{} for {target}: {}", served.status.as_u16(), log::plain(why)));
    }
}

fn service(arguments: &Serve) -> anyhow::Result<Service> {
    let seconds = arguments.keepalive_timeout;
    let keep_alive = Duration::try_from_secs_f64(seconds)
        .map_err(|_| anyhow!("--keepalive-timeout {seconds}: wanted seconds"))?;
    let mut options = Options { keep_alive, ..Options::default() };
    if arguments.no_keepalive {
        options.max_requests = 1;
    }
    let (certs, keys) = (&arguments.cert, &arguments.key);
    if certs.len() != keys.len() {
        bail!(
            "--cert is given {} times and --key {}: each needs the other",
            certs.len(),
            keys.len()
        );
    }
    let identity =
        |(chain, key): (&PathBuf, &PathBuf)| Identity { chain: chain.clone(), key: key.clone() };
    Ok(Service {
        folder: arguments.dir.clone(),
        listen: arguments.listen.clone(),
        workers: processors(arguments.workers),
        programs: arguments.cgi.clone(),
        echo: if arguments.echo { Echoing::On } else { Echoing::Off },
        hosts: arguments.host.iter().map(|text| host(text)).collect::<anyhow::Result<_>>()?,
        listing: if arguments.list { Listing::Shown } else { Listing::Hidden },
        hidden: if arguments.hidden { Hidden::Served } else { Hidden::Missing },
        ready: if arguments.precompressed { Ready::Sent } else { Ready::Ignored },
        fallback: arguments.spa.as_ref().map(|path| format!("/{}", path.trim_start_matches('/'))),
        program_limit: Duration::try_from_secs_f64(arguments.cgi_timeout)
            .map_err(|_| anyhow!("--cgi-timeout {}: wanted seconds", arguments.cgi_timeout))?,
        three: if arguments.http3 { SpeaksThree::Yes } else { SpeaksThree::No },
        fast_open: arguments.tcp_fastopen,
        identities: certs.iter().zip(keys).map(identity).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_and_folders() {
        assert_eq!(host("a.b=c/d").ok(), Some(("a.b".to_owned(), PathBuf::from("c/d"))));
        assert!(host("a.b").is_err() && host("=d").is_err() && host("a=").is_err());
    }
}
