//! Looks at files: what they are, and what is in them.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;

use super::content::{Content, Known, Open, Stamp};
use crate::media::{self, Media};
use crate::server::Request;

/// Files this small are kept in memory while they are asked for.
const SMALL: u64 = 64 * 1024;
/// Of how much of a file the media type is made.
const START: u64 = 4 * 1024;
/// How much of a text is read to see its charset: a few milliseconds, and once only while the file stays as it is.
/// A longer one is as if none were known.
const SEEN: u64 = 8 << 20;

/// The path with all symbolic links followed, if that is still below the root.
pub(super) fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    if path.starts_with(root) { Ok(path) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Looks at a file, which was found at `at` and is at `path`, and reads it if it is small. What is neither
/// file nor folder (a device, a pipe) is not opened: that could take for ever.
pub(super) fn look(at: &Path, path: &Path, request: &Request) -> io::Result<(Rc<Known>, Open)> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let stamp = Stamp::of(&meta);
    let small = meta.len() <= SMALL;
    let mut start = Vec::new();
    let take = if small { SMALL + 1 } else { START };
    file.by_ref().take(take).read_to_end(&mut start)?;
    let found = Some((at.to_path_buf(), stamp));
    // A file that is being written: what was read is what is served.
    if small && start.len() as u64 <= SMALL {
        let media = media::of_file(&name, &start, true);
        let bytes = Bytes::from(start);
        let (length, content) = (bytes.len() as u64, Content::Bytes(bytes.clone()));
        let known = Known::new(length, stamp.modified, media, (content, found), request);
        return Ok((known, Open::Bytes(bytes)));
    }
    let media = of_large(&name, &mut file, start, meta.len())?;
    let known = Known::new(meta.len(), stamp.modified, media, (Content::File, found), request);
    Ok((known, Open::File(Rc::new(file))))
}

/// What a file is that begins with `start`: more of it is read where it may be text.
fn of_large(name: &str, file: &mut File, mut start: Vec<u8>, length: u64) -> io::Result<Media> {
    let whole = length <= SEEN && media::may_be_text(name, &start);
    if whole {
        file.take(SEEN.saturating_sub(start.len() as u64)).read_to_end(&mut start)?;
    }
    Ok(media::of_file(name, &start, whole))
}

/// A file in memory.
pub(super) fn in_memory(
    name: &str,
    bytes: &Bytes,
    modified: Option<SystemTime>,
    request: &Request,
) -> (Rc<Known>, Open) {
    let media = media::of_file(name, bytes, true);
    let content = (Content::Bytes(bytes.clone()), None);
    let known = Known::new(bytes.len() as u64, modified, media, content, request);
    (known, Open::Bytes(bytes.clone()))
}
