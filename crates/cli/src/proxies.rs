//! Through whom requests go, as the options and the environment say it.

use anyhow::bail;
use roundtrip_http::client::{Except, Proxies, Proxy, ProxyError, Tunnels};
use roundtrip_visit::ground::Ground;
use roundtrip_visit::run::TowardProxies;

use crate::args::ProxyOptions;
use crate::network::trust;

impl ProxyOptions {
    /// The proxies of a ground.
    ///
    /// # Errors
    /// When there are none where some are wanted, or a text names none ([`ProxyError`]).
    pub(crate) fn on(&self, ground: &Ground) -> anyhow::Result<Proxies> {
        match ground {
            Ground::Live | Ground::Tap(_) => Ok(self.proxies()?),
            Ground::Lab(_) => self.none_in_lab().map(|()| Proxies::default()),
        }
    }

    /// The same with this proxy in place of that of `-x`.
    ///
    /// # Errors
    /// As [`ProxyOptions::on`].
    pub(crate) fn by(&self, proxy: &str, ground: &Ground) -> anyhow::Result<Proxies> {
        Self { proxy: Some(proxy.to_owned()), ..self.clone() }.on(ground)
    }

    /// The proxies of a real wire: `-x`, or `http_proxy`, `https_proxy` and `all_proxy`, but for the
    /// hosts of `--noproxy`, or `no_proxy`. Of `http_proxy` only the lower-case name counts: a CGI
    /// program gets the other one from whoever sends a Proxy field.
    ///
    /// # Errors
    /// [`ProxyError`] when a text names no proxy that can be used.
    fn proxies(&self) -> Result<Proxies, ProxyError> {
        let except = match &self.noproxy {
            Some(hosts) => Some(hosts.clone()),
            None => variable(&["no_proxy", "NO_PROXY"]),
        };
        let except = except.unwrap_or_default();
        if except.trim() == "*" {
            return Ok(Proxies::default());
        }
        let read = |names: &[&str]| {
            let text = match &self.proxy {
                Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                None => variable(names).or_else(|| variable(&["all_proxy", "ALL_PROXY"])),
            };
            text.map(|text| Proxy::parse(&text, self.proxy_user.as_deref())).transpose()
        };
        Ok(Proxies {
            http: read(&["http_proxy"])?,
            https: read(&["https_proxy", "HTTPS_PROXY"])?,
            except: Except::parse(&except),
            tunnels: if self.proxytunnel { Tunnels::All } else { Tunnels::Https },
        })
    }

    /// How these proxies are met, where one of them is spoken to through TLS.
    pub(crate) fn toward(&self, proxies: &Proxies) -> Option<TowardProxies> {
        proxies.want_tls().then(|| TowardProxies {
            trust: trust(self.proxy_cacert.as_deref(), self.proxy_insecure),
            ..TowardProxies::default()
        })
    }

    /// The lab has no proxies: those of the environment are not asked, and an option that names one is
    /// refused.
    ///
    /// # Errors
    /// The option, and what to do.
    pub(crate) fn none_in_lab(&self) -> anyhow::Result<()> {
        for (given, option) in [
            (self.proxy.as_ref().is_some_and(|proxy| !proxy.is_empty()), "--proxy"),
            (self.proxy_user.is_some(), "--proxy-user"),
            (self.proxytunnel, "--proxytunnel"),
            (self.noproxy.is_some(), "--noproxy"),
            (self.proxy_cacert.is_some(), "--proxy-cacert"),
            (self.proxy_insecure, "--proxy-insecure"),
        ] {
            if given {
                bail!(
                    "{option}: the lab has no proxies, its hosts are reached straight; leave it out"
                )
            }
        }
        Ok(())
    }
}

/// The first of these variables that has a value.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
