//! Content Security Policy (W3C, level 3): the policies of a page, and what each refuses.

use url::Url;

use super::claims::Claims;
use super::hash;
use super::source::Sources;
use crate::fetch::Kind;

/// Whether a policy refuses, or only tells what it would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// `Content-Security-Policy`.
    Enforce,
    /// `Content-Security-Policy-Report-Only`.
    Report,
}

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// In a field of the document's head.
    Field,
    /// In a `<meta>` element of the document.
    Meta {
        /// On this line, from 1.
        line: u64,
    },
}

/// What stands in the page itself and not at an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Inline {
    Script,
    /// An event handler: `onclick`.
    ScriptAttribute,
    Style,
    /// `style`.
    StyleAttribute,
}

impl Inline {
    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Inline::Script => "a script in the page",
            Inline::ScriptAttribute => "an event handler attribute",
            Inline::Style => "a <style> element",
            Inline::StyleAttribute => "a style attribute",
        }
    }

    /// The directives that are for it, the first that a policy has counts (section 6.8.3, "fallback list").
    fn directives(self) -> &'static [&'static str] {
        match self {
            Inline::Script => SCRIPT,
            Inline::ScriptAttribute => &["script-src-attr", "script-src", "default-src"],
            Inline::Style => STYLE,
            Inline::StyleAttribute => &["style-src-attr", "style-src", "default-src"],
        }
    }

    fn is_script(self) -> bool {
        matches!(self, Inline::Script | Inline::ScriptAttribute)
    }

    fn is_attribute(self) -> bool {
        matches!(self, Inline::ScriptAttribute | Inline::StyleAttribute)
    }
}

const SCRIPT: &[&str] = &["script-src-elem", "script-src", "default-src"];
const STYLE: &[&str] = &["style-src-elem", "style-src", "default-src"];

/// The directives that are for a kind of resource, the first that a policy has counts (sections 6.8.1 and
/// 6.8.3). Prefetches have had none of their own since `prefetch-src` was taken out.
fn directives(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Style => STYLE,
        Kind::Script => SCRIPT,
        Kind::Image | Kind::Icon | Kind::Poster => &["img-src", "default-src"],
        Kind::Font => &["font-src", "default-src"],
        Kind::Frame => &["frame-src", "child-src", "default-src"],
        Kind::Video | Kind::Audio | Kind::Track => &["media-src", "default-src"],
        Kind::Manifest => &["manifest-src", "default-src"],
        Kind::Object | Kind::Embed => &["object-src", "default-src"],
        Kind::Data => &["connect-src", "default-src"],
        Kind::Later => &["default-src"],
    }
}

/// Directives that count for nothing in a `<meta>` element (section 3.3).
const NOT_IN_META: [&str; 3] = ["frame-ancestors", "report-uri", "sandbox"];

/// A directive that is not kept to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violated {
    /// As it was written, with one blank between two words.
    pub(crate) directive: String,
    pub(crate) stands: Stands,
    pub(crate) disposition: Disposition,
}

#[derive(Debug, Clone)]
struct Directive {
    /// In lower case.
    name: String,
    value: String,
    sources: Sources,
}

/// One policy.
#[derive(Debug, Clone)]
struct One {
    directives: Vec<Directive>,
    disposition: Disposition,
    stands: Stands,
}

/// The policies of a page's head that are enforced, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyText {
    /// The address of the page.
    pub(crate) document: Url,
    pub(crate) policies: Vec<String>,
}

/// The policies of one page, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Csp {
    document: Url,
    policies: Vec<One>,
}

impl Csp {
    /// No policy yet, of a page at this address, which is its `'self'`.
    pub(crate) fn new(document: Url) -> Self {
        Self { document, policies: Vec::new() }
    }

    /// Adds the policies of a list: the value of a field, or of the `content` of a `<meta>`.
    pub(crate) fn add(&mut self, list: &str, disposition: Disposition, stands: Stands) {
        let policies = list.split(',').map(|text| One::read(text, disposition, stands));
        self.policies.extend(policies.filter(|policy| !policy.directives.is_empty()));
    }

    /// Whether the page has none.
    pub(crate) fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// What somebody has to know of them who reads the page's markup anew.
    pub(crate) fn text(&self) -> PolicyText {
        let enforced = self.policies.iter().filter(|one| one.disposition == Disposition::Enforce);
        let of_head = enforced.filter(|one| one.stands == Stands::Field);
        PolicyText { document: self.document.clone(), policies: of_head.map(One::text).collect() }
    }

