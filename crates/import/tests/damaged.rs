//! Damaged recordings: each file of `fuzz/corpus/import` is changed at random, again and again, and has to be read or
//! refused; what was read has to have every figure, and now and then every view. A few seconds' share of it runs with
//! the tests; `ROUNDTRIP_SEEDS` says how many, `ROUNDTRIP_FIRST` with which number to begin.

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Chance, Read};
use roundtrip_import::Options;
use roundtrip_report::{Attachments, Model, har, html, json, terminal};

/// How many of them run with the tests.
const FEW: usize = 20_000;

/// The longest that one may take. All are small: what takes longer hangs, or may be made to.
const LONGEST: Duration = Duration::from_secs(20);

/// What may be in memory at the most, in MiB; a test of a release build takes a tenth.
const MOST_MEMORY: u64 = 600;

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[allow(clippy::disallowed_methods, reason = "the files are sorted")]
fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/import");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Numbers at the edges of what fields hold, as bytes and as text.
const EDGES: [&[u8]; 12] = [
    &[0, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0],
    &[0xff, 0xff],
    b"-1",
    b"1e308",
    b"18446744073709551616",
    b"null",
    b"{}",
    b"[",
    b"\"\\ud800\"",
];

/// Changes a file at some places: bits, bytes, numbers at the edges, stretches that are left out, repeated, moved or cut.
fn spoil(file: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=chance.below(4) {
        if file.is_empty() {
            break;
        }
        let at = chance.below(file.len());
        let end = (at + 1 + chance.below(80)).min(file.len());
        match chance.below(8) {
            0 => file[at] ^= 1 << chance.below(8),
            1 => file[at] = chance.below(256) as u8,
            2 => drop(file.drain(at..end)),
            3 => {
                let copy = file[at..end].to_vec();
                drop(file.splice(at..at, copy));
            }
            4 => {
                let moved: Vec<u8> = file.drain(at..end).collect();
                let to = chance.below(file.len() + 1);
                drop(file.splice(to..to, moved));
            }
            5 => {
                let edge = EDGES[chance.below(EDGES.len())];
                let until = (at + edge.len()).min(file.len());
                drop(file.splice(at..until, edge.iter().copied()));
            }
            6 if chance.below(4) == 0 => file.truncate(at),
            // What is a digit stays one, so that more of the text is still read.
            _ if file[at].is_ascii_digit() => file[at] = b'0' + chance.below(10) as u8,
            _ => file[at] = file[at].wrapping_add(1),
        }
    }
    file
}

/// Of how many stories one is shown in every view, which takes longer than reading.
const SHOWN: usize = 50;

/// Computes what any view needs.
fn figures(read: &Read) {
    read.story.thinks();
    read.story.metrics();
    read.story.critical_to_paint();
    read.story.critical_to_load();
    read.story.slowest();
}

/// Makes the views.
fn views(read: Read) {
    let model = Model::new(read.story.events);
    terminal(&model, &roundtrip_report::Options::default());
    html(&model, &Attachments::none());
    har(&model, &read.bodies);
    json(&model);
}

/// Tells the number of the file that broke something.
struct Trying(usize);

impl Drop for Trying {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ROUNDTRIP_FIRST={} ROUNDTRIP_SEEDS=1 does it again", self.0);
        }
    }
}

/// The most that the process has had in memory, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what takes too long is a fault")]
fn damaged_recordings_are_read_or_refused() {
    let (most, first) = (number("ROUNDTRIP_SEEDS", FEW), number("ROUNDTRIP_FIRST", 0));
    let corpus = corpus();
    assert!(corpus.len() >= 8, "the corpus is not there");
    let began = Instant::now();
    let mut counts = vec![[0_u64; 2]; corpus.len()];
    let mut slowest = (Duration::ZERO, 0);
    for seed in first..first + most {
        let which = seed % corpus.len();
        let mut chance = Chance(seed as u64 ^ 0x9e37_79b9_7f4a_7c15);
        let file = spoil(&corpus[which].1, &mut chance);
        let _trying = Trying(seed);
        let started = Instant::now();
        let read =
            common::bytes(&file, &Options { page: Some("all".into()), ..Options::default() });
        counts[which][usize::from(read.is_err())] += 1;
        if let Ok(read) = read {
            figures(&read);
            if seed % SHOWN == 0 {
                views(read);
            }
        }
        let took = started.elapsed();
        assert!(took < LONGEST, "seed {seed} ({}): {took:?}", corpus[which].0.display());
        slowest = slowest.max((took, seed));
    }
    let memory = memory();
    for ((path, _), [read, refused]) in corpus.iter().zip(&counts) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:20} {read:8} read, {refused:8} refused");
        let all = read + refused;
        assert!(all < 1000 || (*read > 0 && *refused > 0), "{name}: both are to be tried");
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{most} in {took:.0} s, the slowest {} ms (seed {}), {memory} MiB at most",
        slowest.0.as_millis(),
        slowest.1
    );
    assert!(memory < MOST_MEMORY, "{memory} MiB");
}
