//! What a request carries: the data, form and file options, as curl reads them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::{ArgMatches, CommandFactory as _};
use roundtrip_http::Body;
use roundtrip_http::form::{Multipart, URLENCODED};
use roundtrip_visit::get::Content;

use crate::args::{Cli, Get};

/// A body and the media type that goes with it.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) content: Content,
    pub(super) media_type: Option<String>,
    /// What `-G` puts into the URL instead.
    pub(super) query: Option<String>,
}

/// The options whose values become one body, in their order on the command line.
const DATA: [&str; 5] = ["data", "data_binary", "data_raw", "data_urlencode", "json"];
const FORM: [&str; 2] = ["form", "form_string"];

/// Reads them.
pub(super) fn carried(arguments: &Get) -> anyhow::Result<Carried> {
    let kinds = [
        has_data(arguments),
        !arguments.form.is_empty() || !arguments.form_string.is_empty(),
        arguments.upload_file.is_some(),
    ];
    if kinds.iter().filter(|kind| **kind).count() > 1 {
        bail!("only one of -d and its kin, -F and -T can be the body of a request");
    }
    if kinds[0] {
        return data(arguments);
    }
    if kinds[1] {
        return form(arguments);
    }
    match &arguments.upload_file {
        Some(path) => Ok(Carried { content: upload(path)?, ..Carried::default() }),
        None => Ok(Carried::default()),
    }
}

fn has_data(arguments: &Get) -> bool {
    let lists = [
        &arguments.data,
        &arguments.data_binary,
        &arguments.data_raw,
        &arguments.data_urlencode,
        &arguments.json,
    ];
    lists.iter().any(|list| !list.is_empty())
}

fn data(arguments: &Get) -> anyhow::Result<Carried> {
    let mut all = Vec::new();
    let mut begun = false;
    for (option, text) in in_order(&DATA, |option| match option {
        "data" => &arguments.data,
        "data_binary" => &arguments.data_binary,
        "data_raw" => &arguments.data_raw,
        "data_urlencode" => &arguments.data_urlencode,
        _ => &arguments.json,
    }) {
        // Pieces of JSON are one text, those of a form are joined as its fields are.
        if begun && option != "json" {
            all.push(b'&');
        }
        begun = true;
        match (option, text.strip_prefix('@')) {
            ("data_raw", _) | ("data" | "data_binary" | "json", None) => {
                all.extend_from_slice(text.as_bytes());
            }
            ("data", Some(path)) => {
                all.extend(
                    read(path)?.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)),
                );
            }
            ("data_urlencode", _) => all.extend_from_slice(encoded(&text)?.as_bytes()),
            (_, Some(path)) => all.extend(read(path)?),
            (_, None) => all.extend_from_slice(text.as_bytes()),
        }
    }
    if arguments.get || arguments.head {
        let query = String::from_utf8(all).map_err(|_| anyhow!("-G: the data is no text"))?;
        return Ok(Carried { query: Some(query), ..Carried::default() });
    }
    let media_type = if arguments.json.is_empty() { URLENCODED } else { "application/json" };
    Ok(Carried {
        content: Body::from(all).into(),
        media_type: Some(media_type.to_owned()),
        query: None,
    })
}

