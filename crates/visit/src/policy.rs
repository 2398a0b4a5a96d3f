//! The rules of a page on the wire: what they refuse is gathered and told, one finding for each rule, and what
//! the head of an answer says is read for them.

use core::cell::RefCell;

use roundtrip_fetch::{Gate, same_site};
use roundtrip_http::client::Response;
use roundtrip_http::message::{Fields, to_text};
use roundtrip_page::{AnswerHead, Disposition, Guard, Page, Refusal, Refused, Stands};
use roundtrip_record::{FaultKind, RefusalRule};
use roundtrip_wire::Wire;
use url::Url;

/// How much of what one rule refused is told by name.
const NAMED: usize = 20;

/// Has the policies of a document's head count for its page.
pub(crate) fn take_up(page: &mut Page, fields: &Fields) {
    for (name, disposition) in [
        ("Content-Security-Policy", Disposition::Enforce),
        ("Content-Security-Policy-Report-Only", Disposition::Report),
    ] {
        for value in fields.get_all(name) {
            page.policy_field(&to_text(value), disposition);
        }
    }
}

/// What the head of an answer says of whether the page that asked may have it.
pub(crate) fn answer_head<W: Wire>(page: &Url, response: &Response<W>) -> AnswerHead {
    let fields = &response.fields;
    let all = |name: &str| {
        let values: Vec<String> = fields.get_all(name).map(to_text).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    // Of a list the first member counts (Fetch, "determine nosniff").
    let nosniff = fields.list("X-Content-Type-Options").next();
    AnswerHead {
        nosniff: nosniff.is_some_and(|value| value.eq_ignore_ascii_case(b"nosniff")),
        allow_origin: all("Access-Control-Allow-Origin"),
        allow_credentials: all("Access-Control-Allow-Credentials").as_deref() == Some("true"),
        resource_policy: all("Cross-Origin-Resource-Policy"),
        same_site: same_site(page, &response.url),
    }
}

/// The rules of a page for one request on its way.
pub(crate) struct Passage {
    guard: Option<Guard>,
    refused: RefCell<Option<Refused>>,
}

impl Passage {
    pub(crate) fn new(guard: Option<Guard>) -> Self {
        Self { guard, refused: RefCell::new(None) }
    }

    /// What was refused, if something was.
    pub(crate) fn into_refused(self) -> Option<Refused> {
        self.refused.into_inner()
    }
}

impl Gate for Passage {
    fn redirected(&self, to: &Url) -> Result<Url, FaultKind> {
        let Some(guard) = &self.guard else { return Ok(to.clone()) };
        guard.redirected(to).map_err(|refused| {
            let mut group = Group::of(&refused);
            group.add(&refused);
            *self.refused.borrow_mut() = Some(*refused);
            group.fault()
        })
    }
}

/// What the rules of a page refused so far.
#[derive(Default)]
pub(crate) struct Refusals {
    groups: Vec<Group>,
}

/// What one rule refused.
struct Group {
    by: Refusal,
    came: bool,
    reported_only: bool,
    what: Vec<String>,
    count: u64,
}

impl Refusals {
    pub(crate) fn add(&mut self, refused: &Refused) {
        let known = self.groups.iter().position(|group| {
            group.by == refused.by
                && group.came == refused.came
                && group.reported_only == refused.reported_only
        });
        let at = known.unwrap_or_else(|| {
            self.groups.push(Group::of(refused));
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.add(refused);
        }
    }

    /// A fault for each rule that refused something.
    pub(crate) fn faults(&self) -> impl Iterator<Item = FaultKind> {
        self.groups.iter().filter(|group| !group.reported_only).map(Group::fault)
    }

    /// A sentence for each policy that is only to be reported and would refuse something.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.groups.iter().filter(|group| group.reported_only).map(|group| {
            let first = group.what.first().map_or("", String::as_str);
            format!(
                "a policy that is only to be reported would refuse {} ({}{}): {}",
                group.count,
                first,
                if group.count > 1 { " …" } else { "" },
                said(&group.by).says
            )
        })
    }
}

