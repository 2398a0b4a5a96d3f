//! The sites of the lab's Internet: what a URL can lead to there.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use roundtrip_http::client::Scheme;
use roundtrip_http::handler::Files;
use roundtrip_visit::demo;
use roundtrip_visit::run::RunError;
use roundtrip_visit::site::Site;
use url::Url;

use crate::args::Network;
use crate::serve::host;

/// The host under which a folder that is visited is served.
pub(crate) const FOLDER_HOST: &str = "site.example";

/// The demo's hosts, and the folders that `--site` puts up.
pub(crate) struct Sites {
    folders: Vec<(String, PathBuf)>,
}

impl Sites {
    /// Reads what the arguments say.
    pub(crate) fn read(network: &Network) -> anyhow::Result<Self> {
        let mut folders = Vec::new();
        for text in &network.site {
            let (name, folder) = host(text).with_context(|| format!("--site {text}"))?;
            Files::folder(&folder).with_context(|| format!("--site {text}"))?;
            let name = name.to_ascii_lowercase();
            if demo::HOSTS.contains(&name.as_str()) || name == FOLDER_HOST {
                bail!("--site {text}: the lab has a host {name}; take another name");
            }
            folders.push((name, folder));
        }
        Ok(Self { folders })
    }

    /// Whether a URL leads to one of them.
    pub(crate) fn has(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.names().any(|name| name == host))
    }

    /// Their hosts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        demo::HOSTS.into_iter().chain(self.folders.iter().map(|(name, _)| name.as_str()))
    }

    /// Makes them, each over http and over https.
    pub(crate) fn make(&self) -> Result<Vec<Site>, RunError> {
        let mut sites = Vec::new();
        for scheme in [Scheme::Http, Scheme::Https] {
            sites.extend(demo::sites(scheme));
        }
        self.beside(sites)
    }

    /// Puts the folders beside other sites, each over http and over https.
    pub(crate) fn beside(&self, mut sites: Vec<Site>) -> Result<Vec<Site>, RunError> {
        for (name, folder) in &self.folders {
            for scheme in [Scheme::Http, Scheme::Https] {
                sites.push(site(name, folder, scheme)?);
            }
        }
        Ok(sites)
    }
}

/// A folder as a site.
pub(crate) fn site(host: &str, folder: &std::path::Path, scheme: Scheme) -> Result<Site, RunError> {
    let files = Files::folder(folder)?;
    let site = Site::http(host, Box::new(move |_| Rc::new(files)));
    // Over TLS, HTTP/2 is what a browser would come to speak.
    Ok(if scheme == Scheme::Https { site.with_two().secure() } else { site })
}
