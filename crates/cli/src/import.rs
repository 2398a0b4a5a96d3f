//! The command `roundtrip import`.

use std::path::Path;

use anyhow::bail;
use roundtrip_import::{ImportError, Observed, Options};
use roundtrip_record::{Folder, Log, Recorder};
use roundtrip_report::{json, terminal as view};

use crate::args::{Colour, Format, Import};
use crate::keep::{self, Kept};
use crate::outcome::Outcome;
use crate::terminal;

/// Runs the command: each file becomes a run. What the visit in it came to does not matter to the
/// exit code, which says whether the files could be imported.
pub(crate) fn run(arguments: &Import, colour: Colour) -> Outcome {
    if let [_, second, ..] = arguments.files.as_slice()
        && (arguments.output.out.is_some() || arguments.output.name.is_some())
    {
        bail!(
            "--out and --name are for one file; {} would overwrite the one before",
            second.display()
        );
    }
    let mut failed = false;
    for file in &arguments.files {
        if let Err(error) = one(arguments, colour, file) {
            if arguments.files.len() == 1 {
                return Err(error);
            }
            terminal::note(&terminal::whole(&error));
            failed = true;
        }
    }
    Ok(if failed { 2 } else { 0 })
}

fn one(arguments: &Import, colour: Colour, file: &Path) -> anyhow::Result<()> {
    show(arguments, colour, &keep(arguments, file)?)
}

/// Reads a file into a run.
pub(crate) fn keep(arguments: &Import, file: &Path) -> anyhow::Result<Kept> {
    // A file that cannot be read leaves no run behind.
    std::fs::File::open(file)
        .map_err(|source| ImportError::Io { path: file.to_owned(), source })?;
    let existed = arguments.output.out.as_ref().is_some_and(|out| out.exists());
    let kept = Kept::new(&arguments.output, &file.display().to_string())?;
    terminal::progress(arguments.quiet, &format!("importing {} …", file.display()));
    match record(arguments, &kept, file) {
        Ok(()) => Ok(kept),
        Err(error) => {
            if !existed {
                // Nothing was there before, and what is there now is no run.
                let _ = std::fs::remove_dir_all(&kept.path);
            }
            Err(error)
        }
    }
}

/// Reads the file into the run's folder.
fn record(arguments: &Import, kept: &Kept, file: &Path) -> anyhow::Result<()> {
    let log = Log::new(Recorder::new(kept.settings(&arguments.output))?);
    let options = Options {
        page: arguments.page.clone(),
        keys: arguments.keys.clone(),
        observed: Observed::default(),
    };
    roundtrip_import::import(file, &options, &log)?;
    Ok(log.finish()?)
}

/// Prints the view for the terminal. The others are written into a folder that the user named; of a
/// saved run they can be had at any time (`show`), and those of a recording may be large.
fn show(arguments: &Import, colour: Colour, kept: &Kept) -> anyhow::Result<()> {
    let model = match &arguments.output.out {
        Some(_) => kept.views()?,
        None => keep::model(&Folder::open(&kept.path)?)?,
    };
    if arguments.output.format == Format::Json {
        return Ok(terminal::print(&format!("{:#}", json(&model)))?);
    }
    let mut options = terminal::options(colour);
    options.saved.clone_from(&kept.id);
    options.detail = terminal::detail(arguments.verbose, arguments.quiet);
    Ok(terminal::print(&view(&model, &options))?)
}
