//! The client's settings, from the options.

use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use http::Version;
use roundtrip_fetch::{Jar, Manner};
use roundtrip_http::client::{KeepAlive, Options, Proxies, Timeouts};

use super::content;
use crate::args::Get;
use crate::jar;

/// How the client behaves that goes through these proxies.
pub(super) fn options(arguments: &Get, proxies: Proxies) -> anyhow::Result<Options> {
    let version = match (arguments.http10, arguments.http11) {
        (true, _) => Version::HTTP_10,
        (false, true) => Version::HTTP_11,
        (false, false) => Version::HTTP_2,
    };
    let mut options = Options { version, ..Options::default() };
    options.timeouts = Timeouts {
        // curl's default.
        connect: Some(
            seconds(arguments.connect_timeout, "--connect-timeout")?
                .unwrap_or(Duration::from_mins(5)),
        ),
        stall: None,
        total: None,
    };
    if arguments.http10 {
        options.keep_alive = KeepAlive::Off;
    }
    options.proxies = proxies;
    if let Some(agent) = &arguments.user_agent {
        options.user_agent.clone_from(agent);
    }
    Ok(options)
}

pub(super) fn seconds(value: Option<f64>, option: &str) -> anyhow::Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    match Duration::try_from_secs_f64(value) {
        // As in curl, zero means no limit.
        Ok(Duration::ZERO) => Ok(None),
        Ok(duration) => Ok(Some(duration)),
        Err(_) => Err(anyhow!("{option} {value}: wanted seconds")),
    }
}

/// The cookie jar: filled from `-b FILE`, and empty if only `-c` is given; `None` where neither
/// asks for cookies to be kept.
pub(super) fn jar(arguments: &Get, now: SystemTime) -> Option<Jar> {
    let files: Vec<&String> = arguments.cookie.iter().filter(|text| !text.contains('=')).collect();
    if files.is_empty() && arguments.cookie_jar.is_none() {
        return None;
    }
    let mut jar = Jar::new().in_manner(Manner::Curl);
    for path in files.into_iter().filter(|path| !path.is_empty()) {
        // Like curl, takes a missing file for an empty one: the session begins without cookies.
        if let Ok(bytes) = content::read(path) {
            jar::read(&bytes, &mut jar, now);
        }
    }
    Some(jar)
}
