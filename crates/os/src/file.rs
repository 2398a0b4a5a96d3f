//! Files that are read or written as a whole.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use roundtrip_wire::Text;

/// A file of configuration; `None` where there is none.
pub(crate) fn text(path: &str) -> io::Result<Option<Text>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Text {
            path: path.to_owned(),
            content: String::from_utf8_lossy(&bytes).into_owned(),
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file whole or not at all, readable by its owner only, as is its folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    let part = path.with_extension(format!("part{}", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes).and_then(|()| fs::rename(&part, path)).inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kept").join("answers.json");
        write(&path, b"first, and longer").expect("written");
        write(&path, b"second").expect("written again");
        assert_eq!(fs::read(&path).expect("it is there"), b"second");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode(&path) & 0o777, 0o600);
        assert_eq!(mode(path.parent().expect("its folder")) & 0o777, 0o700);
        let part = path.with_extension(format!("part{}", std::process::id()));
        assert!(!part.exists(), "nothing of the way there is left");
    }
}
