//! `Inputs`: what the options name that is read once.

use std::rc::Rc;

use bytes::Bytes;
use roundtrip_fetch::Netrc;
use roundtrip_http::Body;
use roundtrip_http::client::Proxies;
use roundtrip_http::message::Fields;
use roundtrip_visit::ground::Ground;

use super::args::Get;
use super::content;
use super::form::form;
use super::header::header_fields;
use super::setup::{netrc, proxies};
use super::source;

/// What the options between two `--next` name that all their transfers have in common: files that are read
/// once, since one of them may be standard input or a pipe.
#[derive(Debug)]
pub(super) struct Inputs {
    /// The proxies, with the fields of `--proxy-header`.
    pub(super) proxies: Proxies,
    /// The names and passwords of `.netrc`.
    pub(super) netrc: Rc<Netrc>,
    /// The fields of `-H`.
    pub(super) fields: Fields,
    /// Names of fields that `-H` leaves out.
    pub(super) omit: Vec<String>,
    /// What `-d` and its kin give, all together.
    pub(super) data: Option<Bytes>,
    /// The form of `-F`, with its media type.
    pub(super) form: Option<(Body, String)>,
    /// The values of `--url-query`.
    pub(super) query: Vec<String>,
    /// The format of `-w`.
    pub(super) format: Option<String>,
}

impl Inputs {
    /// Reads all of them, as curl does before it asks anything.
    ///
    /// # Errors
    /// When one cannot be read, or means nothing.
    pub(super) fn read(arguments: &Get, ground: &Ground) -> anyhow::Result<Self> {
        let (fields, omit) = header_fields(&arguments.header)?;
        let query = arguments.shape.url_query.iter().map(|text| content::query(text));
        Ok(Self {
            proxies: proxies(arguments, ground)?,
            netrc: Rc::new(netrc(arguments)),
            data: content::data(arguments)?,
            form: form(arguments, fields.text("Content-Type"))?,
            fields,
            omit,
            query: query.collect::<Result<_, _>>()?,
            format: arguments.write_out.as_deref().map(format).transpose()?,
        })
    }
}

/// The format of `-w`, read from a file for `-w @FILE`.
fn format(text: &str) -> anyhow::Result<String> {
    match text.strip_prefix('@') {
        Some(path) => Ok(String::from_utf8_lossy(&source::read(path)?).into_owned()),
        None => Ok(text.to_owned()),
    }
}
