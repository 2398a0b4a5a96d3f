//! The resources of one page: wanted, asked for, come or failed, in the order of discovery.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use encoding_rs::Encoding;
use url::Url;

use crate::css::{self, FontFace};
use crate::encoding;
use crate::fetch::{Blocks, Delivered, Fetch, FetchId, Initiator, Kind, Priority};
use crate::holds::Holds;
use crate::limits;
use crate::media::Media;
use crate::modules;
use crate::note::Note;
use crate::policy::{
    AnswerHead, Claims, Policy, Refusal, Refused, check_integrity, is_refused_style,
};
use crate::scan::{Want, fetchable};

/// One resource.
pub(crate) struct Resource {
    pub(crate) fetch: Fetch,
    pub(crate) state: State,
    pub(crate) holds: Holds,
    /// How many `@import`s led here.
    import_depth: usize,
    /// Bytes that came, content codings undone.
    bytes: usize,
    /// A script that has run.
    ran: bool,
    /// A head named it, and nothing in the page has yet.
    named_by_head: bool,
    /// What the elements that name it say of the request.
    pub(crate) claims: Claims,
    /// What came, as long as nothing but a preload has named it: whoever does may say what it has to be.
    unclaimed: Option<Bytes>,
}

impl Resource {
    /// It has neither come nor failed.
    fn is_pending(&self) -> bool {
        matches!(self.state, State::Wanted | State::Asked)
    }

    fn is_script(&self) -> bool {
        self.fetch.kind == Kind::Script && self.holds.runs
    }

    /// An element more names it, and says this of it. What came already is looked at again.
    fn claim(&mut self, claims: Claims) -> Option<Refused> {
        self.claims.cors |= claims.cors;
        self.claims.module |= claims.module;
        self.claims.nonce = self.claims.nonce.take().or(claims.nonce);
        let integrity = claims.integrity?;
        let came = self.unclaimed.take();
        self.claims.integrity.get_or_insert_with(|| integrity.clone());
        let by = check_integrity(&integrity, &came?).err()?;
        self.state = State::Failed;
        Some(self.refused(by))
    }

    /// What came is refused.
    fn refused(&self, by: Refusal) -> Refused {
        let Fetch { url, kind, initiator, .. } = &self.fetch;
        let line = match initiator {
            Initiator::Markup { line } => *line,
            _ => 0,
        };
        let (what, kind) = (url.to_string(), Some(*kind));
        Refused { by, what, kind, line, came: true, reported_only: false }
    }

    /// Whether the page may have what came.
    fn check(
        &self,
        bytes: &[u8],
        content_type: Option<&str>,
        from: &Url,
        given: &Given<'_>,
    ) -> Result<(), Refusal> {
        let Fetch { kind, .. } = self.fetch;
        if let Some(head) = given.head {
            head.check(given.policy, kind, &self.claims, from, content_type)?;
        }
        if kind == Kind::Style {
            let essence = content_type.map(encoding::essence).unwrap_or_default();
            let nosniff = given.head.is_some_and(|head| head.nosniff);
            let own = given.policy.document().origin() == from.origin();
            if is_refused_style(&essence, nosniff, given.quirks && own) {
                return Err(Refusal::ContentType { given: essence, nosniff });
            }
        }
        match &self.claims.integrity {
            Some(integrity) => check_integrity(integrity, bytes),
            None => Ok(()),
        }
    }
}

/// What a delivery is taken by.
pub(crate) struct Given<'a> {
    /// The encoding of the document.
    pub(crate) referrer: &'static Encoding,
    pub(crate) media: Media,
    pub(crate) policy: &'a Policy,
    /// What the head of the answer says, where that is known.
    pub(crate) head: Option<&'a AnswerHead>,
    /// The document is in quirks mode.
    pub(crate) quirks: bool,
}

/// How far a resource has come.
pub(crate) enum State {
    /// Not handed out by `poll_fetch` yet.
    Wanted,
    /// Handed out.
    Asked,
    Loaded(Body),
    Failed,
}

