//! Imports every file that is named and accounts for it, one line each: what it is, how many
//! exchanges, connections and notes came of it, or why it was refused. `-v` prints the notes too.
//!
//! `cargo run --release -p roundtrip-import --example account -- *.har`

use std::path::Path;

use roundtrip_import::{Options, import};
use roundtrip_record::{Log, What};
use roundtrip_story::{Exchange, Story, as_millis};

fn main() {
    let (flags, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument == "-v");
    for file in files {
        let log = Log::memory();
        match import(Path::new(&file), &Options::default(), &log) {
            Ok(imported) => {
                let story = Story::new(log.events());
                let writer = log.events().iter().find_map(|event| match &event.what {
                    What::ImportedFile(file) => Some(format!("{}, {}", file.format, file.writer)),
                    _ => None,
                });
                println!(
                    "ok {file}: {}; {} entries, {} exchanges, {} connections, {:.0} ms, status {:?}, {} notes",
                    writer.unwrap_or_default(),
                    imported.entries,
                    story.exchanges.len(),
                    story.connections.len(),
                    as_millis(story.total().took()),
                    story.document().and_then(Exchange::status),
                    imported.notes.len(),
                );
                for note in imported.notes.iter().filter(|_| !flags.is_empty()) {
                    println!("    {} × {}", note.count, note.note);
                }
            }
            Err(error) => println!("refused {error}"),
        }
    }
}
