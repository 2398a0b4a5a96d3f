//! One page, from its first byte to its picture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use url::Url;

use crate::child::Painter;
use crate::contentful::Candidate;
use crate::encoding::{self, DocumentDecoder};
use crate::engine::{self, Drawn, Goal, Outcome};
use crate::fetch::{Blocks, Delivered, Fetch, FetchId, Hint, Initiator, Kind, Listed, Priority};
use crate::limits;
use crate::link::links;
use crate::media::Media;
use crate::note::Note;
use crate::options::Options;
use crate::picture::{PaintError, Picture, Png};
use crate::policy::{AnswerHead, Disposition, Guard, Refused, Upgraded};
use crate::resources::{Body, Face, Given, Importer, Resources, State};
use crate::scan::{Found, Scanner, fetchable};

/// One page: bytes go in, wanted resources and pictures come out. See the [crate] page for the
/// contract. A page stays on the thread it was made on (its tokenizer does); a [`Job`] need not.
pub struct Page {
    url: Url,
    options: Options,
    painter: Painter,
    decoder: DocumentDecoder,
    scanner: Scanner,
    resources: Resources,
    /// The document's text, up to [`limits::MARKUP`].
    markup: Arc<String>,
    /// All of the document's text, in bytes of UTF-8.
    markup_seen: usize,
    finished: bool,
    /// The parser is as far as what has come, unless it waits.
    keeps_up: bool,
    listed: Vec<Listed>,
    listed_more: usize,
    hints: Vec<Hint>,
    notes: Vec<Note>,
    /// From the last layout.
    layout_notes: Vec<Note>,
    /// Something of the page was to be seen in the last layout.
    shows: bool,
    /// What of it was content, where that was asked for.
    candidates: Vec<Candidate>,
    /// Where nothing was: the fonts of what scripts commonly show first.
    hidden_fonts: Vec<Face>,
    /// Lazy images were left in the last layout.
    lazy_left: bool,
    /// What the last layout was made of.
    laid_out: Option<(u64, usize)>,
}

/// A layout, and a picture if that is its goal, still to be made: see [`Page::job`].
pub struct Job {
    input: engine::Input,
    goal: Goal,
    painter: Painter,
    made_of: (u64, usize),
}

impl Job {
    /// Does the work, or has the child do it, and waits for it. A picture becomes a file here.
    pub fn run(self) -> Result<Done, PaintError> {
        let mut done = self.work()?;
        let drawn = done.outcome.picture.take();
        done.outcome.picture = drawn.map(|drawn| Drawn::File(drawn.png()));
        Ok(done)
    }

    /// The same for a page as it stood before ([`Page::job_of`]): the page itself learns nothing from it.
    pub fn look(self) -> Result<Look, PaintError> {
        let outcome = self.painter.run(&self.input, self.goal)?;
        let picture = outcome.picture.map(|drawn| drawn.png());
        Ok(Look { candidates: outcome.candidates, picture })
    }

    fn work(self) -> Result<Done, PaintError> {
        let outcome = self.painter.run(&self.input, self.goal)?;
        Ok(Done { outcome, made_of: self.made_of })
    }
}

/// A page as it stood at a moment, to be looked at later ([`Page::job_of`]). It shares the page's bytes.
#[derive(Clone)]
pub struct Snapshot {
    /// Without the markup, which only grows.
    input: engine::Input,
    /// How much of the markup had come.
    markup: usize,
    made_of: (u64, usize),
}

/// What was to be seen of a [`Snapshot`].
#[derive(Debug, Clone)]
pub struct Look {
    /// The elements that showed content, where these were asked for.
    pub candidates: Vec<Candidate>,
    /// The picture, if that was the goal.
    pub picture: Option<Png>,
}

/// A [`Job`] done, for [`Page::take`].
pub struct Done {
    outcome: Outcome,
    made_of: (u64, usize),
}

/// What a page is, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The title's text, white space collapsed.
    pub title: Option<String>,
    /// Start tags seen.
    pub elements: usize,
    /// Bytes of text, as UTF-8.
    pub text_bytes: usize,
    /// The encoding's name in the Encoding standard, once decided.
    pub encoding: Option<&'static str>,
    /// Where the encoding was declared.
    pub encoding_from: Option<&'static str>,
    /// Resources wanted so far.
    pub wanted: usize,
    /// Of these, come.
    pub loaded: usize,
    /// Of these, failed.
    pub failed: usize,
}

