//! The page that lists a folder.

use core::cmp::Ordering;
use core::fmt::Write as _;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream;
use time::OffsetDateTime;

use super::path::{Place, encode};
use crate::Body;
use crate::server::{Response, escape};
use crate::turn::others;

/// After so many entries other requests have their turn.
const TURN: usize = 256;

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) folder: bool,
    pub(crate) length: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Column {
    #[default]
    Name,
    Size,
    Date,
}

impl Column {
    const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Date];

    /// As it stands in a URL.
    const fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Date => "date",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Size => "Size",
            Self::Date => "Changed (UTC)",
        }
    }
}

/// In which order a list is: folders always stand before files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    column: Column,
    /// The greatest first.
    descending: bool,
}

impl Order {
    /// As a query asks for it: `sort=size&order=desc`. What is not understood is passed over.
    pub(crate) fn parse(query: &str) -> Self {
        let mut order = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "sort" => {
                    let known = Column::ALL.into_iter().find(|column| column.key() == value);
                    order.column = known.unwrap_or_default();
                }
                "order" => order.descending = value == "desc",
                _ => {}
            }
        }
        order
    }

    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        let own = match self.column {
            Column::Name => a.name.cmp(&b.name),
            Column::Size => a.length.cmp(&b.length),
            Column::Date => a.modified.cmp(&b.modified),
        };
        let own = if self.descending { own.reverse() } else { own };
        b.folder.cmp(&a.folder).then(own).then_with(|| a.name.cmp(&b.name))
    }
}

/// What lies in a folder of the file system. What is neither file nor folder, or cannot be looked at, is left out.
#[allow(clippy::disallowed_methods, reason = "the page sorts what it lists")]
pub(crate) async fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (count, entry) in std::fs::read_dir(folder)?.enumerate() {
        if count % TURN == TURN - 1 {
            others().await;
        }
        let entry = entry?;
        let Ok(meta) = entry.path().metadata() else { continue };
        if meta.is_dir() || meta.is_file() {
            entries.push(Entry {
                name: entry.file_name(),
                folder: meta.is_dir(),
                length: if meta.is_dir() { 0 } else { meta.len() },
                modified: meta.modified().ok(),
            });
        }
    }
    Ok(entries)
}

/// Whether the page of a folder has a form for files to put there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadForm {
    /// It has.
    Shown,
    /// It has not.
    #[default]
    Absent,
}

/// The page. That of a large folder goes out while it is made.
pub(crate) async fn page(
    place: &Place,
    mut entries: Vec<Entry>,
    order: Order,
    form: UploadForm,
) -> Response {
    entries.sort_unstable_by(|a, b| order.compare(a, b));
    let mut start = String::new();
    begin(place, order, form, &mut start);
    if entries.len() <= TURN {
        rows(&entries, &mut start);
        start.push_str(END);
        return Response::html(start);
    }
    others().await;
    let parts = entries.len().div_ceil(TURN);
    let middle = (0..parts).map(move |part| {
        let own = &entries[part * TURN..entries.len().min((part + 1) * TURN)];
        let mut text = String::new();
        rows(own, &mut text);
        text
    });
    let all = core::iter::once(start).chain(middle).chain([END.to_owned()]);
    let mut response = Response::html("");
    response.body = Body::stream(None, stream::iter(all.map(|text| Ok(Bytes::from(text)))));
    response
}

