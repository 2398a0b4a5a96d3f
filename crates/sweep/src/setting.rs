//! `Setting`: what a visit of a sweep is, but for its network and its seed.

use std::sync::Arc;

use http::Version;
use roundtrip_advise::{Changed, Proposals, Reach, propose};
use roundtrip_http::client::Scheme;
use roundtrip_lab::{Caches, DEFAULT_DATE, Net};
use roundtrip_page::{Layouts, Options, Program};
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::scenario::Scenario;
use roundtrip_visit::{ClientCaches, Plan, Runs};

use crate::digest::{Digest, Hash};
use crate::error::SweepError;
use crate::input::Opened;
use crate::plan::{BrowserModel, InputSource, Protocol, SweepPlan, WantedVariants};

/// The name of the visit as it is, among variants.
pub(crate) const AS_IS: &str = "as-is";
/// The name of a second visit as it is: what variants for those who come back are held against.
pub(crate) const SECOND_VISIT: &str = "second-visit";

/// What a visit of a sweep is, but for its network and its seed.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The input's name.
    pub input: Arc<str>,
    /// What the servers speak at most.
    pub protocol: Protocol,
    /// Whose behaviour it has.
    pub browser: BrowserModel,
    /// The name of the change.
    pub variant: Arc<str>,
    /// The name of the variant that the change is held against.
    pub base: &'static str,
    /// The scenario, on some network.
    pub(crate) changed: Changed,
    /// All of it.
    pub(crate) digest: Hash,
}

impl Setting {
    /// What it is, in a few words.
    pub fn words(&self) -> String {
        let (browser, slower) = (self.browser.name.name(), self.browser.slower);
        format!("{}, {}, {browser} {slower}x, {}", self.input, self.protocol.name(), self.variant)
    }

    fn new(of: &Place<'_>, variant: &str, base: &'static str, changed: Changed) -> Self {
        let digest = digest(&changed);
        Self {
            input: of.input.name.as_str().into(),
            protocol: of.protocol,
            browser: of.browser,
            variant: variant.into(),
            base,
            changed,
            digest,
        }
    }
}

/// All that decides how the scenario goes, but for the network. Who lays pages out, and what was laid out
/// before, does not.
fn digest(changed: &Changed) -> Hash {
    let Scenario { plan, servers, .. } = &changed.scenario;
    let plan = Plan { painter: None, layouts: None, ..plan.clone() };
    Digest::default().with_debug(&plan).with_debug(servers).with_debug(&changed.nearer).finish()
}

/// Where in the product settings are made.
struct Place<'a> {
    input: &'a InputSource,
    protocol: Protocol,
    browser: BrowserModel,
}

/// The settings of one input, what was not possible of them, and the names of all variants there are.
#[derive(Default)]
pub(crate) struct SettingsOfInput {
    pub(crate) settings: Vec<Setting>,
    /// What was left out or is not as recorded, each in a sentence.
    pub(crate) notes: Vec<String>,
    pub(crate) proposed: Vec<String>,
}

impl SettingsOfInput {
    /// Makes them. `program` lays pages out; without one this process does.
    ///
    /// # Errors
    /// When the input cannot be what the plan wants of it.
    pub(crate) fn of(
        plan: &SweepPlan,
        input: &InputSource,
        opened: &Opened,
        program: Option<&Program>,
    ) -> Result<Self, SweepError> {
        let mut made = Self::default();
        for said in &opened.substituted {
            made.note(input, said);
        }
        // Most visits lay the same page out.
        let layouts = Layouts::default();
        for &protocol in &plan.protocols {
            for &browser in &plan.browsers {
                let place = Place { input, protocol, browser };
                let mut scenario = scenario(plan, opened, browser);
                scenario.plan.layouts = Some(layouts.clone());
                scenario.plan.painter = program.cloned();
                speak(&mut scenario, protocol, plan, input)?;
                made.variants(plan, &place, &scenario, opened);
            }
        }
        Ok(made)
    }

    fn note(&mut self, input: &InputSource, said: &str) {
        let note = format!("{}: {said}", input.name);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The settings with one scenario: as it is, and with each change that is wanted.
    fn variants(
        &mut self,
        plan: &SweepPlan,
        place: &Place<'_>,
        scenario: &Scenario,
        opened: &Opened,
    ) {
        let as_is = Changed::unchanged(scenario.clone());
        self.settings.push(Setting::new(place, AS_IS, AS_IS, as_is));
        let is_wanted = |name: &str| match &plan.variants {
            WantedVariants::All => true,
            WantedVariants::Named(names) => names.iter().any(|(wanted, _)| wanted == name),
        };
        let wants_any = plan.variants != WantedVariants::Named(Vec::new());
        let Proposals { document: Some(document), variants, .. } =
            (if wants_any { propose(opened.story(), scenario) } else { Proposals::default() })
        else {
            if wants_any {
                self.note(place.input, "no page, so that no variant is tried on it");
            }
            return;
        };
        let mut comes_back = is_wanted(SECOND_VISIT);
        let mut changed = Vec::new();
        for variant in variants {
            self.proposed.push(variant.name.clone());
            if !is_wanted(&variant.name) {
                continue;
            }
            let base = match variant.reach {
                Reach::SecondVisit => SECOND_VISIT,
                Reach::Site | Reach::Sacrifice | Reach::Surroundings => AS_IS,
            };
            match variant.applied(scenario, &document) {
                Ok(with) => {
                    comes_back |= base == SECOND_VISIT;
                    changed.push(Setting::new(place, &variant.name, base, with));
                }
                Err(error) => {
                    let note = format!("{} is not tried: of the document, {error}", variant.name);
                    self.note(place.input, &note);
                }
            }
        }
        self.proposed.push(SECOND_VISIT.to_owned());
        if comes_back {
            let plan = Plan { client_caches: ClientCaches::Warm, ..scenario.plan.clone() };
            let second = Changed::unchanged(Scenario { plan, ..scenario.clone() });
            self.settings.push(Setting::new(place, SECOND_VISIT, SECOND_VISIT, second));
        }
        self.settings.append(&mut changed);
    }
}

/// The visit of an input, as a browser carries it out.
fn scenario(plan: &SweepPlan, opened: &Opened, browser: BrowserModel) -> Scenario {
    let visit = opened.plan.clone().behaving_as(browser.browser());
    let visit = Plan {
        page: Some(Options { viewport: plan.viewport, ..Options::default() }),
        limit: plan.limit,
        runs: Runs::Exactly(1),
        ..visit
    };
    let network =
        Virtual { net: Net::IDEAL, seed: 1, date: DEFAULT_DATE, caches: Caches::default() };
    Scenario { plan: visit, network, servers: opened.servers.clone() }
}

/// Has the servers speak what is wanted of them.
fn speak(
    scenario: &mut Scenario,
    protocol: Protocol,
    plan: &SweepPlan,
    input: &InputSource,
) -> Result<(), SweepError> {
    let mut secure = false;
    for server in &mut scenario.servers {
        let is_secure = server.origin.scheme == Scheme::Https;
        secure |= is_secure;
        match protocol {
            Protocol::Recorded => {}
            Protocol::Http11 => server.version = server.version.min(Version::HTTP_11),
            Protocol::Http2 if is_secure => server.version = Version::HTTP_2,
            Protocol::Http2 => {}
        }
    }
    if protocol == Protocol::Http2 && !secure {
        let what = format!(
            "{} is spoken to in the clear, and browsers speak h2 over TLS only: a folder or the demo has https = true",
            input.name
        );
        return Err(SweepError::Plan { plan: plan.path.clone(), line: Some(input.line), what });
    }
    Ok(())
}