    /// Those of the head of a page.
    pub(crate) fn of(text: &PolicyText) -> Self {
        let mut csp = Self::new(text.document.clone());
        for policy in &text.policies {
            csp.add(policy, Disposition::Enforce, Stands::Field);
        }
        csp
    }

    /// What a request does not keep to. `redirected`: a redirect led to the address.
    pub(crate) fn request(
        &self,
        url: &Url,
        kind: Kind,
        claims: &Claims,
        redirected: bool,
    ) -> Vec<Violated> {
        self.violated(directives(kind), |sources| {
            let named = matches!(kind, Kind::Script | Kind::Style)
                && sources.has_nonce(claims.nonce.as_deref());
            if named {
                return true;
            }
            if kind == Kind::Script {
                let integrity = claims.integrity.as_deref().unwrap_or_default();
                if sources.has_all(&hash::hashes(integrity)) {
                    return true;
                }
                // All scripts here are in the markup: none was added by another script.
                if sources.is_strict() {
                    return false;
                }
            }
            sources.have(url, &self.document, redirected)
        })
    }

    /// What something in the page itself does not keep to.
    pub(crate) fn inline(&self, inline: Inline, nonce: Option<&str>, text: &str) -> Vec<Violated> {
        self.violated(inline.directives(), |sources| {
            sources.have_inline(nonce, text, inline.is_script(), inline.is_attribute())
        })
    }

    /// What a `<base href>` does not keep to.
    pub(crate) fn base(&self, url: &Url) -> Vec<Violated> {
        self.violated(&["base-uri"], |sources| sources.have(url, &self.document, false))
    }

    /// What the target of a form does not keep to.
    pub(crate) fn form(&self, url: &Url) -> Vec<Violated> {
        self.violated(&["form-action"], |sources| sources.have(url, &self.document, false))
    }

    /// Why no script of the page runs: a sandbox without `allow-scripts`.
    pub(crate) fn sandbox(&self) -> Vec<Violated> {
        let allows = |directive: &Directive| {
            let mut words = directive.value.split_ascii_whitespace();
            words.any(|word| word.eq_ignore_ascii_case("allow-scripts"))
        };
        let of = |one: &One| {
            let sandbox = one.find(&["sandbox"]).filter(|sandbox| !allows(sandbox));
            sandbox.map(|sandbox| one.violated(sandbox))
        };
        // One that is only to be reported has no sandbox (section 6.3.1).
        let enforced = self.policies.iter().filter(|one| one.disposition == Disposition::Enforce);
        enforced.filter_map(of).collect()
    }

    /// Whether requests in the clear go over TLS instead (W3C Upgrade Insecure Requests).
    pub(crate) fn upgrades(&self) -> bool {
        self.policies.iter().any(|one| {
            one.disposition == Disposition::Enforce
                && one.find(&["upgrade-insecure-requests"]).is_some()
        })
    }

    /// Of each policy the directive that is for this, where its sources do not have it.
    fn violated(&self, names: &[&str], have: impl Fn(&Sources) -> bool) -> Vec<Violated> {
        let of = |one: &One| {
            let directive = one.find(names).filter(|directive| !have(&directive.sources))?;
            Some(one.violated(directive))
        };
        self.policies.iter().filter_map(of).collect()
    }
}

impl One {
    /// Section 2.2.1: of two directives of one name the first counts.
    fn read(text: &str, disposition: Disposition, stands: Stands) -> Self {
        let mut directives: Vec<Directive> = Vec::new();
        for text in text.split(';') {
            let mut words = text.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            let unfit = stands != Stands::Field && NOT_IN_META.contains(&name.as_str());
            if unfit || directives.iter().any(|known| known.name == name) {
                continue;
            }
            let value = words.collect::<Vec<_>>().join(" ");
            let sources = Sources::read(&value);
            directives.push(Directive { name, value, sources });
        }
        Self { directives, disposition, stands }
    }

    fn find(&self, names: &[&str]) -> Option<&Directive> {
        names.iter().find_map(|name| self.directives.iter().find(|known| known.name == *name))
    }

    fn violated(&self, directive: &Directive) -> Violated {
        let (stands, disposition) = (self.stands, self.disposition);
        Violated { directive: directive.text(), stands, disposition }
    }

    fn text(&self) -> String {
        self.directives.iter().map(Directive::text).collect::<Vec<_>>().join("; ")
    }
}

