//! Where records are kept, and the views that are written beside them.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use roundtrip_record::{Capture, Folder, ReplayOf, RunLabel, Runs, Settings, UnfinishedRun};
use roundtrip_report::{Attachments, Language, Model, Original, Story, html, write_har};
use roundtrip_story::Budget;
use sha2::{Digest as _, Sha256};

use crate::args::{self, Output};
use crate::terminal;

/// A record's folder, kept for later or only while the command runs.
pub(crate) struct Kept {
    /// The path of the folder.
    pub(crate) path: PathBuf,
    /// The id under which the run can be shown later; `None` if it is not among the saved runs.
    pub(crate) id: Option<String>,
    /// Keeps the folder from being removed, or removes it at the end.
    _hold: FolderHolder,
}

#[allow(dead_code, reason = "what is held is held to be dropped")]
enum FolderHolder {
    /// A folder named by the user.
    Named,
    /// A folder of the saved runs.
    Saved(UnfinishedRun),
    /// A temporary folder, removed when the command ends.
    Temporary(tempfile::TempDir),
}

impl Kept {
    /// The folder that the arguments name, or else one of the saved runs. If neither can be made, a
    /// temporary one is used, and a note says so.
    pub(crate) fn new(output: &Output, subject: &str) -> anyhow::Result<Self> {
        Self::beside(output, subject, None)
    }

    /// The same, where the run in the folder `read` is read meanwhile and so must stay.
    pub(crate) fn beside(
        output: &Output,
        subject: &str,
        read: Option<&Path>,
    ) -> anyhow::Result<Self> {
        match &output.out {
            Some(path) => Ok(Self::named(path)),
            None if output.no_keep => Self::passing(),
            None => Self::saved(output, subject, read),
        }
    }

    /// A folder named by the user.
    pub(crate) fn named(path: &Path) -> Self {
        if path.join("record.jsonl").is_file() {
            terminal::note(&format!("{}: the record that was here is replaced", path.display()));
        }
        Self {
            path: path.to_owned(),
            id: Some(path.display().to_string()),
            _hold: FolderHolder::Named,
        }
    }

    /// A new folder of the saved runs.
    fn saved(output: &Output, subject: &str, read: Option<&Path>) -> anyhow::Result<Self> {
        let label = RunLabel { name: output.name.clone(), pinned: output.pin };
        let room = output.keep_size.unwrap_or(Runs::KEPT_BYTES);
        let writing = saved().and_then(|runs| {
            Ok(runs.with_room(room).sparing(read).create(&short_id(subject), &label)?)
        });
        match writing {
            Ok(writing) => Ok(Self {
                path: writing.run.path.clone(),
                id: Some(writing.run.id.clone()),
                _hold: FolderHolder::Saved(writing),
            }),
            Err(error) if label == RunLabel::default() => {
                terminal::note(&format!("this run is not kept: {}", terminal::whole(&error)));
                Self::passing()
            }
            Err(error) => Err(error),
        }
    }

    fn passing() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("roundtrip-").tempdir()?;
        let path = folder.path().to_owned();
        Ok(Self { path, id: None, _hold: FolderHolder::Temporary(folder) })
    }

    /// The recorder's settings for this folder.
    pub(crate) fn settings(&self, output: &Output) -> Settings {
        Settings {
            capture: match output.capture {
                args::Capture::Client => Capture::Client,
                args::Capture::All => Capture::All,
                args::Capture::None => Capture::Nothing,
            },
            keep_secrets: output.keep_secrets,
            redact: output.redact.clone(),
            ..Settings::in_folder(&self.path)
        }
    }

    /// Reads the record, writes its views beside it, and returns its model.
    pub(crate) fn views(&self) -> anyhow::Result<Model> {
        self.judged(None)
    }

    /// The same, with what a budget says of the run.
    pub(crate) fn judged(&self, budget: Option<&Budget>) -> anyhow::Result<Model> {
        let folder = Folder::open(&self.path)?;
        let mut model = model(&folder)?;
        model.budget = budget.map(|budget| budget.judge(&model.story));
        if self.id.is_none() {
            return Ok(model);
        }
        let bodies = folder.bodies();
        let path = self.path.join("visit.har");
        let written = create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write_har(&model, &bodies, &mut file)?;
            file.flush()
        });
        written.with_context(|| format!("cannot write {}", path.display()))?;
        write(&self.path.join("report.html"), html(&model, &Attachments::of(&folder)).as_bytes())?;
        if let Some(picture) = picture(&model, &folder) {
            write(&self.path.join("page.png"), &picture)?;
        }
        Ok(model)
    }
}