impl Group {
    fn of(refused: &Refused) -> Self {
        let Refused { by, came, reported_only, .. } = refused;
        let (by, came, reported_only) = (by.clone(), *came, *reported_only);
        Self { by, came, reported_only, what: Vec::new(), count: 0 }
    }

    fn add(&mut self, refused: &Refused) {
        self.count += 1;
        let what = match (refused.kind, refused.line) {
            (None, line @ 1..) => format!("{} (line {line})", refused.what),
            _ => refused.what.clone(),
        };
        if self.what.len() < NAMED {
            self.what.push(what);
        }
    }

    fn fault(&self) -> FaultKind {
        let Said { rule, says, found, line } = said(&self.by);
        let (what, count, came) = (self.what.clone(), self.count, self.came);
        FaultKind::Refused { rule, says, found, line, what, count, came }
    }
}

/// A rule, as the record has it.
struct Said {
    rule: RefusalRule,
    says: String,
    found: Option<String>,
    line: Option<u64>,
}

fn said(by: &Refusal) -> Said {
    let of = |rule, says: String| Said { rule, says, found: None, line: None };
    match by {
        Refusal::Csp { directive, stands } => Said {
            line: match stands {
                Stands::Field => None,
                Stands::Meta { line } => Some(*line),
            },
            ..of(RefusalRule::ContentSecurityPolicy, directive.clone())
        },
        Refusal::Integrity { expected, found } => {
            Said { found: Some(found.clone()), ..of(RefusalRule::Integrity, expected.clone()) }
        }
        Refusal::Unreadable { expected } => of(RefusalRule::Integrity, expected.clone()),
        Refusal::MixedContent => of(RefusalRule::MixedContent, String::new()),
        Refusal::ContentType { given, nosniff } => {
            let says = if *nosniff { "X-Content-Type-Options: nosniff" } else { "" };
            let found = Some(given.clone()).filter(|given| !given.is_empty());
            Said { found, ..of(RefusalRule::ContentType, says.to_owned()) }
        }
        Refusal::Cors { allowed, credentials } => {
            let field =
                allowed.as_ref().map(|origin| format!("Access-Control-Allow-Origin: {origin}"));
            let says = match (field, credentials) {
                (None, _) => String::new(),
                (Some(field), false) => field,
                (Some(field), true) => format!("{field}, with credentials"),
            };
            of(RefusalRule::Cors, says)
        }
        Refusal::ResourcePolicy { policy } => {
            of(RefusalRule::ResourcePolicy, format!("Cross-Origin-Resource-Policy: {policy}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(directive: &str, what: &str) -> Refused {
        Refused {
            by: Refusal::Csp { directive: directive.to_owned(), stands: Stands::Field },
            what: what.to_owned(),
            kind: None,
            line: 7,
            came: false,
            reported_only: false,
        }
    }

    #[test]
    fn each_rule_has_one_fault_with_all_that_it_refused() {
        let mut refusals = Refusals::default();
        for number in 0..30 {
            refusals.add(&refused("img-src 'none'", &number.to_string()));
        }
        refusals.add(&refused("style-src 'none'", "x"));
        refusals.add(&Refused { reported_only: true, ..refused("font-src 'none'", "y") });
        let faults: Vec<FaultKind> = refusals.faults().collect();
        let told = |fault: &FaultKind| match fault {
            FaultKind::Refused { says, what, count, .. } => (says.clone(), what.len(), *count),
            other => panic!("{other:?}"),
        };
        let expected =
            [("img-src 'none'".to_owned(), 20, 30), ("style-src 'none'".to_owned(), 1, 1)];
        assert_eq!(faults.iter().map(told).collect::<Vec<_>>(), expected);
        let FaultKind::Refused { what, .. } = &faults[1] else { panic!("{faults:?}") };
        assert_eq!(what[..], ["x (line 7)"]);
        assert_eq!(refusals.notes().count(), 1);
    }
}
