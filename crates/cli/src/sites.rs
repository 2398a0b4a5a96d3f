//! The sites of the lab's Internet, which URLs can lead to.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use roundtrip_http::client::Scheme;
use roundtrip_http::handler::Files;
use roundtrip_visit::demo;
use roundtrip_visit::run::RunError;
pub(crate) use roundtrip_visit::site::FOLDER_HOST;
use roundtrip_visit::site::Site;
use url::Url;

use crate::args::Network;
use crate::serve::host;

/// The sites of the lab: the demo's, and the folders of `--site`.
pub(crate) struct Sites {
    folders: Vec<(String, PathBuf)>,
}

impl Sites {
    /// Reads the sites from the arguments.
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

    /// Whether a URL leads to one of the sites.
    pub(crate) fn has(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.names().any(|name| name == host))
    }

    /// The host names of the sites.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        demo::HOSTS.into_iter().chain(self.folders.iter().map(|(name, _)| name.as_str()))
    }

    /// Makes the sites, each over http and https.
    pub(crate) fn make(&self) -> Result<Vec<Site>, RunError> {
        let mut sites = Vec::new();
        for scheme in [Scheme::Http, Scheme::Https] {
            sites.extend(demo::sites(scheme));
        }
        self.beside(sites)
    }

    /// Adds the folders' sites to `sites`, each over http and https.
    pub(crate) fn beside(&self, mut sites: Vec<Site>) -> Result<Vec<Site>, RunError> {
        for (name, folder) in &self.folders {
            for scheme in [Scheme::Http, Scheme::Https] {
                sites.push(site(name, folder, scheme)?);
            }
        }
        Ok(sites)
    }
}

/// A site that serves a folder.
pub(crate) fn site(host: &str, folder: &std::path::Path, scheme: Scheme) -> Result<Site, RunError> {
    Ok(Site::files(host, Files::folder(folder)?, scheme))
}
