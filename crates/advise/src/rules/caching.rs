//! Advice about what browsers keep from one visit to the next.

use core::time::Duration;
use std::time::SystemTime;

use roundtrip_fetch::lifetime;
use roundtrip_record::ResourceKind;

use crate::change::{AnswerChange, Change};
use crate::proposals::Proposals;
use crate::seen::{Resource, Seen};
use crate::variant::Variant;
use crate::words::{list, several};

/// What is fresh for so long is kept long enough: as Lighthouse has it.
const LONG_ENOUGH: Duration = Duration::from_hours(30 * 24);

/// Files that browsers may keep for a year.
pub(crate) fn long_lived(seen: &Seen<'_>, proposals: &mut Proposals) {
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seen.scenario.network.date);
    let mut files = seen.resources();
    files.retain(|one| {
        let answer = one.answer;
        let fresh = lifetime(answer.status, &answer.fields, date);
        is_static(one) && fresh.is_some_and(|fresh| fresh < LONG_ENOUGH)
    });
    if files.is_empty() {
        return;
    }
    let names: Vec<String> = files.iter().map(Resource::name).collect();
    let keep = |one: &Resource<'_>| Change::Answer(one.url.clone(), AnswerChange::Kept);
    proposals.variants.push(
        Variant::new("cache", format!("let browsers keep {} for a year", several(&names, "file")))
            .how(format!(
                "Cache-Control: max-age=31536000, immutable for {}; the visit is carried out a second time \
                 at once, so that what is fresh for some minutes is not asked for as it is either",
                list(&names)
            ))
            .caution("a file that changes needs another name then")
            .lighthouse("cache-insight")
            .on_second_visit()
            .with(files.iter().map(keep)),
    );
}

/// Whether something is a file that does not depend on who asks, or when.
fn is_static(resource: &Resource<'_>) -> bool {
    let exchange = resource.exchange;
    matches!(
        exchange.kind,
        ResourceKind::Style
            | ResourceKind::Script
            | ResourceKind::Image
            | ResourceKind::Font
            | ResourceKind::Icon
            | ResourceKind::Media
    )
}
