//! Gathers the licences of everything that becomes part of the binary, for `roundtrip licenses`.
//!
//! They are read from the packages themselves, where Cargo put them, so that they always fit Cargo.lock.
//! Equal texts stand once, under the names of all packages that have them. Where they cannot be gathered
//! the program is built all the same and says what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde_json::Value;

/// How files are called that hold a licence, in lower case.
const NAMES: [&str; 8] =
    ["license", "licence", "unlicense", "copying", "notice", "copyright", "ofl", "ufl"];
/// Folders of a package in which its licences, or those of fonts in it, may stand.
const FOLDERS: [&str; 3] = ["licenses", "license", "fonts"];

/// The fonts that the crate `page` carries as files, and their licences.
const FONTS: [(&str, &str); 2] =
    [("Liberation fonts", "LICENSE-Liberation"), ("Noto Sans SC (a subset)", "LICENSE-NotoSansSC")];

fn main() {
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    println!("cargo::rerun-if-changed=build.rs");
    let notices = gather().unwrap_or_else(|why| {
        println!("cargo::warning=no licences for `roundtrip licenses`: {why}");
        format!("The licences could not be gathered when this program was built: {why}\n")
    });
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut packed, notices.as_bytes()).expect("memory takes everything");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it"));
    fs::write(out.join("notices.zlib"), packed.finish().expect("memory takes everything"))
        .expect("OUT_DIR can be written");
}

fn gather() -> Result<String, Box<dyn std::error::Error>> {
    let told = Command::new(env::var_os("CARGO").ok_or("no CARGO in the environment")?)
        .args(["metadata", "--format-version=1", "--offline", "--all-features"])
        .arg(format!("--filter-platform={}", env::var("TARGET")?))
        .output()?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).trim().into());
    }
    let told: Value = serde_json::from_slice(&told.stdout)?;
    let mut head = String::from(
        "roundtrip contains the following software and fonts of others, each under its own licence.\n\n",
    );
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in linked(&told) {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let title = format!("{} {}", field("name"), field("version"));
        writeln!(head, "{title}  {}  {}", field("license"), field("repository"))?;
        let folder = Path::new(field("manifest_path")).parent().ok_or("a manifest in no folder")?;
        for text in licences(folder)? {
            texts.entry(text).or_default().insert(title.clone());
        }
    }
    let fonts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../page/fonts");
    for (owner, file) in FONTS {
        writeln!(head, "{owner}  OFL-1.1")?;
        let text = text(&fonts.join(file)).ok_or_else(|| format!("{file} cannot be read"))?;
        texts.entry(text).or_default().insert(owner.into());
    }
    for (text, owners) in texts {
        let owners: Vec<String> = owners.into_iter().collect();
        write!(head, "\n{line}\n{}\n{line}\n{text}\n", owners.join(", "), line = "=".repeat(80))?;
    }
    Ok(head)
}

/// The packages of others that the binary is linked from, by name: normal dependencies of ours. Macros
/// run at build time and are no part of it.
fn linked(told: &Value) -> Vec<&Value> {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<&str, &Value> = told["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let nodes: BTreeMap<String, Vec<Value>> = list(&told["resolve"]["nodes"])
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?.to_owned(), list(&node["deps"]))))
        .collect();
    let mut wanted: Vec<String> = packages
        .iter()
        .filter(|(_, package)| package["name"] == env!("CARGO_PKG_NAME"))
        .map(|(id, _)| (*id).to_owned())
        .collect();
    let mut seen: BTreeSet<String> = wanted.iter().cloned().collect();
    while let Some(id) = wanted.pop() {
        for dependency in nodes.get(&id).into_iter().flatten() {
            let normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let Some(id) = dependency["pkg"].as_str().filter(|_| normal) else { continue };
            if seen.insert(id.to_owned()) {
                wanted.push(id.to_owned());
            }
        }
    }
    let is_macro = |package: &Value| {
        list(&package["targets"])
            .iter()
            .any(|target| list(&target["kind"]).contains(&"proc-macro".into()))
    };
    let mut found: Vec<&Value> = seen
        .iter()
        .filter_map(|id| packages.get(id.as_str()).copied())
        .filter(|package| !package["source"].is_null() && !is_macro(package))
        .collect();
    found.sort_by_key(|package| (package["name"].to_string(), package["version"].to_string()));
    found
}

/// The licence texts in a package's folder, and in the folders in it that are there for them.
fn licences(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in sorted(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if path.is_dir() && FOLDERS.contains(&name.as_str()) {
            for inside in sorted(&path)? {
                let of_fonts = name == "fonts" && !is_licence(&inside);
                found.extend(text(&inside).filter(|_| !of_fonts));
            }
        } else if is_licence(&path) {
            found.extend(text(&path));
        }
    }
    Ok(found)
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    NAMES.iter().any(|start| {
        name.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
    }) || path.extension().is_some_and(|end| end == "txt")
        && NAMES.iter().any(|part| name.contains(part))
}

/// A file that is text.
fn text(path: &Path) -> Option<String> {
    let code = path
        .extension()
        .is_some_and(|end| ["rs", "ttf", "otf", "html"].iter().any(|code| end == *code));
    let text = String::from_utf8(fs::read(path).ok().filter(|_| path.is_file() && !code)?).ok()?;
    Some(text.replace("\r\n", "\n").trim().to_owned())
}

#[allow(clippy::disallowed_methods, reason = "sorted at once")]
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