impl Page {
    /// An empty page that this process lays out and paints. `url` is the document's address after
    /// redirects.
    pub fn new(url: Url, options: Options) -> Self {
        Page::painted_by(Painter::here(), url, options)
    }

    /// An empty page. A child that paints serves one page, and ends with it.
    pub fn painted_by(painter: Painter, url: Url, options: Options) -> Self {
        let media = Media::from(&options);
        Page {
            decoder: DocumentDecoder::new(options.content_type.as_deref()),
            scanner: Scanner::new(url.clone(), media, options.reader),
            resources: Resources::new(),
            markup: Arc::default(),
            markup_seen: 0,
            finished: false,
            keeps_up: false,
            listed: Vec::new(),
            listed_more: 0,
            hints: Vec::new(),
            notes: Vec::new(),
            layout_notes: Vec::new(),
            shows: false,
            candidates: Vec::new(),
            hidden_fonts: Vec::new(),
            lazy_left: false,
            laid_out: None,
            url,
            options,
            painter,
        }
    }

    /// The next bytes of the document, content codings undone.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.finished || bytes.is_empty() {
            return;
        }
        let text = self.decoder.feed(bytes);
        self.read(&text);
    }

    /// Whether from now on the parser is as far as what has been fed, except where it waits for a script: then
    /// it finds itself what a scanner ahead of it found until now. Of what a scanner finds, Blink raises the first
    /// large images, and takes scripts behind images for less urgent.
    pub fn parser_keeps_up(&mut self, keeps_up: bool) {
        self.keeps_up = keeps_up;
    }

    /// The document has ended, or no more of it will come.
    pub fn finish_document(&mut self) {
        if self.finished {
            return;
        }
        self.finished = true;
        let text = self.decoder.finish();
        self.read(&text);
        self.scanner.finish();
        self.collect();
    }

    fn read(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.markup_seen += text.len();
        let room = limits::MARKUP - self.markup.len();
        Arc::make_mut(&mut self.markup).push_str(&text[..text.floor_char_boundary(room)]);
        let held = self.resources.pending().any(|resource| resource.holds.parser);
        self.scanner.feed(text, self.keeps_up && !held);
        self.collect();
    }

    /// Takes what the scanner found.
    fn collect(&mut self) {
        let media = Media::from(&self.options);
        let policy = self.scanner.policy();
        for found in self.scanner.take() {
            match found {
                Found::Resource(want) => {
                    let line = want.line;
                    self.resources.found(want, Initiator::Markup { line });
                }
                Found::Listed { url, kind, line, why } => {
                    self.list(Listed { url, kind, line, why });
                }
                Found::Hint { url, reach, anonymous } => {
                    self.hint(Hint { url, reach, anonymous });
                }
                Found::Style { css } => {
                    let base = self.scanner.base();
                    self.resources.inline_style(&css, &base, media, &policy);
                }
                Found::ScriptRuns { in_head } => self.resources.script_runs(in_head),
                Found::Module { source, holds, line } => {
                    let base = self.scanner.base();
                    let by = Importer { initiator: Initiator::Markup { line }, base: &base, holds };
                    self.resources.module_imports(&source, &by, &policy);
                }
                Found::Refused { refused, url } => self.resources.refuse(refused, url),
                Found::Refresh { content } => {
                    let note = Note::Refresh { content };
                    if !self.notes.contains(&note) {
                        self.notes.push(note);
                    }
                }
            }
        }
        self.resources.read_modules(&policy);
    }

    /// The value of a `Link` field of the first 103 response before the document's head (RFC 8297). What it
    /// names is wanted at once; what else the page says may come later, or never.
    pub fn early_hints(&mut self, field: &str) {
        self.of_head(field, &Initiator::EarlyHints);
    }

    /// The document's head has come: it has this address, and this value of `Content-Type`. To be said
    /// before its first byte, where [`Page::painted_by`] was told otherwise.
    pub fn answered(&mut self, url: Url, content_type: Option<String>) {
        let media = Media::from(&self.options);
        self.decoder = DocumentDecoder::new(content_type.as_deref());
        self.scanner = Scanner::new(url.clone(), media, self.options.reader);
        self.options.content_type = content_type;
        self.url = url;
    }

    /// The value of a `Content-Security-Policy` field of the document's head, or of one that is only to be
    /// reported: to be said after [`Page::answered`], and before its `Link` fields and its first byte.
    pub fn policy_field(&mut self, value: &str, disposition: Disposition) {
        self.scanner.add_policy(value, disposition);
    }

    /// The value of a `Link` field of the document's head (RFC 8288), to be said before its first byte.
    /// What it names is wanted before what the markup does.
    pub fn link_field(&mut self, field: &str) {
        self.of_head(field, &Initiator::LinkField);
    }

    fn of_head(&mut self, field: &str, initiator: &Initiator) {
        for link in &links(field) {
            let Some(found) = self.scanner.link(link, initiator) else {
                if *initiator == Initiator::EarlyHints {
                    self.notes.push(Note::EarlyHintIgnored { target: link.target.clone() });
                }
                continue;
            };
            for found in found {
                match found {
                    Found::Resource(want) => self.resources.found(want, initiator.clone()),
                    Found::Hint { url, reach, anonymous } => {
                        self.hint(Hint { url, reach, anonymous });
                    }
                    Found::Listed { url, kind, line, why } => {
                        self.list(Listed { url, kind, line, why });
                    }
                    Found::Refused { refused, url } => self.resources.refuse(refused, url),
                    // Only elements have, or are, the rest.
                    _ => {}
                }
            }
        }
    }

    fn hint(&mut self, hint: Hint) {
        if self.hints.len() < limits::LISTED && !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    fn list(&mut self, listed: Listed) {
        if self.listed.len() < limits::LISTED {
            self.listed.push(listed);
        } else {
            self.listed_more += 1;
        }
    }

    /// Has the page ask for a resource that a recorded one asked for since its scripts had run: it is wanted now
    /// unless it was already. Nothing in the page waits for it.
    pub fn ask(&mut self, url: Url, kind: Kind, priority: Priority, initiator: Initiator) {
        self.resources.ask(url, kind, priority, initiator);
    }

    /// Whether something at this address was wanted.
    pub fn knows(&self, url: &Url) -> bool {
        self.resources.knows(url)
    }

    /// The next wanted resource, in the order of discovery; `None` when there is none for now.
    /// [`feed`](Page::feed), [`deliver`](Page::deliver), [`lay_out`](Page::lay_out) and
    /// [`paint`](Page::paint) can make more appear.
    pub fn poll_fetch(&mut self) -> Option<Fetch> {
        self.resources.poll()
    }

    /// Whether [`poll_fetch`](Page::poll_fetch) has one now.
    pub fn has_wanted(&self) -> bool {
        self.resources.has_wanted()
    }

    /// The next resource that a head named ([`Initiator::is_of_head`]) and that the page itself has come to
    /// name, as the page names it: what waits for it is only known now. It is not to be fetched again.
    pub fn poll_named(&mut self) -> Option<Fetch> {
        self.resources.poll_named()
    }

    /// What became of a resource. A second delivery of the same one, or one never asked for, is
    /// ignored. Nothing is known of the head of its answer, so that it forbids nothing.
    pub fn deliver(&mut self, id: FetchId, delivered: Delivered) {
        self.take_delivery(id, delivered, None);
    }

    /// The same, with what the head of the answer says of who may have it.
    pub fn deliver_answer(&mut self, id: FetchId, delivered: Delivered, head: &AnswerHead) {
        self.take_delivery(id, delivered, Some(head));
    }

    fn take_delivery(&mut self, id: FetchId, delivered: Delivered, head: Option<&AnswerHead>) {
        let policy = self.scanner.policy();
        let given = Given {
            referrer: self.encoding(),
            media: Media::from(&self.options),
            policy: &policy,
            head,
            quirks: self.scanner.counts().quirks,
        };
        self.resources.deliver(id, delivered, &given, &mut self.notes);
    }

    /// The next thing that the rules of the page refused, or would refuse if they were enforced; `None`
    /// when there is no more for now.
    pub fn poll_refused(&mut self) -> Option<Refused> {
        self.resources.poll_refused()
    }

    /// Takes down that a request was refused on its way ([`Guard::redirected`]).
    pub fn refuse(&mut self, refused: Refused) {
        self.resources.refuse(refused, None);
    }

    /// How many refusals were too many to be told one by one ([`limits::LISTED`]).
    pub fn refused_more(&self) -> usize {
        self.resources.refused_more
    }

    /// Where the request for a resource goes, and why, where that is not where its address says: over TLS
    /// instead of in the clear.
    pub fn destination(&self, id: FetchId) -> Option<(Url, Option<Upgraded>)> {
        let resource = self.resources.get(id)?;
        let Fetch { url, kind, .. } = &resource.fetch;
        Some(self.scanner.policy().destination(url, *kind, &resource.claims))
    }

    /// What the rules of the page, as they are now, say to redirects of the request for a resource; `None`:
    /// nothing, as to what a script asked for that was recorded.
    pub fn guard(&self, id: FetchId) -> Option<Guard> {
        let resource = self.resources.get(id)?;
        let line = match resource.fetch.initiator {
            Initiator::Markup { line } => line,
            Initiator::Script { .. } => return None,
            _ => 0,
        };
        let (kind, claims) = (resource.fetch.kind, resource.claims.clone());
        Some(Guard::new(self.scanner.policy(), kind, claims, line))
    }

    /// The resources wanted and neither come nor failed, in the order of discovery.
    pub fn pending(&self) -> impl Iterator<Item = &Fetch> {
        self.resources.pending().map(|resource| &resource.fetch)
    }

    /// What is known of a resource now: one found by a preload may since have become
    /// render-blocking.
    pub fn fetch(&self, id: FetchId) -> Option<&Fetch> {
        self.resources.get(id).map(|resource| &resource.fetch)
    }

    /// What the first paint still waits for: render-blocking style sheets, and scripts in the
    /// head that a browser's parser would wait for.
    pub fn holding_paint(&self) -> impl Iterator<Item = &Fetch> {
        self.resources
            .pending()
            .filter(|resource| resource.holds.paint || resource.fetch.blocks == Blocks::Render)
            .map(|resource| &resource.fetch)
    }

    /// Whether a browser could paint now: there is something to see, and nothing holds it back.
    pub fn ready_to_paint(&self) -> bool {
        let content = self.scanner.counts().content || self.finished;
        content && !self.markup.is_empty() && self.holding_paint().next().is_none()
    }

    /// Whether a browser's parser would be at the end now (`domInteractive`): the document has
    /// ended, and so have the scripts it stops for and the style sheets these wait for.
    pub fn is_parsed(&self) -> bool {
        self.finished && !self.resources.pending().any(|resource| resource.holds.parser)
    }

    /// Whether a browser's parser would have come to the body: no script of the head is outstanding,
    /// nor a style sheet that one waits for.
    pub fn is_in_body(&self) -> bool {
        let begun = self.scanner.in_body() || self.finished;
        begun && !self.resources.pending().any(|resource| resource.holds.body)
    }

    /// The next script that would run now, and its size in bytes. Scripts are not run: this is for those
    /// who reckon with the time that it takes.
    pub fn poll_run(&mut self) -> Option<(FetchId, usize)> {
        self.resources.poll_run(self.is_parsed())
    }

    /// Whether `DOMContentLoaded` would be over: parsed, and the deferred scripts have come.
    pub fn is_content_loaded(&self) -> bool {
        self.is_parsed() && !self.resources.pending().any(|resource| resource.holds.content_loaded)
    }

    /// Whether pictures that come, and nothing else, can make a layout want more: lazy images move.
    pub fn pictures_move_lazy_ones(&self) -> bool {
        self.lazy_left
    }

    /// Whether the last layout shows anything, so that it could be a first contentful paint, or no script could
    /// show more of the page than it does.
    pub fn shows(&self) -> bool {
        let counts = self.scanner.counts();
        self.shows || counts.scripts_external + counts.scripts_inline == 0
    }

    /// The elements that show content in the last layout, where its goal was to know them.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// How the page stands now.
    pub fn snapshot(&self) -> Snapshot {
        let input = engine::Input { markup: Arc::default(), ..self.input() };
        Snapshot { input, markup: self.markup.len(), made_of: self.made_of() }
    }

    /// Whether something has come since that could change the picture.
    pub fn differs_from(&self, snapshot: &Snapshot) -> bool {
        snapshot.made_of != self.made_of()
    }

    /// A look at this page as it stood before, with [`Job::look`].
    pub fn job_of(&self, snapshot: &Snapshot, goal: Goal) -> Job {
        let markup = if snapshot.markup == self.markup.len() {
            Arc::clone(&self.markup)
        } else {
            Arc::new(self.markup[..snapshot.markup].to_owned())
        };
        let input = engine::Input { markup, ..snapshot.input.clone() };
        Job { input, goal, painter: self.painter.clone(), made_of: snapshot.made_of }
    }

    /// Scripts have shown what they show: where nothing was to be seen without them, the first that was hidden.
    /// The fonts of that are wanted now.
    pub fn show_hidden(&mut self) {
        let policy = self.scanner.policy();
        for face in core::mem::take(&mut self.hidden_fonts) {
            self.resources.font_in_use(&face, &policy);
        }
    }

    /// Whether something has come since the last layout that could change the picture.
    pub fn is_stale(&self) -> bool {
        self.laid_out != Some(self.made_of())
    }

    fn made_of(&self) -> (u64, usize) {
        (self.resources.generation, self.markup_seen)
    }

    /// Styles and lays out what has come, without painting. Makes the resources appear that only
    /// layout knows of: images of styles that match, fonts that text is set in, lazy images near
    /// the viewport.
    pub fn lay_out(&mut self) -> Result<(), PaintError> {
        self.run(Goal::Layout).map(|_| ())
    }

    /// Paints what has come. Never waits: what is missing is missing in the picture, too. Like
    /// [`lay_out`](Page::lay_out), it can make more resources appear.
    pub fn paint(&mut self) -> Result<Picture, PaintError> {
        match self.run(Goal::Paint)?.ok_or(PaintError::Empty)? {
            Drawn::Pixels(picture) => Ok(picture),
            Drawn::File(png) => png
                .picture()
                .ok_or_else(|| PaintError::Child("gave a picture that is none".to_owned())),
        }
    }

    fn run(&mut self, goal: Goal) -> Result<Option<Drawn>, PaintError> {
        let done = self.job(goal)?.work()?;
        Ok(self.learn(done))
    }

    /// The same work as a value that can go to another thread, so that a caller with other things
    /// to do need not wait. [`take`](Page::take) brings the result home.
    pub fn job(&self, goal: Goal) -> Result<Job, PaintError> {
        if self.markup.is_empty() {
            return Err(PaintError::Empty);
        }
        let (input, painter) = (self.input(), self.painter.clone());
        Ok(Job { input, goal, painter, made_of: self.made_of() })
    }

    /// Takes the result of a [`Job`]: learns what it found the page to want, and gives the
    /// picture if there is one. What came while the job was under way is not in it, and the page
    /// stays stale.
    pub fn take(&mut self, done: Done) -> Option<Png> {
        self.learn(done).map(|drawn| drawn.png())
    }

    fn learn(&mut self, done: Done) -> Option<Drawn> {
        let Done { outcome, made_of } = done;
        let policy = self.scanner.policy();
        for url in outcome.images.into_iter().filter_map(fetchable) {
            // Blink raises what is in the viewport (`ResourcePriority::kVisible`).
            let is_visible = outcome.visible.contains(&url);
            let priority = if is_visible { Priority::High } else { Priority::Low };
            self.resources.found_in_layout(url, priority, &policy);
        }
        for face in &outcome.fonts {
            self.resources.font_in_use(face, &policy);
        }
        self.shows = outcome.shows;
        self.candidates = outcome.candidates;
        self.hidden_fonts = outcome.hidden_fonts;
        self.lazy_left = outcome.lazy_left;
        self.laid_out = Some(made_of);
        self.layout_notes = outcome.notes.into_iter().map(Note::from).collect();
        for refused in outcome.refused {
            self.resources.refuse_once(Refused::from(refused), None);
        }
        if outcome.laid_out < self.markup_seen {
            let (laid_out, of) = (outcome.laid_out, self.markup_seen);
            self.layout_notes.push(Note::Truncated { laid_out, of });
        }
        outcome.picture
    }

    fn input(&self) -> engine::Input {
        let refused = self.resources.refused_styles.iter();
        let mut styles: BTreeMap<String, Bytes> =
            refused.map(|url| (url.as_str().to_owned(), Bytes::new())).collect();
        let mut bytes = BTreeMap::new();
        let refused = self.resources.refused_images.iter();
        let mut failed: BTreeSet<String> = refused.map(|url| url.as_str().to_owned()).collect();
        for resource in self.resources.iter() {
            let url = || resource.fetch.url.as_str().to_owned();
            match &resource.state {
                // A head named it, and what in the page names it is refused.
                State::Loaded(Body::Style(_)) if self.resources.is_refused(resource) => {}
                State::Loaded(Body::Style(sheet)) => {
                    styles.insert(url(), sheet.text.clone());
                }
                State::Loaded(Body::Bytes(body)) => {
                    bytes.insert(url(), body.clone());
                }
                State::Failed => {
                    failed.insert(url());
                }
                _ => {}
            }
        }
        // What was asked for both with credentials and without may have come only once.
        failed.retain(|url| !styles.contains_key(url) && !bytes.contains_key(url));
        let given = self.options.content_type.as_deref().map(encoding::essence);
        engine::Input {
            markup: Arc::clone(&self.markup),
            syntax: match given.as_deref() {
                Some("application/xhtml+xml" | "application/xml" | "text/xml") => {
                    engine::Syntax::Xml
                }
                _ => engine::Syntax::Html,
            },
            base: self.scanner.base(),
            options: self.options.clone(),
            styles,
            bytes,
            failed,
            faces: self.resources.faces(),
            policy: self.scanner.policy().csp.text(),
        }
    }

    /// The encoding of the document, UTF-8 while it is not known.
    fn encoding(&self) -> &'static Encoding {
        self.decoder.encoding().map_or(UTF_8, |(encoding, _)| encoding)
    }

    /// The document's address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What relative addresses resolve against: the document's address or its `<base href>`.
    pub fn base_url(&self) -> Url {
        self.scanner.base()
    }

    /// How the page is seen.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The title's text, white space collapsed.
    pub fn title(&self) -> Option<String> {
        self.scanner.title()
    }

    /// What was seen and is not fetched, in document order, at most [`limits::LISTED`].
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Connections the page would like opened ahead.
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// What the page is, in figures.
    pub fn summary(&self) -> Summary {
        let counts = self.scanner.counts();
        let encoding = self.decoder.encoding();
        let state = |which: fn(&State) -> bool| {
            self.resources.iter().filter(|resource| which(&resource.state)).count()
        };
        Summary {
            title: self.title(),
            elements: counts.elements,
            text_bytes: self.markup_seen,
            encoding: encoding.map(|(encoding, _)| encoding.name()),
            encoding_from: encoding.map(|(_, found)| found.name()),
            wanted: self.resources.iter().count(),
            loaded: state(|state| matches!(state, State::Loaded(_))),
            failed: state(|state| matches!(state, State::Failed)),
        }
    }

    /// Everything a view of this page must say, in a fixed order.
    pub fn notes(&self) -> Vec<Note> {
        let counts = self.scanner.counts();
        let mut notes = Vec::new();
        if counts.scripts_external + counts.scripts_inline > 0 {
            notes.push(Note::ScriptsNotRun {
                external: counts.scripts_external,
                inline: counts.scripts_inline,
            });
        }
        for (element, count) in
            [("canvas", counts.canvases), ("custom-element", counts.custom_elements)]
        {
            if count > 0 {
                notes.push(Note::NeedsScript { element, count });
            }
        }
        if counts.quirks && self.markup_seen > 0 {
            notes.push(Note::QuirksMode);
        }
        if self.decoder.undecodable() {
            notes.push(Note::Undecodable { encoding: self.encoding().name() });
        }
        notes.extend(self.notes.iter().cloned());
        notes.extend(self.layout_notes.iter().cloned());
        notes.extend(self.listed.iter().cloned().map(Note::Omitted));
        let more = self.listed_more + self.resources.refused;
        if more > 0 {
            notes.push(Note::OmittedMore { count: more });
        }
        notes
    }
}

/// Whoever gives a page up need not wait for its layout.
impl Drop for Page {
    fn drop(&mut self) {
        self.painter.stop();
    }
}