/// Opens a saved record by its id, its name or its folder.
pub(crate) fn open(run: &str) -> anyhow::Result<Folder> {
    Ok(open_named(run)?.0)
}

/// The same, with the text by which the record is found later too: `latest` is another run then.
pub(crate) fn open_named(run: &str) -> anyhow::Result<(Folder, String)> {
    let path = Path::new(run);
    if path.exists() {
        return Ok((Folder::open(path)?, run.to_owned()));
    }
    let found = saved()?.find(run)?;
    Ok((Folder::open(found.path)?, found.id))
}

/// Whether `text` names a saved record. If it looks like an id and there is no such run, that is an
/// error.
pub(crate) fn is_run(text: &str) -> anyhow::Result<bool> {
    let path = Path::new(text);
    if path.join("record.jsonl").is_file() || path.file_name().is_some_and(|n| n == "record.jsonl")
    {
        return Ok(true);
    }
    if text.contains(['/', '.', ':']) || path.exists() {
        return Ok(false);
    }
    let found = saved().and_then(|runs| Ok(runs.find(text)?));
    // Three or more hexadecimal digits are taken for an id, since hosts hardly have such names.
    let like_an_id = text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match found {
        Ok(_) => Ok(true),
        Err(error) if like_an_id || text == "latest" => Err(error.context(format!(
            "{text} is no saved run (roundtrip show lists them); a host of this name is http://{text}/"
        ))),
        Err(_) => Ok(false),
    }
}

/// Reads a record and returns its model, with the original run of a replay, in the language of what is shown.
pub(crate) fn model(folder: &Folder) -> anyhow::Result<Model> {
    model_in(folder, terminal::language())
}

/// The same, in a language.
pub(crate) fn model_in(folder: &Folder, language: Language) -> anyhow::Result<Model> {
    let (events, cut) = folder.read()?;
    let mut model = Model::told_in(Story { cut, ..Story::new(events) }, language);
    model.original =
        model.story.run.as_ref().and_then(|run| run.replay_of.as_ref()).and_then(original);
    Ok(model)
}

/// The original run of a replay, if its record still exists unchanged.
fn original(reference: &ReplayOf) -> Option<Original> {
    let folder = open(&reference.run).ok()?;
    let same = match &reference.digest {
        Some(digest) => folder.digest().is_ok_and(|found| found == *digest),
        None => true,
    };
    let (events, _) = folder.read().ok().filter(|_| same)?;
    Some(Original::of(&Story::new(events)))
}

/// The page's picture as PNG, if the page was painted.
pub(crate) fn picture(model: &Model, folder: &Folder) -> Option<Vec<u8>> {
    folder.bodies().get(&model.painted.as_ref()?.what.picture).ok()
}

/// The store of saved runs.
pub(crate) fn saved() -> anyhow::Result<Runs> {
    Ok(Runs::new(state("runs")?))
}

/// The folder of this name for what is to stay on this machine.
pub(crate) fn state(name: &str) -> anyhow::Result<PathBuf> {
    Ok(base("XDG_STATE_HOME", ".local/state")?.join("roundtrip").join(name))
}

/// The folder for caches that are kept between runs; `None` if there is no home folder.
pub(crate) fn cache() -> Option<PathBuf> {
    base("XDG_CACHE_HOME", ".cache").ok().map(|base| base.join("roundtrip"))
}

/// A base folder of the XDG Base Directory Specification. Relative paths in the variable are
/// ignored, as it requires.
fn base(variable: &str, default: &str) -> anyhow::Result<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(default));
    set.or_else(home).ok_or_else(|| {
        anyhow!("no place to keep runs: neither {variable} nor HOME is set; --out DIR names one")
    })
}

/// A new id of four hexadecimal digits, made from the subject, the clock and the process id.
fn short_id(subject: &str) -> String {
    let clock = roundtrip_os::Clock::start().wall_epoch();
    let digest = Sha256::digest(format!("{subject} {clock} {}", std::process::id()));
    format!("{:02x}{:02x}", digest[0], digest[1])
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    create(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Makes an empty file that only its owner may read.
fn create(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
