//! The scripts to run, and the options for running them.

use std::path::{Path, PathBuf};

use crate::parse::{Definitions, parse};
use crate::report::{Finished, Report, Verdict};
use crate::settings::Settings;
use crate::source::{Place, ReadError, Unsupported};

/// Options for running scripts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Words and their replacements, as packetdrill's `-D NAME=VALUE`.
    pub definitions: Definitions,
    /// Options as at the head of a script, whose own take precedence: `("ip_version", "ipv6")`.
    pub head: Vec<(String, Option<String>)>,
    /// Timer ticks a second of the simulated kernel (`CONFIG_HZ`). Scripts do not say on which
    /// kernel they were measured: by default one passes if it does at 250 or at 1000, and the
    /// report of a failure is that at 250, the profile's own.
    pub hz: Option<u32>,
}

/// The tick rates of kernels in use: distributions have 250 or 1000.
const TICK_RATES: [u32; 2] = [250, 1000];

/// How large a receive buffer may become, bytes (the last number of `tcp_rmem`), on machines that
/// scripts were measured on, which do not say it either though the window scale follows from it: 32 MB
/// today, 6 MB for many years, and less where there is little memory (`tcp_init`).
const RECEIVE_MEMORY: [u32; 3] = [33_554_432, 6_291_456, 3_145_728];

/// A script: its name and text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    /// The text, or why there is none.
    text: Result<String, String>,
}

impl Source {
    /// A script from a text in memory.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: Ok(text.into()) }
    }

    /// A script in a file. If the file cannot be read, the report says so.
    pub fn read(path: &Path) -> Source {
        let text = std::fs::read(path).map_err(|error| error.to_string());
        let text = text.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
        });
        Source { name: path.display().to_string(), text }
    }

    /// The scripts of a path: the file itself or, in a folder, every `*.pkt` in it and in the
    /// folders below, sorted by path. A folder without scripts, or one that cannot be read, gives a
    /// source that fails and says so.
    pub fn files(path: &Path) -> Vec<Source> {
        if !path.is_dir() {
            return vec![Source::read(path)];
        }
        let (mut found, mut sources) = (Vec::new(), Vec::new());
        collect(path, &mut found, &mut sources);
        found.sort();
        if found.is_empty() && sources.is_empty() {
            sources.push(Source::missing(path, "there is no *.pkt file in it".into()));
        }
        sources.extend(found.iter().map(|path| Source::read(path)));
        sources
    }

    fn missing(path: &Path, why: String) -> Source {
        Source { name: path.display().to_string(), text: Err(why) }
    }

    /// The name of the script.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>, unread: &mut Vec<Source>) {
    // The caller sorts the entries.
    #[allow(clippy::disallowed_methods)]
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            unread.push(Source::missing(folder, error.to_string()));
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // A link to a folder may lead back here, so links are not followed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            collect(&path, found, unread);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
}

/// Runs scripts, one after the other, each on a host of its own.
pub fn run(sources: &[Source], options: &Options) -> Report {
    let one = |source: &Source| Finished {
        name: source.name.clone(),
        verdict: match &source.text {
            Ok(text) => run_text(text, options),
            Err(why) => Verdict::NoFile(why.clone()),
        },
    };
    Report { scripts: sources.iter().map(one).collect() }
}

fn run_text(text: &str, options: &Options) -> Verdict {
    let script = match parse(text, &options.definitions) {
        Ok(script) => script,
        Err(ReadError::Syntax(error)) => return Verdict::Unreadable(error),
        Err(ReadError::Unsupported(unsupported)) => return Verdict::Skipped(unsupported),
    };
    let rates = options.hz.map_or(TICK_RATES.to_vec(), |hz| vec![hz]);
    let machines =
        RECEIVE_MEMORY.iter().flat_map(|bytes| rates.iter().map(move |hz| (*bytes, *hz)));
    let mut first = None;
    for (bytes, hz) in machines {
        let mut settings = Settings::new();
        settings.profile.tick.hz = hz;
        settings.profile.receive_memory[2] = bytes;
        for (name, value) in &options.head {
            if let Err(what) = settings.option(name, value.as_deref()) {
                return Verdict::Skipped(Unsupported { place: Place { line: 1, column: 1 }, what });
            }
        }
        match crate::run::run(&script, settings) {
            Verdict::Failed(failure) => {
                first.get_or_insert(Verdict::Failed(failure));
            }
            verdict => return verdict,
        }
    }
    first.unwrap_or(Verdict::Passed { output: Vec::new() })
}