impl Directive {
    fn text(&self) -> String {
        format!("{} {}", self.name, self.value).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csp(fields: &[&str]) -> Csp {
        let mut csp = Csp::new(Url::parse("https://a.example/dir/page").unwrap());
        for field in fields {
            csp.add(field, Disposition::Enforce, Stands::Field);
        }
        csp
    }

    /// The directives that refuse a resource.
    fn refused(fields: &[&str], kind: Kind, url: &str, claims: &Claims) -> Vec<String> {
        let url = Url::parse(url).unwrap();
        let violated = csp(fields).request(&url, kind, claims, false);
        violated.into_iter().map(|one| one.directive).collect()
    }

    #[test]
    fn the_most_special_directive_that_is_there_counts() {
        let url = "https://b.example/x";
        let rows: [(&str, Kind, &[&str]); 16] = [
            ("default-src 'none'", Kind::Image, &["default-src 'none'"]),
            ("default-src 'none'; img-src *", Kind::Image, &[]),
            ("img-src 'none'; default-src *", Kind::Image, &["img-src 'none'"]),
            ("img-src 'none'", Kind::Style, &[]),
            ("img-src 'none'", Kind::Icon, &["img-src 'none'"]),
            ("style-src *; style-src-elem 'self'", Kind::Style, &["style-src-elem 'self'"]),
            ("script-src 'self'; script-src-elem *", Kind::Script, &[]),
            ("child-src 'self'", Kind::Frame, &["child-src 'self'"]),
            ("child-src 'self'; frame-src *", Kind::Frame, &[]),
            ("font-src 'self'", Kind::Font, &["font-src 'self'"]),
            ("media-src 'self'", Kind::Track, &["media-src 'self'"]),
            ("object-src 'none'", Kind::Embed, &["object-src 'none'"]),
            ("connect-src 'none'", Kind::Data, &["connect-src 'none'"]),
            ("manifest-src 'none'", Kind::Manifest, &["manifest-src 'none'"]),
            // Of two of one name the first counts; names are read in any case, and blanks do not matter.
            ("IMG-SRC  *; img-src 'none'", Kind::Image, &[]),
            (";; img-src\t'self'   c.example ;", Kind::Image, &["img-src 'self' c.example"]),
        ];
        for (field, kind, expected) in rows {
            assert_eq!(
                refused(&[field], kind, url, &Claims::default()),
                expected,
                "{field} {kind:?}"
            );
        }
    }

    #[test]
    fn every_policy_has_to_be_kept_to() {
        let url = "https://b.example/x";
        let both = ["img-src *", "img-src 'self'"];
        let refusing = ["img-src 'self'"];
        assert_eq!(refused(&both, Kind::Image, url, &Claims::default()), refusing);
        assert_eq!(
            refused(&["img-src *, img-src 'self'"], Kind::Image, url, &Claims::default()),
            refusing
        );
        assert!(csp(&["", " , ;"]).is_empty());
    }

    #[test]
    fn scripts_can_be_named_by_nonce_and_by_hash() {
        let claims = |nonce: &str, integrity: &str| Claims {
            nonce: Some(nonce.to_owned()),
            integrity: Some(integrity.to_owned()),
            ..Claims::default()
        };
        let url = "https://b.example/x";
        let strict = "script-src 'strict-dynamic' 'nonce-n' 'sha256-AAAA' https: 'unsafe-inline'";
        let passes = |kind, claims: &Claims| refused(&[strict], kind, url, claims).is_empty();
        assert!(passes(Kind::Script, &claims("n", "")));
        assert!(!passes(Kind::Script, &claims("m", "")));
        assert!(passes(Kind::Script, &claims("", "sha256-AAAA")));
        assert!(!passes(Kind::Script, &claims("", "sha256-AAAA sha256-BBBB")));
        assert!(!passes(Kind::Script, &Claims::default()));
        let styles = ["style-src 'nonce-n' 'sha256-AAAA'"];
        assert!(refused(&styles, Kind::Style, url, &claims("n", "")).is_empty());
        assert_eq!(refused(&styles, Kind::Style, url, &claims("", "sha256-AAAA")), styles);
    }

    #[test]
    fn a_sandbox_runs_no_scripts_unless_it_says_so_and_has_no_place_in_the_markup() {
        assert_eq!(csp(&["sandbox allow-forms"]).sandbox()[0].directive, "sandbox allow-forms");
        assert!(csp(&["sandbox allow-forms ALLOW-scripts"]).sandbox().is_empty());
        let mut meta = csp(&[]);
        meta.add("sandbox; frame-ancestors 'none'", Disposition::Enforce, Stands::Meta { line: 1 });
        assert!(meta.is_empty());
    }

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        let fields = "img-src 'self'; upgrade-insecure-requests; Script-Src b.example, font-src *";
        let first = csp(&[fields]);
        let again = Csp::of(&first.text());
        assert_eq!(format!("{again:?}"), format!("{first:?}"));
    }
}
