//! The rules of the page, held against what stands in it as the scanner comes to it: a policy in the markup is
//! for what comes after it.

use std::sync::Arc;

use html5ever::tokenizer::Tag;
use url::Url;

use super::found::{Found, Want};
use super::rules::attr;
use super::state::{State, Text};
use crate::fetch::{Kind, Omitted};
use crate::policy::{Claims, Disposition, Inline, Refusal, Refused, Stands, Violated};

/// The event handlers that pages commonly have as attributes (HTML, section 8.1.8.2).
const HANDLERS: [&str; 24] = [
    "onblur",
    "onchange",
    "onclick",
    "oncontextmenu",
    "ondblclick",
    "onerror",
    "onfocus",
    "oninput",
    "onkeydown",
    "onkeypress",
    "onkeyup",
    "onload",
    "onmousedown",
    "onmousemove",
    "onmouseout",
    "onmouseover",
    "onmouseup",
    "onpointerdown",
    "onscroll",
    "onselect",
    "onsubmit",
    "ontouchstart",
    "onunload",
    "onwheel",
];

impl State {
    /// A `<meta http-equiv=content-security-policy>`.
    pub(super) fn add_policy(&mut self, content: &str, line: u64) {
        let policy = Arc::make_mut(&mut self.policy);
        policy.csp.add(content, Disposition::Enforce, Stands::Meta { line });
    }

    /// Wants a resource, unless the rules refuse it; says whether it is wanted.
    pub(super) fn resource(&mut self, want: Want) -> bool {
        let Want { url, kind, line, claims, .. } = &want;
        let (url, kind, line) = (url.clone(), *kind, *line);
        let admitted = self.admits(&url, kind, claims, line);
        if admitted {
            self.found.push(Found::Resource(want));
        }
        admitted
    }

    /// Lists what is seen and not fetched, unless the rules refuse it.
    pub(super) fn list_address(&mut self, url: Url, kind: Kind, line: u64, why: Omitted) {
        if self.admits(&url, kind, &Claims::default(), line) {
            self.found.push(Found::Listed { url, kind, line, why });
        }
    }

    fn admits(&mut self, url: &Url, kind: Kind, claims: &Claims, line: u64) -> bool {
        let (to, _) = self.policy.destination(url, kind, claims);
        let refused = |by| Refused {
            by,
            what: url.to_string(),
            kind: Some(kind),
            line,
            came: false,
            reported_only: false,
        };
        match self.policy.admit(&to, kind, claims, false) {
            Err(by) => {
                self.found.push(Found::Refused { refused: refused(by), url: Some(url.clone()) });
                false
            }
            Ok(admitted) => {
                let reported = admitted.reported.into_iter().map(Refusal::from).map(refused);
                self.reported(reported.collect());
                true
            }
        }
    }

    /// Whether something in the page itself may be applied or run.
    pub(super) fn admits_inline(&mut self, inline: Inline, text: &Text) -> bool {
        if self.policy.csp.is_empty() {
            return true;
        }
        let Text { content, nonce, line, .. } = text;
        match self.policy.admit_inline(inline, nonce.as_deref(), content) {
            Err(by) => {
                let refused = refused_inline(inline.name(), by, *line);
                self.found.push(Found::Refused { refused, url: None });
                false
            }
            Ok(admitted) => {
                let of = |violated| refused_inline(inline.name(), Refusal::from(violated), *line);
                self.reported(admitted.reported.into_iter().map(of).collect());
                true
            }
        }
    }

    /// What policies that are only to be reported would refuse.
    fn reported(&mut self, refused: Vec<Refused>) {
        self.found.extend(refused.into_iter().map(|refused| {
            let refused = Refused { reported_only: true, ..refused };
            Found::Refused { refused, url: None }
        }));
    }

    /// The attributes of an element that are styles or scripts themselves.
    pub(super) fn inline_attributes(&mut self, tag: &Tag, line: u64) {
        if self.policy.csp.is_empty() {
            return;
        }
        for attr in &tag.attrs {
            let inline = match &*attr.name.local {
                "style" => Inline::StyleAttribute,
                name if HANDLERS.contains(&name) => Inline::ScriptAttribute,
                _ => continue,
            };
            let text = Text { content: attr.value.to_string(), nonce: None, is_async: false, line };
            self.admits_inline(inline, &text);
        }
    }

    /// Whether a sandbox keeps the page's scripts from being run, which is then said of this one.
    pub(super) fn is_sandboxed(&mut self, what: &str, line: u64) -> bool {
        let Some(violated) = self.policy.csp.sandbox().into_iter().next() else { return false };
        let refused = refused_inline(what, Refusal::from(violated), line);
        self.found.push(Found::Refused { refused, url: None });
        true
    }

    /// Whether an address may be the base of all others.
    pub(super) fn may_be_base(&mut self, url: &Url, line: u64) -> bool {
        let violated = self.policy.csp.base(url);
        let (enforced, reported) = apart(violated, &format!("<base href=\"{url}\">"), line);
        self.reported(reported);
        let refused = enforced.into_iter().next();
        let admitted = refused.is_none();
        self.found.extend(refused.map(|refused| Found::Refused { refused, url: None }));
        admitted
    }

    /// A form that the policy does not let be sent. Nothing here sends one, so it is only told.
    pub(super) fn form(&mut self, tag: &Tag, line: u64) {
        if self.policy.csp.is_empty() {
            return;
        }
        let written = attr(tag, "action").map(str::trim).filter(|action| !action.is_empty());
        let target = written.map_or_else(|| Ok(self.document.clone()), |to| self.base.join(to));
        let Ok(url) = target else { return };
        let is_sent =
            attr(tag, "method").is_none_or(|method| !method.eq_ignore_ascii_case("dialog"));
        if !is_sent || !matches!(url.scheme(), "http" | "https") {
            return;
        }
        let violated = self.policy.csp.form(&url);
        let (enforced, reported) = apart(violated, &format!("sending a form to {url}"), line);
        self.found
            .extend(enforced.into_iter().map(|refused| Found::Refused { refused, url: None }));
        self.reported(reported);
    }
}

fn refused_inline(what: &str, by: Refusal, line: u64) -> Refused {
    let what = what.to_owned();
    Refused { by, what, kind: None, line, came: false, reported_only: false }
}

/// What is refused, and what is only to be reported.
fn apart(violated: Vec<Violated>, what: &str, line: u64) -> (Vec<Refused>, Vec<Refused>) {
    let (enforced, reported): (Vec<_>, Vec<_>) =
        violated.into_iter().partition(|one| one.disposition == Disposition::Enforce);
    let refused = |violated| refused_inline(what, Refusal::from(violated), line);
    (enforced.into_iter().map(refused).collect(), reported.into_iter().map(refused).collect())
}
