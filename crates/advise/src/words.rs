//! Words that several pieces of advice use.

use url::Url;

/// A URL in a few words: its path's last part, or its host.
pub(crate) fn short(url: &Url) -> String {
    let last = url.path().rsplit('/').find(|part| !part.is_empty());
    last.map_or_else(|| url.host_str().unwrap_or("/").to_owned(), str::to_owned)
}

/// Several things of a kind: the only one by its name, or how many.
pub(crate) fn several(names: &[String], noun: &str) -> String {
    match names {
        [one] => one.clone(),
        many => format!("{} {noun}s", many.len()),
    }
}

/// A list for people.
pub(crate) fn list(names: &[String]) -> String {
    const MOST: usize = 4;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A size for people.
pub(crate) fn kilobytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..10_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
