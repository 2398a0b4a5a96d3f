//! Same input and seed, same bytes in every artefact.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use roundtrip_http::client::Scheme;
use sha2::{Digest as _, Sha256};

/// Where the digests of the demo's record stand: one line for each scheme, with the page engine and
/// without.
const DIGESTS: &str = "tests/demo.sha256";
/// Rewrites the lines of this configuration, where a change of the record is meant:
/// `ROUNDTRIP_REWRITE=1 cargo test -p roundtrip-visit --test determinism`, once with and once with
/// `--no-default-features`.
const REWRITE: &str = "ROUNDTRIP_REWRITE";

/// SHA-256 over every artefact with its name and its length, in the order of their names.
#[allow(clippy::format_collect, reason = "32 bytes")]
fn digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update(format!("{name} {}\n", bytes.len()));
        hash.update(bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two visits in folders of their own; fails where one file of theirs differs.
fn twice(scheme: Scheme, seed: u64) -> BTreeMap<String, Vec<u8>> {
    let [first, second] = [(), ()].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(common::demo(scheme, seed, folder.path()), 0);
        common::artefacts(folder.path())
    });
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>(),
        "the two visits left different files"
    );
    for (name, bytes) in &first {
        if let Some(at) = difference(bytes, &second[name]) {
            panic!("{name} differs from byte {at} on, {} visit with seed {seed}", scheme.name());
        }
    }
    first
}

fn difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let at = one.iter().zip(other).position(|(one, other)| one != other);
    at.or((one.len() != other.len()).then(|| one.len().min(other.len())))
}

#[test]
fn two_visits_are_one_to_the_byte_and_as_they_were_when_last_looked_at() {
    let engine = if cfg!(feature = "page") { "page" } else { "no-page" };
    let mut digests = BTreeMap::new();
    for scheme in [Scheme::Http, Scheme::Https] {
        let files = twice(scheme, 1);
        for wanted in ["record.jsonl", "trace.pcapng"] {
            assert!(files.get(wanted).is_some_and(|bytes| !bytes.is_empty()), "no {wanted}");
        }
        assert!(files.keys().any(|name| name.starts_with("bodies/")), "no bodies");
        digests.insert(format!("demo {} {engine}", scheme.name()), digest(&files));
    }
    let kept = std::fs::read_to_string(DIGESTS).unwrap_or_default();
    if std::env::var_os(REWRITE).is_some() {
        rewrite(Path::new(DIGESTS), &kept, &digests);
        return;
    }
    for (what, digest) in digests {
        let line = kept.lines().find_map(|line| line.strip_suffix(&format!("  {what}")));
        assert_eq!(
            line,
            Some(digest.as_str()),
            "the record of the {what} changed. If that is meant: {REWRITE}=1 cargo test -p \
             roundtrip-visit --test determinism, with and without --no-default-features, and say \
             in the commit what changed in it"
        );
    }
}

#[allow(clippy::format_collect, reason = "four lines")]
fn rewrite(path: &Path, kept: &str, digests: &BTreeMap<String, String>) {
    let mut lines: BTreeMap<String, String> = kept
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, what)| (what.to_owned(), digest.to_owned()))
        .collect();
    lines.extend(digests.clone());
    let text: String = lines.iter().map(|(what, digest)| format!("{digest}  {what}\n")).collect();
    std::fs::write(path, text).expect("the file of digests can be written");
}

/// A test of sameness that finds no difference where there is one would prove nothing.
#[test]
fn another_seed_is_another_visit() {
    let digests = [1, 2].map(|seed| {
        let folder = tempfile::tempdir().expect("a folder");
        common::demo(Scheme::Https, seed, folder.path());
        digest(&common::artefacts(folder.path()))
    });
    assert_ne!(digests[0], digests[1]);
}
