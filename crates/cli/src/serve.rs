//! The command `roundtrip serve`.

mod config;
pub(crate) mod log;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use roundtrip_http::handler::{Admission, Hidden, Listing, Meter, Pattern, Ready, Rules, Urls};
use roundtrip_http::server::{Crowd, Options, Served};
use roundtrip_visit::Identity;
use roundtrip_visit::ground::Ground;
use roundtrip_visit::serve::{
    Compression, Echoing, Listening, Passwords, Place, Service, SpeaksThree, Told, Upload, serve,
};

use self::log::RequestLog;
use crate::Outcome;
use crate::args::Serve;
use crate::network::{Wire, wire};
use crate::terminal;
use crate::threads::processors;

/// Connections at one time, where there are descriptors for so many: ten kilobytes each.
const MOST_CONNECTIONS: usize = 65_536;

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
    let ready = |listening: &Listening<'_>| {
        let mut said: Vec<String> = Vec::new();
        for place in listening.serving {
            said.push(format!("serving {folder} at {}\n", located(place, scheme)));
        }
        for place in listening.redirecting {
            said.push(format!("redirecting {} to https\n", located(place, "http")));
        }
        said.extend(listening.metrics.map(|at| format!("metrics at http://{at}/\n")));
        // It serves whether or not anybody reads this.
        let _ = std::io::stdout().write_all(said.concat().as_bytes());
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

/// A place as people write it.
fn located(place: &Place, scheme: &str) -> String {
    match place {
        Place::Address(at) => format!("{scheme}://{at}/"),
        Place::Unix(_) => format!("{place} ({scheme})"),
    }
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
    let mut options =
        Options { keep_alive, max_connections: MOST_CONNECTIONS, ..Options::default() };
    if arguments.upload.is_some() {
        options.max_body = options.max_body.max(arguments.upload_limit);
    }
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
        redirect: arguments.redirect_https.clone(),
        workers: processors(arguments.workers),
        programs: arguments.cgi.clone(),
        echo: if arguments.echo { Echoing::On } else { Echoing::Off },
        hosts: arguments.host.iter().map(|text| host(text)).collect::<anyhow::Result<_>>()?,
        index: arguments.index.clone(),
        urls: if arguments.clean_urls { Urls::Clean } else { Urls::AsNamed },
        rules: rules(arguments),
        pages: arguments.error_page.clone(),
        compression: compression(arguments),
        realms: arguments.auth.iter().map(|text| realm(text)).collect::<anyhow::Result<_>>()?,
        uploads: arguments
            .upload
            .clone()
            .map(|folder| Upload { folder, most: arguments.upload_limit }),
        admission: Admission {
            allowed: arguments.allow.clone(),
            denied: arguments.deny.clone(),
            meter: arguments.rate_limit.map(|rate| Arc::new(Meter::new(rate))),
        },
        crowd: Crowd::new(arguments.connections_per_address.map(NonZeroUsize::get)),
        metrics: arguments.metrics,
        routes: arguments.proxy.clone(),
        patience: Duration::try_from_secs_f64(arguments.proxy_timeout)
            .map_err(|_| anyhow!("--proxy-timeout {}: wanted seconds", arguments.proxy_timeout))?,
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

fn compression(arguments: &Serve) -> Compression {
    if !arguments.compress {
        return Compression::Off;
    }
    Compression::On(usize::try_from(arguments.compress_cache).unwrap_or(usize::MAX))
}

/// Parses `[PATTERN] FILE`: paths, and who may see what is there.
fn realm(text: &str) -> anyhow::Result<(Pattern, Arc<Passwords>)> {
    // One word is a file, wherever it lies.
    let (paths, file) = match Pattern::split(text) {
        (_, "") => (Pattern::all(), text),
        rule => rule,
    };
    let users = Passwords::read(Path::new(file)).with_context(|| format!("--auth {text}"))?;
    Ok((paths, Arc::new(users)))
}

fn rules(arguments: &Serve) -> Rules {
    Rules {
        fields: arguments.header.clone(),
        cache: arguments.cache_control.clone(),
        links: arguments.link.clone(),
        origins: arguments.cors.clone().into(),
        hsts: arguments.hsts.clone(),
    }
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
