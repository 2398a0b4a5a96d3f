//! The content of a request, from the options for data, forms and files, as curl reads them.

use std::fs::File;
use std::path::Path;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use roundtrip_fetch::Sends;
use roundtrip_http::Body;
use roundtrip_http::form::URLENCODED;
use roundtrip_visit::get::Content;

use super::args::Get;
use super::early::Early;
use super::percent::{self, Letters, is_unreserved};
use super::source::{read, unread};

/// A request body with its media type.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) sends: Sends,
    pub(super) content: Content,
    pub(super) media_type: Option<String>,
    /// The data that `-G` puts into the URL instead of the body.
    pub(super) query: Option<String>,
    /// The file that goes up, where it has a length.
    pub(super) file: Option<Uploaded>,
}

/// A file that goes up, or its rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uploaded {
    /// The offset of the first byte that is sent.
    pub(super) from: u64,
    /// The length of the whole file, in bytes.
    pub(super) length: u64,
}

/// The options whose values together make one body.
const DATA: [&str; 5] = ["data", "data-binary", "data-raw", "data-urlencode", "json"];

impl Carried {
    fn nothing() -> Self {
        Self {
            sends: Sends::Nothing,
            content: Content::default(),
            media_type: None,
            query: None,
            file: None,
        }
    }
}

/// The content of a request: the data that [`data`] gives, a form with its media type, or the file that goes
/// up.
pub(super) fn carried(
    arguments: &Get,
    data: Option<&Bytes>,
    form: Option<&(Body, String)>,
    upload_file: Option<&str>,
) -> anyhow::Result<Carried> {
    let kinds = [data.is_some(), form.is_some(), upload_file.is_some()];
    if kinds.iter().filter(|kind| **kind).count() > 1 {
        bail!("only one of -d and its kin, -F and -T can be the body of a request");
    }
    if arguments.head && !arguments.get && (kinds[0] || kinds[1]) {
        bail!("-I asks for a head alone, -d and -F send a body: only one of them can be had");
    }
    if let Some(data) = data {
        return posted(arguments, data);
    }
    if let Some((body, media_type)) = form {
        // Its parts lie in memory and in files, so that it can be read as often as it is wanted.
        let content = body.again().unwrap_or_default().into();
        let media_type = Some(media_type.clone());
        return Ok(Carried { sends: Sends::Post, content, media_type, ..Carried::nothing() });
    }
    match upload_file {
        Some(path) => {
            // With `-C -` only the server knows where: the file is sent from its beginning.
            let from = offset(arguments, || 0)?.unwrap_or(0);
            let (content, file) = upload(Path::new(path), from)?;
            Ok(Carried { sends: Sends::Put, content, file, ..Carried::nothing() })
        }
        None => Ok(Carried::nothing()),
    }
}

/// What `-d` and its kin give, all together; `None` where there is none of them.
pub(super) fn data(arguments: &Get) -> anyhow::Result<Option<Bytes>> {
    let mut all = Vec::new();
    let mut begun = false;
    for (option, text) in arguments.words.of(&DATA) {
        // Pieces of JSON are joined as they are, pieces of a form as fields, with `&`.
        if begun && option != "json" {
            all.push(b'&');
        }
        begun = true;
        match (option, text.strip_prefix('@')) {
            ("data-raw", _) | ("data" | "data-binary" | "json", None) => {
                all.extend_from_slice(text.as_bytes());
            }
            ("data", Some(path)) => {
                all.extend(
                    read(path)?.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)),
                );
            }
            ("data-urlencode", _) => all.extend_from_slice(encoded(text)?.as_bytes()),
            (_, Some(path)) => all.extend(read(path)?),
            (_, None) => all.extend_from_slice(text.as_bytes()),
        }
    }
    Ok(begun.then(|| all.into()))
}

/// The content of a request that takes this data along.
fn posted(arguments: &Get, data: &Bytes) -> anyhow::Result<Carried> {
    if arguments.get {
        let query =
            String::from_utf8(data.to_vec()).map_err(|_| anyhow!("-G: the data is no text"))?;
        return Ok(Carried { query: Some(query), ..Carried::nothing() });
    }
    let media_type = if arguments.json.is_empty() { URLENCODED } else { "application/json" };
    Ok(Carried {
        sends: Sends::Post,
        content: Body::from(data.clone()).into(),
        media_type: Some(media_type.to_owned()),
        ..Carried::nothing()
    })
}

/// One value of `--url-query`: as `--data-urlencode` has it, or behind a plus sign as it is.
pub(super) fn query(text: &str) -> anyhow::Result<String> {
    match text.strip_prefix('+') {
        Some(plain) => Ok(plain.to_owned()),
        None => encoded(text),
    }
}

/// Encodes one value of `--data-urlencode` (curl(1)): `content`, `=content`, `name=content`,
/// `@file` or `name@file`.
fn encoded(text: &str) -> anyhow::Result<String> {
    let at = text.find(['=', '@']);
    let (name, content) = match at {
        None => ("", text.as_bytes().to_vec()),
        Some(at) if text.as_bytes()[at] == b'=' => {
            (&text[..at], text.as_bytes()[at + 1..].to_vec())
        }
        Some(at) => (&text[..at], read(&text[at + 1..])?),
    };
    let mut out = String::new();
    if !name.is_empty() {
        out.push_str(name);
        out.push('=');
    }
    let plain = |byte| is_unreserved(byte) || byte == b' ';
    out.push_str(&percent::encoded(&content, plain, Letters::Capital).replace(' ', "+"));
    Ok(out)
}

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new(".")
}

/// The offset of `-C` to resume at, in bytes; with `-C -`, the one that is `found`.
pub(super) fn offset(arguments: &Get, found: impl FnOnce() -> u64) -> anyhow::Result<Option<u64>> {
    match arguments.continue_at.as_deref() {
        None => Ok(None),
        Some("-") => Ok(Some(found())),
        Some(text) => {
            let from = text.parse();
            from.map(Some).map_err(|_| anyhow!("-C {text}: wanted a number of bytes, or -"))
        }
    }
}

/// The body of `-T`, from this offset on.
fn upload(path: &Path, from: u64) -> anyhow::Result<(Content, Option<Uploaded>)> {
    let pipe = |file: File| {
        if from > 0 {
            bail!(
                "-C {from}: {} has no length, so that its rest cannot be told; give a file",
                path.display()
            )
        }
        Ok((Content::pipe(file), None))
    };
    if is_standard_input(path) {
        let input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?;
        return pipe(File::from(input));
    }
    let file = File::open(path).map_err(|error| unread(&path.display(), &error))?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return pipe(file);
    }
    let length = meta.len();
    if from > 0 && from >= length {
        /// curl's exit code for a part that is missing (`CURLE_PARTIAL_FILE`).
        const PARTIAL_FILE: u8 = 18;
        let text = format!(
            "-C {from}: {} has {length} bytes, all of them uploaded already; nothing was sent",
            path.display()
        );
        return Err(Early { code: PARTIAL_FILE, text }.into());
    }
    let body = Body::file(file, from, length - from);
    Ok((body.into(), Some(Uploaded { from, length })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_encoded_as_curl_does() {
        for (text, expected) in [
            ("a b", "a+b"),
            ("=a=b", "a%3Db"),
            ("n=\u{e4}&", "n=%C3%A4%26"),
            ("plain-._~", "plain-._~"),
        ] {
            assert_eq!(encoded(text).ok().as_deref(), Some(expected));
        }
    }
}
