//! The page that lists a folder.

use core::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::path::{Place, encode};
use crate::server::escape;

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) length: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// What lies in a folder of the file system. Names that are no text, and what is neither file nor
/// folder, are left out.
#[allow(clippy::disallowed_methods, reason = "the page sorts what it lists")]
pub(crate) fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (Ok(name), Ok(meta)) = (entry.file_name().into_string(), entry.path().metadata())
        else {
            continue;
        };
        if meta.is_dir() || meta.is_file() {
            entries.push(Entry {
                name,
                folder: meta.is_dir(),
                length: meta.len(),
                modified: meta.modified().ok(),
            });
        }
    }
    Ok(entries)
}

/// The page: folders first, then files, each by name.
pub(crate) fn page(place: &Place, mut entries: Vec<Entry>) -> String {
    entries.sort_by(|a, b| b.folder.cmp(&a.folder).then_with(|| a.name.cmp(&b.name)));
    let mut title = String::from("/");
    for segment in &place.segments {
        escape(segment, &mut title);
        title.push('/');
    }
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>body{{font-family:sans-serif}}td{{padding:0 1em}}td+td{{text-align:right}}</style>\n\
         <h1>{title}</h1>\n<table>\n"
    );
    if !place.segments.is_empty() {
        page.push_str("<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    for entry in entries {
        row(&entry, &mut page);
    }
    page.push_str("</table>\n</html>\n");
    page
}

fn row(entry: &Entry, page: &mut String) {
    let slash = if entry.folder { "/" } else { "" };
    page.push_str("<tr><td><a href=\"./");
    encode(&entry.name, page);
    let _ = write!(page, "{slash}\">");
    escape(&entry.name, page);
    let _ = write!(page, "{slash}</a><td>");
    if !entry.folder {
        let _ = write!(page, "{}", entry.length);
    }
    page.push_str("<td>");
    if let Some(modified) = entry.modified.filter(|at| *at >= SystemTime::UNIX_EPOCH) {
        page.push_str(&httpdate::fmt_http_date(modified));
    }
    page.push('\n');
}
