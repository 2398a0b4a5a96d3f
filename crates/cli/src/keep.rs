//! Where records are kept, and the views that stand beside them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use roundtrip_record::{Capture, Folder, Label, ReplayOf, Runs, Settings, Writing};
use roundtrip_report::{Attachments, Model, Original, Story, har, html};
use sha2::{Digest as _, Sha256};

use crate::args::{self, Output};
use crate::terminal;

/// A record that is being kept, for good or as long as this command runs.
pub(crate) struct Kept {
    /// Its folder.
    pub(crate) path: PathBuf,
    /// The id under which it can be shown again; `None` where it goes with this command.
    pub(crate) id: Option<String>,
    /// What keeps the folder from being removed, or removes it in the end.
    _hold: Hold,
}

#[allow(dead_code, reason = "what is held is held to be dropped")]
enum Hold {
    /// The folder that was named.
    Named,
    /// One among the saved runs.
    Saved(Writing),
    /// A folder that goes with this command.
    Passing(tempfile::TempDir),
}

impl Kept {
    /// The folder that the arguments name, or one among the saved runs. Where neither can be had the
    /// record is kept for as long as the command runs, and that is said.
    pub(crate) fn new(output: &Output, subject: &str) -> anyhow::Result<Self> {
        match &output.out {
            Some(path) => Ok(Self::named(path)),
            None if output.no_keep => Self::passing(),
            None => Self::saved(output, subject),
        }
    }

    /// A folder that was named.
    pub(crate) fn named(path: &Path) -> Self {
        if path.join("record.jsonl").is_file() {
            terminal::note(&format!("{}: the record that was here is replaced", path.display()));
        }
        Self { path: path.to_owned(), id: Some(path.display().to_string()), _hold: Hold::Named }
    }

    /// A folder among the saved runs.
    pub(crate) fn saved(output: &Output, subject: &str) -> anyhow::Result<Self> {
        let label = Label { name: output.name.clone(), pinned: output.pin };
        let writing = saved().and_then(|runs| Ok(runs.create(&short_id(subject), &label)?));
        match writing {
            Ok(writing) => Ok(Self {
                path: writing.run.path.clone(),
                id: Some(writing.run.id.clone()),
                _hold: Hold::Saved(writing),
            }),
            Err(error) if label == Label::default() => {
                terminal::note(&format!("this run is not kept: {}", terminal::whole(&error)));
                Self::passing()
            }
            Err(error) => Err(error),
        }
    }

    fn passing() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("roundtrip-").tempdir()?;
        let path = folder.path().to_owned();
        Ok(Self { path, id: None, _hold: Hold::Passing(folder) })
    }

    /// How its record is kept.
    pub(crate) fn settings(&self, output: &Output) -> Settings {
        Settings {
            capture: match output.capture {
                args::Capture::Client => Capture::Client,
                args::Capture::All => Capture::All,
                args::Capture::None => Capture::Nothing,
            },
            keep_secrets: output.keep_secrets,
            ..Settings::in_folder(&self.path)
        }
    }

    /// Understands it, and writes its views beside it.
    pub(crate) fn views(&self) -> anyhow::Result<Model> {
        let folder = Folder::open(&self.path)?;
        let model = model(&folder)?;
        if self.id.is_none() {
            return Ok(model);
        }
        let bodies = folder.bodies();
        let json = serde_json::to_vec_pretty(&har(&model, &bodies))?;
        write(&self.path.join("visit.har"), &json)?;
        write(&self.path.join("report.html"), html(&model, &Attachments::of(&folder)).as_bytes())?;
        if let Some(picture) = picture(&model, &folder) {
            write(&self.path.join("page.png"), &picture)?;
        }
        Ok(model)
    }
}

/// A saved record, by its id, or its folder.
pub(crate) fn open(run: &str) -> anyhow::Result<Folder> {
    let path = Path::new(run);
    if path.exists() {
        return Ok(Folder::open(path)?);
    }
    Ok(Folder::open(saved()?.find(run)?.path)?)
}

/// Whether `text` names a saved record, or can mean nothing else: then that it is not there is an error.
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
    // Four hexadecimal digits are no host that anybody visits.
    let like_an_id = text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match found {
        Ok(_) => Ok(true),
        Err(error) if like_an_id || text == "latest" => Err(error.context(format!(
            "{text} is no saved run (roundtrip show lists them); a host of this name is http://{text}/"
        ))),
        Err(_) => Ok(false),
    }
}

/// A record, understood.
pub(crate) fn model(folder: &Folder) -> anyhow::Result<Model> {
    let (events, cut) = folder.read()?;
    let mut model = Model::of(Story { cut, ..Story::new(events) });
    model.original =
        model.story.run.as_ref().and_then(|run| run.replay_of.as_ref()).and_then(original);
    Ok(model)
}

/// What the run that was carried out again came to, if its record is still there and is the same.
fn original(reference: &ReplayOf) -> Option<Original> {
    let folder = open(&reference.run).ok()?;
    let same = match &reference.digest {
        Some(digest) => folder.digest().is_ok_and(|found| found == *digest),
        None => true,
    };
    let (events, _) = folder.read().ok().filter(|_| same)?;
    Some(Original::of(&Story::new(events)))
}

/// The page's picture, where there is one.
pub(crate) fn picture(model: &Model, folder: &Folder) -> Option<Vec<u8>> {
    folder.bodies().get(&model.painted.as_ref()?.what.picture).ok()
}

/// The saved runs.
pub(crate) fn saved() -> anyhow::Result<Runs> {
    Ok(Runs::new(base("XDG_STATE_HOME", ".local/state")?.join("roundtrip/runs")))
}

/// Where caches are kept between runs; nowhere without a home.
pub(crate) fn cache() -> Option<PathBuf> {
    base("XDG_CACHE_HOME", ".cache").ok().map(|base| base.join("roundtrip"))
}

/// A base folder of the XDG Base Directory Specification: relative paths in it are to be ignored.
fn base(variable: &str, default: &str) -> anyhow::Result<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(default));
    set.or_else(home).ok_or_else(|| {
        anyhow!("no place to keep runs: neither {variable} nor HOME is set; --out DIR names one")
    })
}

/// Four hexadecimal digits that look like nothing else. What they are made of differs from run to run.
fn short_id(subject: &str) -> String {
    let clock = roundtrip_os::Clock::start().wall_epoch();
    let digest = Sha256::digest(format!("{subject} {clock} {}", std::process::id()));
    format!("{:02x}{:02x}", digest[0], digest[1])
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let opened =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}
