//! A folder of a site, read into memory: what it gives depends on its files alone, and not on when they
//! were copied to where they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use roundtrip_http::handler::Tree;

/// The most bytes of a folder that are read.
const MOST: u64 = 1 << 30;
/// When each file is said to have been changed: long ago, at no whole second, so that what tells of it has
/// the usual length.
const CHANGED: Duration = Duration::from_nanos(1_700_000_000_123_456_789);

/// Reads a folder. What lies outside of it, by whatever link, is not reached.
///
/// # Errors
/// When a file cannot be read, or all of them are more than can be held.
pub(crate) fn tree(folder: &Path) -> io::Result<Tree> {
    let root = folder.canonicalize()?;
    let mut reader = Reader { tree: Tree::new(), room: MOST, root: root.clone() };
    reader.folder(&root, "", &mut vec![root.clone()])?;
    Ok(reader.tree)
}

struct Reader {
    root: PathBuf,
    tree: Tree,
    room: u64,
}

impl Reader {
    /// Reads a folder, whose place below the root is `path`; `within` are those that it is in.
    fn folder(&mut self, folder: &Path, path: &str, within: &mut Vec<PathBuf>) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "sorted below")]
        let entries = fs::read_dir(folder)?;
        let mut names = Vec::new();
        for entry in entries {
            // A name that is no UTF-8 cannot be asked for by a URL of this tree.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        for name in names {
            let place = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            // A link that leads nowhere or outside is as if it were not there.
            let Ok(real) = folder.join(&name).canonicalize() else { continue };
            if !real.starts_with(&self.root) || within.contains(&real) {
                continue;
            }
            if real.is_dir() {
                within.push(real.clone());
                self.folder(&real, &place, within)?;
                within.pop();
            } else if real.is_file() {
                self.file(&real, &place)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &Path, place: &str) -> io::Result<()> {
        let within =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        let bytes = fs::metadata(file).map_err(within)?.len();
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            io::Error::other(
                "it holds more than 1 GiB: visit it once, and name that run in its place",
            )
        })?;
        let content = fs::read(file).map_err(within)?;
        self.tree.insert(place, content, Some(SystemTime::UNIX_EPOCH + CHANGED));
        Ok(())
    }
}
