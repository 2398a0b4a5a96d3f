//! Runs packetdrill scripts: `drill [--hz=RATE] [--name=value …] [-D NAME=VALUE …] PATH …`.

use std::path::Path;
use std::process::ExitCode;

use roundtrip_drill::{Options, Source, run};

fn main() -> ExitCode {
    let mut options = Options::default();
    let mut sources = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "-D" {
            let definition = arguments.next().unwrap_or_default();
            let (name, value) = definition.split_once('=').unwrap_or((&definition, ""));
            options.definitions.insert(name.to_owned(), value.to_owned());
        } else if let Some(option) = argument.strip_prefix("--") {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (option, None),
            };
            match (name, &value) {
                ("hz", Some(rate)) => options.hz = rate.parse().ok(),
                _ => options.head.push((name.to_owned(), value)),
            }
        } else {
            sources.extend(Source::files(Path::new(&argument)));
        }
    }
    let report = run(&sources, &options);
    print!("{report}");
    ExitCode::from(report.exit_code())
}
