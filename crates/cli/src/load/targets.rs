//! What is asked for, and on which ground.

use core::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use http::Method;
use roundtrip_http::client::Scheme;
use roundtrip_http::message::Fields;
use roundtrip_load::{LoadError, Target};
use roundtrip_visit::ground::Ground;
use roundtrip_visit::run::RunError;
use roundtrip_visit::site::Site;

use super::args::Load;
use crate::network::Wire;
use crate::sites::{FOLDER_HOST, Sites, site};

/// The targets, the ground, and what the lab serves.
pub(super) struct Aimed {
    pub(super) targets: Vec<Target>,
    pub(super) ground: Ground,
    sites: Sites,
    folder: Option<PathBuf>,
}

impl Aimed {
    /// Reads them from the arguments.
    pub(super) fn read(arguments: &Load) -> anyhow::Result<Self> {
        let sites = Sites::read(&arguments.network)?;
        let folder = folder(arguments);
        let ground = match (&folder, arguments.network.wire()?) {
            (Some(_), None | Some(Wire::Lab)) => Ground::Lab(Box::new(arguments.network.lab()?)),
            (Some(folder), Some(_)) => bail!(
                "{} is a folder, which is served in the lab; roundtrip serve puts it on a real wire",
                folder.display()
            ),
            (None, _) => arguments.network.ground()?,
        };
        let (fields, body) = (fields(&arguments.header)?, body(arguments.data.as_deref())?);
        let method = method(arguments)?;
        let weights = weights(arguments)?;
        let mut targets = Vec::new();
        for (subject, weight) in arguments.subjects.iter().zip(weights) {
            let url = if folder.is_some() {
                format!("http://{FOLDER_HOST}/").parse()?
            } else {
                let url = roundtrip_http::url::parse(subject);
                url.map_err(|kind| LoadError::Target { url: subject.clone(), kind: kind.into() })?
            };
            if !matches!(url.scheme(), "http" | "https") {
                bail!("{subject}: only http and https are spoken");
            }
            let (method, fields, body) = (method.clone(), fields.clone(), body.clone());
            targets.push(Target { method, url, fields, body, weight });
        }
        Ok(Self { targets, ground, sites, folder })
    }

    /// Makes the sites of the lab.
    pub(super) fn sites(&self) -> Result<Vec<Site>, RunError> {
        match &self.folder {
            Some(folder) => self.sites.beside(vec![site(FOLDER_HOST, folder, Scheme::Http)?]),
            None => self.sites.make(),
        }
    }
}

/// The folder that is to be served, where one is named.
fn folder(arguments: &Load) -> Option<PathBuf> {
    match arguments.subjects.as_slice() {
        [one] => Some(PathBuf::from(one)).filter(|path| path.is_dir()),
        _ => None,
    }
}

fn weights(arguments: &Load) -> anyhow::Result<Vec<NonZeroU32>> {
    let (given, subjects) = (arguments.weights.len(), arguments.subjects.len());
    match given {
        0 => Ok(vec![NonZeroU32::MIN; subjects]),
        _ if given == subjects => Ok(arguments.weights.clone()),
        _ => bail!("--weights has {given} numbers for {subjects} URLs; wanted one for each"),
    }
}

fn method(arguments: &Load) -> anyhow::Result<Method> {
    match &arguments.request {
        Some(name) => name.parse().map_err(|_| anyhow!("-X {name}: not a method")),
        None if arguments.data.is_some() => Ok(Method::POST),
        None => Ok(Method::GET),
    }
}

fn fields(given: &[String]) -> anyhow::Result<Fields> {
    let mut fields = Fields::new();
    for text in given {
        let (name, value) =
            text.split_once(':').ok_or_else(|| anyhow!("-H {text}: wanted NAME: VALUE"))?;
        fields
            .push(name.trim(), value.trim().as_bytes())
            .map_err(|error| anyhow!("-H {text}: {error}"))?;
    }
    Ok(fields)
}

fn body(given: Option<&str>) -> anyhow::Result<Vec<u8>> {
    match given {
        None => Ok(Vec::new()),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => std::fs::read(path).with_context(|| format!("-d {text}")),
            None => Ok(text.as_bytes().to_vec()),
        },
    }
}
