//! Reads an input: whatever it is, in the end it is a recorded visit whose servers can answer again.

use std::path::{Path, PathBuf};

use roundtrip_http::client::Scheme;
use roundtrip_http::handler::Files;
use roundtrip_import::Options;
use roundtrip_lab::{Caches, DEFAULT_DATE, Profile};
use roundtrip_record::{Bodies, BodyRef, Event, Folder, Log};
use roundtrip_story::Story;
use roundtrip_visit::answers::Server;
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::RunError;
use roundtrip_visit::scenario::first_visit;
use roundtrip_visit::site::{FOLDER_HOST, Site};
use roundtrip_visit::{Browser, Plan, demo};
use url::Url;

use crate::error::SweepError;
use crate::folder::tree;
use crate::plan::InputSource;

/// Where inputs are found.
pub struct Sources<'a> {
    /// Paths begin here.
    pub folder: &'a Path,
    /// The folder of a saved run, by its id or name, or why there is none.
    pub saved: &'a dyn Fn(&str) -> Result<PathBuf, String>,
}

/// An input that was read: a visit, and what its servers answered.
pub struct Opened {
    /// What the client does.
    pub plan: Plan,
    /// The servers.
    pub servers: Vec<Server>,
    /// In what the servers are not as recorded, each in a sentence.
    pub substituted: Vec<String>,
    story: Recording,
}

/// What an input is.
enum Kind {
    Demo,
    /// A folder, and the page in it.
    Site(PathBuf, String),
    Run(PathBuf),
    /// A recording of another program.
    Recording(PathBuf),
}

impl Opened {
    /// Reads an input.
    ///
    /// # Errors
    /// When there is none, or it is of no visit.
    pub fn read(source: &InputSource, sources: &Sources<'_>) -> Result<Self, SweepError> {
        let bad = |why: String| SweepError::input(&source.name, why);
        let kind = kind(source, sources).map_err(bad)?;
        if source.https && matches!(kind, Kind::Run(_) | Kind::Recording(_)) {
            return Err(bad(
                "https is for folders and the demo: a recording goes by what it recorded".into(),
            ));
        }
        let (events, bodies) = recorded(&kind, source).map_err(bad)?;
        let recording = Recording::read(events).map_err(|error| bad(error.to_string()))?;
        let body = |content: &BodyRef| bodies.get(content).ok();
        let plan = recording.plan(body).map_err(|error| bad(error.to_string()))?;
        let servers = recording.servers(body).map_err(|error| bad(error.to_string()))?;
        Ok(Self { plan, servers, substituted: recording.differences(), story: recording })
    }

    /// What was recorded.
    pub fn story(&self) -> &Story {
        self.story.story()
    }
}

fn kind(source: &InputSource, sources: &Sources<'_>) -> Result<Kind, String> {
    let at = source.at.as_str();
    if at == "demo" {
        return Ok(Kind::Demo);
    }
    let path = sources.folder.join(at);
    if Folder::open(&path).is_ok() {
        return Ok(Kind::Run(path));
    }
    if path.is_dir() {
        return Ok(Kind::Site(path, String::new()));
    }
    if path.is_file() {
        let ends = |end: &str| at.to_ascii_lowercase().ends_with(end);
        let is_page = [".html", ".htm", ".xhtml"].into_iter().any(ends);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        return Ok(match (is_page, path.parent(), name) {
            (true, Some(folder), Some(name)) => Kind::Site(folder.to_owned(), name),
            _ => Kind::Recording(path),
        });
    }
    let found = (sources.saved)(at)
        .map_err(|why| format!("{} is not there, and it is no saved run: {why}", path.display()))?;
    Ok(Kind::Run(found))
}

/// The events of a visit, and its bodies.
fn recorded(kind: &Kind, source: &InputSource) -> Result<(Vec<Event>, Bodies), String> {
    let scheme = if source.https { Scheme::Https } else { Scheme::Http };
    match kind {
        Kind::Demo => visited(demo::plan(scheme), &|| Ok(demo::sites(scheme))),
        Kind::Site(folder, page) => {
            let tree = tree(folder).map_err(|error| error.to_string())?;
            let url = format!("{}://{FOLDER_HOST}/", scheme.name());
            let mut url = Url::parse(&url).map_err(|error| error.to_string())?;
            url.set_path(page);
            visited(Plan::get(url), &|| {
                Ok(vec![Site::files(FOLDER_HOST, Files::tree(tree.clone()), scheme)])
            })
        }
        Kind::Run(folder) => {
            let folder = Folder::open(folder).map_err(|error| error.to_string())?;
            let (events, _) = folder.read().map_err(|error| error.to_string())?;
            Ok((events, folder.bodies()))
        }
        Kind::Recording(file) => {
            let log = Log::memory();
            let options = Options::default();
            roundtrip_import::import(file, &options, &log).map_err(|error| error.to_string())?;
            Ok((log.events(), log.bodies()))
        }
    }
}

/// Visits sites once, as a browser would.
fn visited(
    plan: Plan,
    sites: &dyn Fn() -> Result<Vec<Site>, RunError>,
) -> Result<(Vec<Event>, Bodies), String> {
    // Far enough away that no body is taken to have been paced by its server.
    let network = Virtual {
        net: Profile::Cable.net(),
        seed: 1,
        date: DEFAULT_DATE,
        caches: Caches::default(),
    };
    let plan = plan.behaving_as(Browser::CHROMIUM);
    first_visit(&plan, &network, sites).map_err(|error| error.to_string())
}