/// `content`, `=content`, `name=content`, `@file` or `name@file` (curl(1), `--data-urlencode`).
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
    for byte in content {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else if byte == b' ' {
            out.push('+');
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

fn form(arguments: &Get) -> anyhow::Result<Carried> {
    let mut boundary = [0; 12];
    fill(&mut boundary)?;
    let mut parts = Parts(Multipart::new(&boundary));
    for (option, text) in in_order(&FORM, |option| match option {
        "form" => &arguments.form,
        _ => &arguments.form_string,
    }) {
        let (name, content) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("-F {text}: wanted NAME=CONTENT, NAME=@FILE or NAME=<FILE"))?;
        if option == "form_string" {
            parts.0.text(name, content);
        } else {
            parts.add(name, content)?;
        }
    }
    let media_type = Some(parts.0.content_type());
    Ok(Carried { content: parts.0.finish().into(), media_type, query: None })
}

/// A form of several parts. Its files are opened here and read while they are sent.
struct Parts(Multipart);

impl Parts {
    /// A part with what may follow its content: `;type=`, `;filename=`.
    fn add(&mut self, name: &str, content: &str) -> anyhow::Result<()> {
        let mut segments = content.split(';');
        let mut value = segments.next().unwrap_or_default().to_owned();
        let (mut media_type, mut file_name) = (None, None);
        for segment in segments {
            match segment.trim_start().split_once('=') {
                Some(("type", text)) => media_type = Some(text.trim_matches('"').to_owned()),
                Some(("filename", text)) => file_name = Some(text.trim_matches('"').to_owned()),
                // A semicolon of the content itself.
                _ => {
                    value.push(';');
                    value.push_str(segment);
                }
            }
        }
        if let Some(path) = value.strip_prefix('<') {
            let text = String::from_utf8(read(path)?).map_err(|_| {
                anyhow!("-F {name}=<{path}: the file is no text; @ sends it as a file")
            })?;
            self.0.text(name, &text);
            return Ok(());
        }
        let Some(path) = value.strip_prefix('@') else {
            match (media_type, file_name) {
                (None, None) => self.0.text(name, &value),
                (media_type, file_name) => self.0.bytes(
                    name,
                    file_name.as_deref().unwrap_or(name),
                    media_type.as_deref().unwrap_or("text/plain"),
                    Bytes::from(value),
                ),
            }
            return Ok(());
        };
        let own = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = file_name.or(own).unwrap_or_else(|| "-".into());
        let media_type = media_type.unwrap_or_else(|| guess(path).to_owned());
        if path == "-" {
            self.0.bytes(name, &file_name, &media_type, read(path)?.into());
            return Ok(());
        }
        let file = File::open(path).with_context(|| format!("-F {name}=@{path}"))?;
        let length = file.metadata()?.len();
        self.0.file(name, &file_name, &media_type, file, length);
        Ok(())
    }
}

/// The types that curl knows by their endings; all else is a stream of bytes.
fn guess(path: &str) -> &'static str {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "pdf" => "application/pdf",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}

fn upload(path: &Path) -> anyhow::Result<Content> {
    if path == Path::new("-") {
        let input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?;
        return Ok(Content::pipe(File::from(input)));
    }
    let file = File::open(path).with_context(|| format!("-T {}", path.display()))?;
    let meta = file.metadata()?;
    if meta.is_file() {
        return Ok(Body::file(file, 0, meta.len()).into());
    }
    Ok(Content::pipe(file))
}

/// A file's bytes; `-` is standard input.
pub(super) fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path == "-" {
        let mut all = Vec::new();
        std::io::stdin().lock().read_to_end(&mut all).context("standard input")?;
        return Ok(all);
    }
    fs::read(path).with_context(|| format!("@{path}"))
}

fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
    anyhow::ensure!(filled == bytes.len(), "the system gave no randomness");
    Ok(())
}

/// Values of several options in the order in which they were given. That order is looked up only
/// where there is more than one kind of them.
fn in_order<'a>(
    options: &[&'static str],
    values: impl Fn(&str) -> &'a Vec<String>,
) -> Vec<(&'static str, String)> {
    let mut used = options.iter().filter(|option| !values(option).is_empty());
    if let (Some(only), None) = (used.next(), used.next()) {
        return values(only).iter().map(|text| (*only, text.clone())).collect();
    }
    let matches = Cli::command().get_matches();
    let Some((_, matches)) = matches.subcommand() else { return Vec::new() };
    let mut all: Vec<(usize, &'static str, String)> = Vec::new();
    for option in options {
        let indices = indices(matches, option);
        all.extend(
            indices.into_iter().zip(values(option)).map(|(at, text)| (at, *option, text.clone())),
        );
    }
    all.sort_by_key(|(at, ..)| *at);
    all.into_iter().map(|(_, option, text)| (option, text)).collect()
}

fn indices(matches: &ArgMatches, option: &str) -> Vec<usize> {
    matches.indices_of(option).map(Iterator::collect).unwrap_or_default()
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
