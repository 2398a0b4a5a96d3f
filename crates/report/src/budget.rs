//! A budget in words: by how much a limit is exceeded, and what most of it is.

use roundtrip_story::{BudgetReport, Contributor, JudgedLimit, Unit};

use crate::comparison::{amount, part};
use crate::model::Model;
use crate::names::short_url;
use crate::text::{clean, clip_middle, count};

/// The most columns of a URL.
const URL: usize = 48;

/// A limit and what became of it: `load 3.42 s, 920 ms over its limit of 2.5 s (+37%)`.
pub(crate) fn limit(limit: &JudgedLimit) -> String {
    let most = amount(limit.most_amount(), limit.unit);
    let Some(value) = limit.amount() else {
        return say!("{} is not known of this run (limit {})", limit.name, most);
    };
    let came = amount(value, limit.unit);
    if !limit.exceeded {
        return say!("{} {}, limit {}", limit.name, came, most);
    }
    let over = amount(value - limit.most_amount(), limit.unit);
    let share = part(limit.most_amount(), value).map_or(String::new(), |part| format!(" ({part})"));
    say!("{} {}, {} over its limit of {}{}", limit.name, came, over, most, share)
}

/// What most of an exceeded limit is: `/app.js 484 kB, /hero.jpg 310 kB`.
pub(crate) fn mostly(limit: &JudgedLimit, model: &Model) -> Option<String> {
    let base = model.document().map(|document| document.url.as_str());
    let url = |url: &str| clip_middle(&short_url(url, base), URL);
    let told = limit.contributors.iter().map(|one| match one {
        Contributor::Exchange { url: of, .. } if limit.unit == Unit::Count => url(of),
        Contributor::Exchange { url: of, value, .. } => {
            format!("{} {}", url(of), amount(limit.unit.amount(*value), limit.unit))
        }
        Contributor::Leg { step, url: of, value, .. } => {
            let of = of.as_deref().map_or(String::new(), |of| say!(" of {}", url(of)));
            let took = amount(Unit::Milliseconds.amount(*value), Unit::Milliseconds);
            format!("{}{of} {took}", crate::language::word(step.name()))
        }
        Contributor::Host { host, value } => {
            format!("{} {}", clean(host), amount(limit.unit.amount(*value), limit.unit))
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// The limits that are kept, and what the budget says that cannot be held against this run.
pub(crate) fn rest(budget: &BudgetReport) -> Vec<String> {
    if !budget.applies {
        return vec![say!("no entry of the budget is for the path of this page").into()];
    }
    let kept: Vec<&JudgedLimit> = budget.limits.iter().filter(|limit| !limit.exceeded).collect();
    let mut told = Vec::new();
    if !kept.is_empty() {
        let limits = kept.iter().map(|one| limit(one)).collect::<Vec<_>>().join("; ");
        told.push(say!("{} kept: {}", count(kept.len(), "limit"), limits));
    }
    if !budget.unmeasured.is_empty() {
        told.push(say!("not measured here: {}", budget.unmeasured.join(", ")));
    }
    told
}
