//! Words for what browsers refuse by rules of the page, or of who answered.

use roundtrip_record::{FaultKind, RefusalRule};

use super::context::{FaultContext, FindingText, url};
use crate::text::{clean, count};

/// A refusal, taken apart.
struct Told<'a> {
    says: String,
    found: Option<String>,
    line: Option<u64>,
    what: &'a [String],
    count: u64,
    came: bool,
}

impl Told<'_> {
    /// What was refused, for a headline: the thing itself, or how many.
    fn subject(&self) -> String {
        match self.what {
            [one] if self.count == 1 => clean(one),
            _ => count(usize::try_from(self.count).unwrap_or(usize::MAX), "thing"),
        }
    }

    /// What was refused, a line each, where the headline does not have it.
    fn list(&self) -> Vec<String> {
        let mut lines: Vec<String> = match self.what {
            [_] if self.count == 1 => Vec::new(),
            all => all.iter().take(SHOWN).map(|one| clean(one)).collect(),
        };
        let more = self.count.saturating_sub(lines.len().max(1) as u64);
        if more > 0 && !lines.is_empty() {
            lines.push(say!("and {} more", more));
        }
        lines
    }

    /// What became of it.
    fn fate(&self) -> &'static str {
        if self.came {
            say!("it came and is not used")
        } else {
            say!("it was not asked for, or is not used")
        }
    }
}

/// How much is listed.
const SHOWN: usize = 5;

pub(super) fn words(context: &FaultContext<'_>) -> FindingText {
    let FaultKind::Refused { rule, says, found, line, what, count, came } = &context.fault.fault
    else {
        return FindingText::default();
    };
    let told = Told {
        says: clean(says),
        found: found.as_deref().map(clean),
        line: *line,
        what,
        count: *count,
        came: *came,
    };
    let words = match rule {
        RefusalRule::ContentSecurityPolicy => policy(&told, &url(context)),
        RefusalRule::Integrity => integrity(&told),
        RefusalRule::MixedContent => mixed(&told),
        RefusalRule::ContentType => content_type(&told),
        RefusalRule::Cors => cors(&told),
        RefusalRule::ResourcePolicy => resource_policy(&told),
        RefusalRule::Other(name) => FindingText::new(
            say!("{} refused by a rule of browsers: {}", told.subject(), clean(name)),
            say!("roundtrip show latest --format json has all that is known of it"),
        ),
    };
    words.also(told.list())
}

fn policy(told: &Told<'_>, page: &str) -> FindingText {
    let says = &told.says;
    let stands = match told.line {
        None => say!("in the Content-Security-Policy of {}", page),
        Some(line) => say!("in a <meta> of {}, line {}", page, line),
    };
    FindingText::new(
        say!("the page's own policy refuses {}: {}", told.subject(), says),
        say!(
            "let the directive name it (its origin, a nonce or a hash), or take it out of the page"
        ),
    )
    .seen(format!("{says}: {stands}"))
    .means(say!("browsers keep to it: {}", told.fate()))
}

fn integrity(told: &Told<'_>) -> FindingText {
    match &told.found {
        Some(found) => FindingText::new(
            say!("{} is not what its integrity attribute says", told.subject()),
            say!("serve the file that was hashed, or write the new hash: openssl dgst -sha384 -binary FILE | base64"),
        )
        .seen(say!("integrity: {}", told.says))
        .seen(say!("what came: {}", found))
        .means(say!("browsers do not use it: it was changed since the page was written, or on the way")),
        None => FindingText::new(
            say!("{} has an integrity that cannot be checked", told.subject()),
            say!("add crossorigin to the element, and Access-Control-Allow-Origin to the answer"),
        )
        .seen(say!("integrity: {}", told.says))
        .means(say!("another origin answers, and without crossorigin a page may not read what comes: browsers do not use it")),
    }
}

fn mixed(told: &Told<'_>) -> FindingText {
    FindingText::new(
        say!("{} over http on a page of https is refused", told.subject()),
        say!("name it with https://"),
    )
    .means(say!("mixed content: anybody on the way could change it, so browsers do not ask for it"))
}

fn content_type(told: &Told<'_>) -> FindingText {
    let found = told.found.as_deref().unwrap_or(say!("no type"));
    let because = match told.says.as_str() {
        "" => String::new(),
        says => format!("; {says}"),
    };
    FindingText::new(
        say!("{} came as {} and is not used", told.subject(), found),
        say!("serve it with its own type: text/css, text/javascript"),
    )
    .seen(say!("Content-Type: {}{}", found, because))
    .means(say!("browsers do not take it for what the page wants it for; an error page in its place looks like that, too"))
}

fn cors(told: &Told<'_>) -> FindingText {
    let seen = match told.says.as_str() {
        "" => say!("the answer has no Access-Control-Allow-Origin").to_owned(),
        says => say!("the answer has {}", says),
    };
    FindingText::new(
        say!("another origin does not let the page use {}", told.subject()),
        say!("have its server answer with Access-Control-Allow-Origin: * (or the page's origin)"),
    )
    .seen(seen)
    .means(say!(
        "fonts, modules and what is marked crossorigin need that (CORS): they came and are not used"
    ))
}

fn resource_policy(told: &Told<'_>) -> FindingText {
    FindingText::new(
        say!("its server keeps {} from this page", told.subject()),
        say!("have its server say Cross-Origin-Resource-Policy: cross-origin, or serve it from the page's own origin"),
    )
    .seen(told.says.clone())
    .means(say!("browsers keep to it: it came and is not used"))
}