/// What is kept of a resource that came.
pub(crate) enum Body {
    Style(StyleSheet),
    /// An image or a font.
    Bytes(Bytes),
    /// Only that it came matters.
    Nothing,
}

/// What imports modules.
pub(crate) struct Importer<'a> {
    pub(crate) initiator: Initiator,
    /// What relative specifiers resolve against.
    pub(crate) base: &'a Url,
    /// What waits for it, and so for what it imports.
    pub(crate) holds: Holds,
}

/// A style sheet as the layout engine gets it.
pub(crate) struct StyleSheet {
    /// In UTF-8.
    pub(crate) text: Bytes,
    pub(crate) faces: Vec<Face>,
}

/// A font face whose address is absolute.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    pub(crate) rule: FontFace,
    pub(crate) url: Url,
    /// Its other sources, in the order in which they are tried.
    pub(crate) others: Vec<Url>,
    pub(crate) sheet: Url,
}

/// What a style sheet led to.
struct Styled {
    sheet: StyleSheet,
    imports: Vec<(Url, bool, String)>,
    /// Fonts in addresses themselves that the page's policy refuses.
    refused: Vec<Refused>,
}

/// All resources of a page.
pub(crate) struct Resources {
    list: Vec<Resource>,
    /// By address, and by whether credentials are left out: an answer to the one request is not taken for
    /// the other (Blink's `resource.cc`, `MatchStatus::kRequestCredentialsModeDoesNotMatch`).
    by_request: BTreeMap<(Url, bool), FetchId>,
    next_poll: usize,
    /// Indexes into `list`, in the order in which the page itself names what is there: that in which sheets
    /// apply and scripts run, and not that in which a head named them.
    order: Vec<usize>,
    /// What a head had named, once the page itself names it too.
    named: VecDeque<Fetch>,
    /// Of the document's own `<style>` elements.
    faces: Vec<Face>,
    /// How many were wanted beyond [`limits::FETCHES`].
    pub(crate) refused: usize,
    /// Style sheets that are not fetched because of a limit or a rule. Layout must not ask for them again.
    pub(crate) refused_styles: BTreeSet<Url>,
    /// Images that only layout wants and a rule refuses.
    pub(crate) refused_images: BTreeSet<Url>,
    /// What the rules refused, to be told.
    refusals: VecDeque<Refused>,
    /// How many were told so far, or are to be.
    told: usize,
    /// How many were too many to be told.
    pub(crate) refused_more: usize,
    /// What was told, which layout meets with again and again.
    told_of: BTreeSet<(String, Option<Kind>)>,
    /// Modules that had come before something in the page ran them, whose imports are not read yet.
    unread: Vec<(FetchId, Bytes)>,
    /// Counts every change that could change the picture.
    pub(crate) generation: u64,
}