/// Narrow screens have the name above size and date. Both colour schemes are the browser's own.
const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{max-width:60em;margin:1em auto;padding:0 1em}\
h1{font-size:1.3em;overflow-wrap:anywhere}\
table{width:100%;border-collapse:collapse}\
th{text-align:left;font-weight:600}\
td,th{padding:.25em .5em;border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}\
td:first-child{overflow-wrap:anywhere}\
.s,.d{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
a{text-decoration:none}a:hover{text-decoration:underline}\
@media(max-width:34em){tr{display:flex;flex-wrap:wrap;justify-content:space-between;\
border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}\
td,th{border:0}td:first-child{flex:1 0 100%}.s,.d{font-size:.85em;opacity:.8}}";

const END: &str = "</table>\n</html>\n";

/// A browser sends it to the folder itself, and comes back to it.
const FORM: &str = "<form method=\"post\" enctype=\"multipart/form-data\">\
    <input type=\"file\" name=\"files\" multiple required> <button>Upload</button></form>\n";

fn begin(place: &Place, order: Order, form: UploadForm, page: &mut String) {
    let mut title = String::from("/");
    for segment in &place.segments {
        escape(&segment.to_string_lossy(), &mut title);
        title.push('/');
    }
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    if form == UploadForm::Shown {
        page.push_str(FORM);
    }
    page.push_str("<table>\n<tr>");
    for column in Column::ALL {
        let (key, title) = (column.key(), column.title());
        let sorted = order.column == column;
        let (next, mark) = match (sorted, order.descending) {
            (true, false) => ("desc", " \u{25b2}"),
            (true, true) => ("asc", " \u{25bc}"),
            (false, _) => ("asc", ""),
        };
        let class = ["", " class=\"s\"", " class=\"d\""][column as usize];
        let _ =
            write!(page, "<th{class}><a href=\"?sort={key}&amp;order={next}\">{title}{mark}</a>");
    }
    page.push('\n');
    if !place.segments.is_empty() {
        page.push_str("<tr><td><a href=\"../\">../</a><td class=\"s\"><td class=\"d\">\n");
    }
}

fn rows(entries: &[Entry], page: &mut String) {
    let mut link = String::new();
    for entry in entries {
        let slash = if entry.folder { "/" } else { "" };
        link.clear();
        encode(&entry.name, &mut link);
        page.push_str("<tr><td><a href=\"./");
        // `&` may stand in a path: here it would begin a character reference.
        escape(&link, page);
        let _ = write!(page, "{slash}\">");
        escape(&entry.name.to_string_lossy(), page);
        let _ = write!(page, "{slash}</a><td class=\"s\"");
        if entry.folder {
            page.push('>');
        } else {
            let _ = write!(page, " title=\"{} bytes\">{}", entry.length, size(entry.length));
        }
        page.push_str("<td class=\"d\">");
        if let Some(modified) = entry.modified {
            date(modified, page);
        }
        page.push('\n');
    }
}

/// A length as people read it: `17 B`, `4.2 kB`, `120 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1000.0, 0);
    // What would be shown as 1000 of a unit is 1 of the next.
    while value >= 999.5 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

fn date(at: SystemTime, page: &mut String) {
    let at = OffsetDateTime::from(at);
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute) = (at.hour(), at.minute());
    let _ = write!(page, "{:04}-{month:02}-{day:02} {hour:02}:{minute:02}", at.year());
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9949, "9.9 kB"),
            (9950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (123_456_789, "123 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn folders_come_first_in_every_order() {
        let entry = |name: &str, folder, length, at| Entry {
            name: name.into(),
            folder,
            length,
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at)),
        };
        let all = [
            entry("b", false, 1, 30),
            entry("z", true, 0, 5),
            entry("a", false, 2, 20),
            entry("c", false, 2, 10),
        ];
        let sorted = |query| {
            let mut all = all.to_vec();
            all.sort_by(|a, b| Order::parse(query).compare(a, b));
            all.iter().map(|entry| entry.name.to_str().unwrap()).collect::<String>()
        };
        assert_eq!(sorted(""), "zabc");
        assert_eq!(sorted("order=desc"), "zcba");
        assert_eq!(sorted("sort=size"), "zbac");
        assert_eq!(sorted("sort=size&order=desc"), "zacb");
        assert_eq!(sorted("sort=date&order=asc"), "zcab");
        assert_eq!(sorted("sort=nothing&x"), "zabc");
    }

    #[test]
    fn links_mean_the_name_whatever_stands_in_it() {
        let mut page = String::new();
        let entry = Entry { name: "a&copy=\"b\\".into(), folder: false, length: 0, modified: None };
        rows(&[entry], &mut page);
        assert!(page.contains("href=\"./a&amp;copy=%22b%5C\""), "{page}");
        assert!(page.contains(">a&amp;copy=&quot;b\\</a>"), "{page}");
    }
}
