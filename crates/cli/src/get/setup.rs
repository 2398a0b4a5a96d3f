//! The client's settings, from the options and the environment.

use std::time::Duration;

use anyhow::anyhow;
use http::Version;
use roundtrip_http::client::{Except, KeepAlive, Options, Proxies, Proxy, Timeouts, Tunnels};

use super::Early;
use crate::args::Get;

pub(super) fn options(arguments: &Get) -> anyhow::Result<Options> {
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
    options.proxies = proxies(arguments)?;
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

/// The proxies to use: from `-x`, or from `http_proxy`, `https_proxy` and `all_proxy`, except for
/// the hosts of `--noproxy` or `no_proxy`. `HTTP_PROXY` in capitals is ignored, since a CGI program
/// has it set by whoever sends a `Proxy` header field.
fn proxies(arguments: &Get) -> anyhow::Result<Proxies> {
    let variable = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let except = match &arguments.noproxy {
        Some(hosts) => Some(hosts.clone()),
        None => variable(&["no_proxy", "NO_PROXY"]),
    };
    let except = except.unwrap_or_default();
    if except.trim() == "*" {
        return Ok(Proxies::default());
    }
    let read = |names: &[&str]| -> anyhow::Result<Option<Proxy>> {
        let text = match &arguments.proxy {
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            None => variable(names).or_else(|| variable(&["all_proxy", "ALL_PROXY"])),
        };
        let proxy = text.map(|text| Proxy::parse(&text, arguments.proxy_user.as_deref()));
        Ok(proxy.transpose().map_err(|error| Early { code: PROXY, text: error.to_string() })?)
    };
    Ok(Proxies {
        http: read(&["http_proxy"])?,
        https: read(&["https_proxy", "HTTPS_PROXY"])?,
        except: Except::parse(&except),
        tunnels: if arguments.proxytunnel { Tunnels::All } else { Tunnels::Https },
    })
}

/// curl's exit code for a proxy whose name cannot be resolved (`CURLE_COULDNT_RESOLVE_PROXY`).
const PROXY: u8 = 5;