impl Resources {
    pub(crate) fn new() -> Self {
        Resources {
            list: Vec::new(),
            by_request: BTreeMap::new(),
            next_poll: 0,
            order: Vec::new(),
            named: VecDeque::new(),
            faces: Vec::new(),
            refused: 0,
            refused_styles: BTreeSet::new(),
            refused_images: BTreeSet::new(),
            refusals: VecDeque::new(),
            told: 0,
            refused_more: 0,
            told_of: BTreeSet::new(),
            unread: Vec::new(),
            generation: 0,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Fetch> {
        let resource = self.list.get_mut(self.next_poll)?;
        self.next_poll += 1;
        resource.state = State::Asked;
        Some(resource.fetch.clone())
    }

    pub(crate) fn get(&self, id: FetchId) -> Option<&Resource> {
        self.list.get(id.0 as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.list.iter()
    }

    /// Those not come and not failed.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Resource> {
        self.list.iter().filter(|resource| resource.is_pending())
    }

    /// The next resource that a head named and the page itself has come to name, as the page names it.
    pub(crate) fn poll_named(&mut self) -> Option<Fetch> {
        self.named.pop_front()
    }

    /// Whether [`Resources::poll`] has one.
    pub(crate) fn has_wanted(&self) -> bool {
        self.next_poll < self.list.len()
    }

    /// The markup, or a head, wants something.
    pub(crate) fn found(&mut self, want: Want, initiator: Initiator) {
        let Want { url, kind, priority, blocks, media, holds, claims, .. } = want;
        let (id, anonymous, cors) = (FetchId(0), claims.anonymous, claims.cors);
        let fetch = Fetch { id, url, kind, priority, blocks, initiator, media, anonymous, cors };
        self.want(fetch, holds, claims, 0);
    }

    pub(crate) fn found_in_layout(&mut self, url: Url, priority: Priority, policy: &Policy) {
        let initiator = Initiator::Layout;
        let (kind, blocks) = (Kind::Image, Blocks::None);
        // Layout tells addresses only: an image that an element wants without credentials is that one.
        let known = |anonymous| self.by_request.contains_key(&(url.clone(), anonymous));
        let anonymous = known(true) && !known(false);
        if !anonymous && !known(false) && !self.admits(&url, kind, &Claims::default(), policy) {
            self.refused_images.insert(url);
            return;
        }
        let (media, cors) = (None, anonymous);
        let id = FetchId(0);
        let fetch = Fetch { id, url, kind, priority, blocks, initiator, media, anonymous, cors };
        self.want(fetch, Holds::NOTHING, Claims { cors, anonymous, ..Claims::default() }, 0);
    }

    pub(crate) fn font_in_use(&mut self, face: &Face, policy: &Policy) {
        let Some(url) = fetchable(face.url.clone()) else { return };
        if !self.admits(&url, Kind::Font, &Claims::FONT, policy) {
            return;
        }
        let fetch = Fetch {
            id: FetchId(0),
            url,
            kind: Kind::Font,
            priority: Priority::VeryHigh,
            blocks: Blocks::None,
            initiator: Initiator::Style { sheet: face.sheet.clone() },
            media: None,
            // CSS Fonts 4, section 4.8.
            anonymous: true,
            cors: true,
        };
        self.want(fetch, Holds::NOTHING, Claims::FONT, 0);
    }

    /// Whether the rules let the page have something that its markup does not name; if not, that is told.
    fn admits(&mut self, url: &Url, kind: Kind, claims: &Claims, policy: &Policy) -> bool {
        let (to, _) = policy.destination(url, kind, claims);
        let refused = |by, reported_only| Refused {
            by,
            what: url.to_string(),
            kind: Some(kind),
            line: 0,
            came: false,
            reported_only,
        };
        match policy.admit(&to, kind, claims, false) {
            Ok(admitted) => {
                for violated in admitted.reported {
                    self.refuse_once(refused(violated.into(), true), None);
                }
                true
            }
            Err(by) => {
                self.refuse_once(refused(by, false), None);
                false
            }
        }
    }

    /// Takes down a refusal that is met with at every layout.
    pub(crate) fn refuse_once(&mut self, refused: Refused, url: Option<Url>) {
        if !self.told_of.contains(&(refused.what.clone(), refused.kind)) {
            self.refuse(refused, url);
        }
    }

    /// Takes down that the rules refused something, which has this address.
    pub(crate) fn refuse(&mut self, refused: Refused, url: Option<Url>) {
        if refused.kind == Some(Kind::Style) && !refused.came && !refused.reported_only {
            self.refused_styles.extend(url);
        }
        if self.told < limits::LISTED {
            self.told += 1;
            self.told_of.insert((refused.what.clone(), refused.kind));
            self.refusals.push_back(refused);
        } else {
            self.refused_more += 1;
        }
    }

    pub(crate) fn poll_refused(&mut self) -> Option<Refused> {
        self.refusals.pop_front()
    }

    /// Whether a head named a style sheet, and what in the page names it is refused.
    pub(crate) fn is_refused(&self, resource: &Resource) -> bool {
        resource.named_by_head && self.refused_styles.contains(&resource.fetch.url)
    }

    /// Whether something at this address was wanted, with credentials or without.
    pub(crate) fn knows(&self, url: &Url) -> bool {
        self.asked(url).next().is_some()
    }

    /// What was wanted at this address, with credentials and without.
    fn asked(&self, url: &Url) -> impl Iterator<Item = &Resource> {
        let ids = [false, true].map(|anonymous| self.by_request.get(&(url.clone(), anonymous)));
        ids.into_iter().flatten().map(|id| &self.list[id.0 as usize])
    }

    pub(crate) fn ask(&mut self, url: Url, kind: Kind, priority: Priority, initiator: Initiator) {
        let fetch = Fetch {
            id: FetchId(0),
            url,
            kind,
            priority,
            blocks: Blocks::None,
            initiator,
            media: None,
            anonymous: kind == Kind::Font,
            cors: kind == Kind::Font,
        };
        // A browser let it have this: the record would not have it otherwise.
        let claims = if kind == Kind::Font { Claims::FONT } else { Claims::default() };
        let holds = Holds { runs: kind == Kind::Script, ..Holds::NOTHING };
        self.want(fetch, holds, claims, 0);
    }

    /// Remembers a resource once. One wanted again more urgently is raised.
    fn want(&mut self, mut fetch: Fetch, holds: Holds, claims: Claims, import_depth: usize) {
        let request = (fetch.url.clone(), fetch.anonymous);
        if let Some(id) = self.by_request.get(&request) {
            self.wanted_again(*id, fetch, holds, claims);
            return;
        }
        if self.list.len() >= limits::FETCHES {
            self.refused += 1;
            if fetch.kind == Kind::Style && self.refused_styles.len() < limits::LISTED {
                self.refused_styles.insert(fetch.url);
            }
            return;
        }
        fetch.id = FetchId(self.list.len() as u32);
        self.by_request.insert(request, fetch.id);
        self.order.push(self.list.len());
        self.list.push(Resource {
            named_by_head: fetch.initiator.is_of_head(),
            fetch,
            state: State::Wanted,
            holds,
            import_depth,
            bytes: 0,
            ran: false,
            claims,
            unclaimed: None,
        });
    }

    /// Raises what is known already and is wanted again.
    fn wanted_again(&mut self, id: FetchId, fetch: Fetch, holds: Holds, claims: Claims) {
        let index = id.0 as usize;
        let Some(known) = self.list.get_mut(index) else { return };
        let by_page_now = known.named_by_head && !fetch.initiator.is_of_head();
        if by_page_now {
            known.named_by_head = false;
            self.order.retain(|at| *at != index);
            self.order.push(index);
        }
        known.fetch.blocks = known.fetch.blocks.max(fetch.blocks);
        known.fetch.priority = known.fetch.priority.max(fetch.priority);
        // A module that was preloaded runs from now on: what it imports is still to be read.
        if holds.runs && !known.holds.runs && claims.module {
            self.unread.extend(known.unclaimed.clone().map(|source| (id, source)));
        }
        known.holds |= holds;
        known.fetch.cors |= fetch.cors;
        let refused = known.claim(claims);
        if matches!(known.fetch.kind, Kind::Icon | Kind::Later) {
            known.fetch.kind = fetch.kind;
        }
        if fetch.media.is_none() {
            known.fetch.media = None;
        }
        self.raise_imports(id, by_page_now);
        if by_page_now {
            self.named.push_back(Fetch { id, ..fetch });
        }
        if let Some(refused) = refused {
            self.generation += 1;
            self.refuse(refused, None);
        }
    }

    /// What a sheet imports holds up as much as the sheet does: one that was preloaded can have come before
    /// an element says that it applies. `named`: that is to be told of, too.
    fn raise_imports(&mut self, id: FetchId, named: bool) {
        let mut raised = vec![id];
        while let Some(id) = raised.pop() {
            let Some(parent) = self.list.get(id.0 as usize) else { continue };
            let (sheet, blocks, holds) =
                (parent.fetch.url.clone(), parent.fetch.blocks, parent.holds);
            if parent.fetch.kind != Kind::Style || holds == Holds::NOTHING {
                continue;
            }
            for import in &mut self.list {
                let is_import = import.fetch.kind == Kind::Style
                    && import.fetch.media.is_none()
                    && matches!(&import.fetch.initiator, Initiator::Style { sheet: by } if *by == sheet);
                if is_import && import.holds == Holds::NOTHING {
                    import.fetch.blocks = import.fetch.blocks.max(blocks);
                    import.holds |= holds;
                    raised.push(import.fetch.id);
                    self.named.extend(named.then(|| import.fetch.clone()));
                }
            }
        }
    }

    /// The style sheet in a `<style>` element.
    pub(crate) fn inline_style(&mut self, css: &str, base: &Url, media: Media, policy: &Policy) {
        let scanned = css::scan(css, media);
        let document = policy.document();
        let styled = resolve(scanned, base, document, media, policy);
        self.faces.extend(styled.sheet.faces);
        for refused in styled.refused {
            self.refuse_once(refused, None);
        }
        let parent = Parent {
            sheet: document.clone(),
            blocks: Blocks::Render,
            priority: Priority::VeryHigh,
            holds: Holds::STYLE,
            depth: 0,
        };
        self.imports(styled.imports, &parent, policy);
    }

    /// A script runs where the parser stands: it waits for the style sheets before it (HTML
    /// standard, section 4.2.6.4, "script-blocking style sheet"), and so does the parser.
    pub(crate) fn script_runs(&mut self, in_head: bool) {
        for resource in &mut self.list {
            let style = resource.fetch.kind == Kind::Style;
            if style && resource.is_pending() && resource.holds.paint {
                resource.holds.parser = true;
                resource.holds.body |= in_head;
            }
        }
    }

    fn imports(&mut self, imports: Vec<(Url, bool, String)>, parent: &Parent, policy: &Policy) {
        if parent.depth >= limits::IMPORTS {
            let room = limits::LISTED.saturating_sub(self.refused_styles.len());
            let unknown = imports.into_iter().map(|(url, ..)| url).take(room);
            self.refused_styles.extend(unknown);
            return;
        }
        for (url, applies, media) in imports {
            if !self.admits(&url, Kind::Style, &Claims::default(), policy) {
                self.refused_styles.insert(url);
                continue;
            }
            let fetch = Fetch {
                id: FetchId(0),
                url,
                kind: Kind::Style,
                priority: if applies { parent.priority } else { Priority::VeryLow },
                blocks: if applies { parent.blocks } else { Blocks::None },
                initiator: Initiator::Style { sheet: parent.sheet.clone() },
                media: (!applies).then_some(media),
                anonymous: false,
                cors: false,
            };
            let holds = if applies { parent.holds } else { Holds::NOTHING };
            self.want(fetch, holds, Claims::default(), parent.depth + 1);
        }
    }

    /// What a module imports statically is fetched before it runs (HTML standard, section 8.1.4.2). A specifier
    /// that is no address is left to import maps, which are not read.
    pub(crate) fn module_imports(&mut self, source: &str, by: &Importer<'_>, policy: &Policy) {
        let is_address = |specifier: &String| {
            specifier.starts_with('/')
                || specifier.starts_with("./")
                || specifier.starts_with("../")
                || Url::parse(specifier).is_ok()
        };
        let claims = Claims { cors: true, anonymous: true, module: true, ..Claims::default() };
        for specifier in modules::imports(source).iter().filter(|text| is_address(text)) {
            let Some(url) = by.base.join(specifier).ok().and_then(fetchable) else { continue };
            if !self.admits(&url, Kind::Script, &claims, policy) {
                continue;
            }
            let fetch = Fetch {
                id: FetchId(0),
                url,
                kind: Kind::Script,
                priority: Priority::High,
                blocks: Blocks::None,
                initiator: by.initiator.clone(),
                media: None,
                anonymous: true,
                cors: true,
            };
            self.want(fetch, by.holds, claims.clone(), 0);
        }
    }

    /// Reads the imports of modules that had come before something in the page ran them.
    pub(crate) fn read_modules(&mut self, policy: &Policy) {
        for (id, source) in std::mem::take(&mut self.unread) {
            let Some(module) = self.get(id) else { continue };
            let (url, holds) = (module.fetch.url.clone(), module.holds);
            let initiator = Initiator::Script { script: url.clone(), line: 0 };
            let by = Importer { initiator, base: &url, holds };
            self.module_imports(&String::from_utf8_lossy(&source), &by, policy);
        }
    }

    /// The next script that runs now, in the order of the HTML standard (section 4.12.1.1): those the
    /// parser stops for one after the other, each when the style sheets before it have come; those that
    /// are deferred when the document is parsed (`finished`); the others when they come. Gives its size.
    pub(crate) fn poll_run(&mut self, finished: bool) -> Option<(FetchId, usize)> {
        let (mut styled, mut stopped) = (true, false);
        let mut next = None;
        let in_order = || self.order.iter().map(|index| (*index, &self.list[*index]));
        for (index, resource) in in_order() {
            let script = resource.is_script();
            styled &= !(resource.is_pending() && resource.holds.parser && !script);
            if !script || resource.ran {
                continue;
            }
            let come = matches!(resource.state, State::Loaded(_)) && !stopped;
            let (parser, deferred) = (resource.holds.parser, resource.holds.content_loaded);
            if parser {
                if come && styled {
                    next = Some(index);
                    break;
                }
                stopped |= !matches!(resource.state, State::Failed);
            } else if matches!(resource.state, State::Loaded(_)) && !deferred {
                next = Some(index);
                break;
            }
        }
        if next.is_none() && finished && !stopped {
            let mut deferred = in_order().filter(|(_, resource)| {
                resource.is_script()
                    && !resource.ran
                    && !resource.holds.parser
                    && resource.holds.content_loaded
                    && !matches!(resource.state, State::Failed)
            });
            next = deferred
                .next()
                .filter(|(_, resource)| matches!(resource.state, State::Loaded(_)))
                .map(|(index, _)| index);
        }
        let index = next?;
        let resource = self.list.get_mut(index)?;
        resource.ran = true;
        Some((FetchId(index as u32), resource.bytes))
    }

    /// Takes what came. Notes what is wrong with it.
    pub(crate) fn deliver(
        &mut self,
        id: FetchId,
        delivered: Delivered,
        given: &Given<'_>,
        notes: &mut Vec<Note>,
    ) {
        let Some(resource) = self.list.get_mut(id.0 as usize) else { return };
        if !resource.is_pending() {
            return;
        }
        self.generation += 1;
        let Fetch { url, kind, .. } = resource.fetch.clone();
        let (bytes, content_type, final_url) = match delivered {
            Delivered::Loaded { bytes, content_type, final_url } => {
                (bytes, content_type, final_url)
            }
            Delivered::Failed { reason } => {
                resource.state = State::Failed;
                notes.push(Note::Missing { url, kind: kind.name(), reason });
                return;
            }
        };
        if let Err(by) = resource.check(&bytes, content_type.as_deref(), &final_url, given) {
            resource.state = State::Failed;
            notes.push(missing(&url, kind, &by));
            let refused = resource.refused(by);
            self.refuse(refused, None);
            return;
        }
        resource.bytes = bytes.len();
        let preloaded =
            matches!(kind, Kind::Style | Kind::Script) && resource.holds == Holds::NOTHING;
        resource.unclaimed = preloaded.then(|| bytes.clone());
        match kind {
            // An icon can be an image of the page, too.
            Kind::Image | Kind::Icon | Kind::Poster | Kind::Font => {
                resource.state = State::Loaded(Body::Bytes(bytes));
            }
            Kind::Style => {
                let parent = Parent {
                    sheet: url.clone(),
                    blocks: resource.fetch.blocks,
                    priority: resource.fetch.priority,
                    holds: resource.holds,
                    depth: resource.import_depth,
                };
                let (text, cut) =
                    bounded(encoding::style(&bytes, content_type.as_deref(), given.referrer));
                if cut {
                    notes.push(Note::StyleTruncated { url: url.clone() });
                }
                let mut scanned = css::scan(&text, given.media);
                if final_url != url {
                    scanned.text = css::absolute(&scanned.text, &final_url);
                }
                let styled = resolve(scanned, &final_url, &url, given.media, given.policy);
                resource.state = State::Loaded(Body::Style(styled.sheet));
                for refused in styled.refused {
                    self.refuse_once(refused, None);
                }
                self.imports(styled.imports, &parent, given.policy);
            }
            // What is preloaded alone does not run, and its imports are left to what does.
            Kind::Script if resource.claims.module && resource.holds.runs => {
                resource.state = State::Loaded(Body::Nothing);
                let initiator = Initiator::Script { script: url, line: 0 };
                let by = Importer { initiator, base: &final_url, holds: resource.holds };
                self.module_imports(&String::from_utf8_lossy(&bytes), &by, given.policy);
            }
            _ => resource.state = State::Loaded(Body::Nothing),
        }
    }

    /// Every font face, in cascade order as far as it is known: the document's own, then the
    /// style sheets' in the order in which the page names them.
    pub(crate) fn faces(&self) -> Vec<Face> {
        let in_order = self.order.iter().map(|index| &self.list[*index]);
        let sheets = in_order.filter_map(|resource| match &resource.state {
            State::Loaded(Body::Style(sheet)) => Some(sheet),
            _ => None,
        });
        let faces = self.faces.iter().chain(sheets.flat_map(|sheet| &sheet.faces));
        faces.map(|face| self.by_source(face)).collect()
    }

    /// The face by the first of its sources that has not failed (CSS Fonts 4, section 4.3); by its first where
    /// all have.
    fn by_source(&self, face: &Face) -> Face {
        let failed = |url: &&Url| {
            fetchable((*url).clone()).is_some_and(|url| {
                let mut asked = self.asked(&url).peekable();
                asked.peek().is_some() && asked.all(|one| matches!(one.state, State::Failed))
            })
        };
        let next = || face.others.iter().find(|url| !failed(url));
        match failed(&&face.url).then(next).flatten() {
            Some(url) => Face { url: url.clone(), ..face.clone() },
            None => face.clone(),
        }
    }
}

/// The style sheet an `@import` stands in.
struct Parent {
    sheet: Url,
    blocks: Blocks,
    priority: Priority,
    holds: Holds,
    depth: usize,
}

fn bounded(mut text: String) -> (String, bool) {
    if text.len() <= limits::STYLE {
        return (text, false);
    }
    text.truncate(text.floor_char_boundary(limits::STYLE));
    (text, true)
}

/// The note of something that came and is not used.
fn missing(url: &Url, kind: Kind, by: &Refusal) -> Note {
    match by {
        Refusal::ContentType { given, .. } if kind == Kind::Style => {
            Note::StyleRefused { url: url.clone(), content_type: given.clone() }
        }
        _ => Note::Missing { url: url.clone(), kind: kind.name(), reason: by.to_string() },
    }
}

fn resolve(
    scanned: css::Scanned,
    base: &Url,
    sheet: &Url,
    media: Media,
    policy: &Policy,
) -> Styled {
    let css::Scanned { imports, faces, text } = scanned;
    let imports = imports
        .into_iter()
        .filter_map(|import| {
            let url = fetchable(base.join(import.url.trim()).ok()?)?;
            Some((url, media.matches(&import.media), import.media))
        })
        .collect();
    let mut refused = Vec::new();
    let faces = faces
        .into_iter()
        .filter_map(|rule| {
            let url = base.join(rule.url.trim()).ok()?;
            if url.scheme() == "data"
                && let Err(by) = policy.admit(&url, Kind::Font, &Claims::FONT, false)
            {
                let what = format!("a font in the address itself ({})", rule.family);
                let kind = Some(Kind::Font);
                refused.push(Refused {
                    by,
                    what,
                    kind,
                    line: 0,
                    came: false,
                    reported_only: false,
                });
                return None;
            }
            let others = rule.others.iter().filter_map(|url| base.join(url.trim()).ok());
            // What the policy would have to judge first is no second choice.
            let others = others.filter(|url| url.scheme() != "data").collect();
            Some(Face { rule, url, others, sheet: sheet.clone() })
        })
        .collect();
    Styled { sheet: StyleSheet { text: text.into(), faces }, imports, refused }
}
