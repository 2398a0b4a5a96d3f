//! Where bodies are written: each `-o` or `-O` is for one URL, in the order of the command line.

use std::path::{Path, PathBuf};

use url::Url;

use super::args::Get;
use super::destination::Making;
use super::early::Early;
use super::glob::Match;
use super::output::{Named, Target};
use crate::args::Format;

/// What the options say of one URL's body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// Write to this file: `-o FILE`.
    File(String),
    /// Write to a file named as in the URL: `-O`.
    Remote,
}

/// What the options say of the body of each URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wishes(Vec<Wish>);

impl Wishes {
    pub(super) fn read(arguments: &Get) -> Self {
        let wish = |(option, text): (&str, &str)| match option {
            "output" => Wish::File(text.to_owned()),
            _ => Wish::Remote,
        };
        Self(arguments.words.of(&["output", "remote-name"]).map(wish).collect())
    }

    /// The target of the body of the URL with this number.
    pub(super) fn target(
        &self,
        arguments: &Get,
        number: usize,
        found: &Match,
        url: &Url,
    ) -> anyhow::Result<Target> {
        let making = Making::of(arguments)?;
        let folder = arguments.files.output_dir.as_deref();
        let file = |path: PathBuf, named| {
            let path = folder.map_or(path.clone(), |folder| folder.join(&path));
            Target::File { path, named, making }
        };
        let of_all = arguments.remote_name_all.then_some(&Wish::Remote);
        Ok(match self.0.get(number).or(of_all) {
            Some(Wish::File(name)) if name == "-" => Target::Output,
            Some(Wish::File(name)) => file(PathBuf::from(found.fill(name)), Named::Here),
            Some(Wish::Remote) => file(remote(url, naming(arguments))?, naming(arguments)),
            None if arguments.format == Format::Json => Target::Nowhere,
            None => Target::Output,
        })
    }
}

fn naming(arguments: &Get) -> Named {
    if arguments.remote_header_name { Named::ByServer } else { Named::Here }
}

/// curl's exit code for a file that cannot be written (`CURLE_WRITE_ERROR`).
const WRITE_ERROR: u8 = 23;

/// The last part of the URL's path, not decoded; empty where there is none and the server is to name the
/// file.
fn remote(url: &Url, named: Named) -> anyhow::Result<PathBuf> {
    let name = url.path_segments().and_then(|mut segments| segments.next_back());
    match name.filter(|name| !name.is_empty() && !matches!(*name, "." | "..")) {
        Some(name) => Ok(Path::new(name).to_path_buf()),
        None if named == Named::ByServer => Ok(PathBuf::new()),
        None => {
            let text = format!("-O: {url} names no file; -o FILE does");
            Err(Early { code: WRITE_ERROR, text }.into())
        }
    }
}
