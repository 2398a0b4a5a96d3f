//! `BudgetReport`: what a run came to, limit by limit, and what most of it is.

use std::collections::BTreeMap;

use roundtrip_record::{ExchangeId, Milestone};
use serde::Serialize;
use url::{Host, Url};

use super::limit::{Budget, Entry, Group, Limit, Measured, Sum};
use crate::exchange::Exchange;
use crate::figure::Figure;
use crate::metric::Unit;
use crate::path::{CriticalPath, LegKind};
use crate::story::Story;

/// The most contributors that are told of.
const TOLD: usize = 3;

/// A part of what a figure came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Contributor {
    /// An exchange.
    Exchange {
        /// The exchange.
        exchange: ExchangeId,
        /// Its URL.
        url: String,
        /// Its part, in the limit's unit.
        value: f64,
    },
    /// A leg of the critical path.
    Leg {
        /// What it was spent on.
        step: LegKind,
        /// The exchange whose phase it is, if it is one's.
        exchange: Option<ExchangeId>,
        /// That exchange's URL.
        url: Option<String>,
        /// How long it was, in milliseconds.
        value: f64,
    },
    /// All exchanges with one host.
    Host {
        /// The host.
        host: String,
        /// Their part, in the limit's unit.
        value: f64,
    },
}

/// A limit, and what the run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgedLimit {
    /// What is limited: `load`, `script transferSize`.
    pub name: String,
    /// The unit of the values.
    pub unit: Unit,
    /// The limit.
    pub most: f64,
    /// What the run came to; `None` where it does not have the figure.
    pub value: Option<f64>,
    /// Whether the limit is exceeded. A figure that the run does not have exceeds it, since what cannot be
    /// seen must not pass.
    pub exceeded: bool,
    /// What most of it is, the largest first; of a limit that is kept nothing.
    pub contributors: Vec<Contributor>,
}

impl JudgedLimit {
    /// The limit in whole nanoseconds, bytes or things.
    pub fn most_amount(&self) -> i64 {
        self.unit.amount(self.most)
    }

    /// The value, likewise.
    pub fn amount(&self) -> Option<i64> {
        self.value.map(|value| self.unit.amount(value))
    }
}

/// What a budget says of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BudgetReport {
    /// Each limit, in the order of the budget.
    pub limits: Vec<JudgedLimit>,
    /// Limits of figures that no run of ours has, by their names.
    pub unmeasured: Vec<String>,
    /// Whether the budget has an entry for this page.
    pub applies: bool,
}

impl BudgetReport {
    /// The limits that are exceeded.
    pub fn exceeded(&self) -> impl Iterator<Item = &JudgedLimit> {
        self.limits.iter().filter(|limit| limit.exceeded)
    }

    /// Whether every limit is kept.
    pub fn is_kept(&self) -> bool {
        self.exceeded().next().is_none()
    }
}

impl Budget {
    /// Holds a run against the budget: against the last entry that is for its page.
    pub fn judge(&self, story: &Story) -> BudgetReport {
        let page = story.document().and_then(|document| Url::parse(&document.url).ok());
        let path = page
            .as_ref()
            .map_or("/", |url| &url[url::Position::BeforePath..url::Position::AfterQuery]);
        let is_for = |entry: &&Entry| entry.path.as_ref().is_none_or(|own| own.matches(path));
        let Some(entry) = self.entries.iter().rfind(is_for) else {
            return BudgetReport::default();
        };
        let judge = Judge { story, entry, page: page.as_ref() };
        BudgetReport {
            limits: entry.limits.iter().map(|limit| judge.limit(limit)).collect(),
            unmeasured: entry.unmeasured.clone(),
            applies: true,
        }
    }
}

struct Judge<'a> {
    story: &'a Story,
    entry: &'a Entry,
    page: Option<&'a Url>,
}

impl<'a> Judge<'a> {
    fn limit(&self, limit: &Limit) -> JudgedLimit {
        let unit = limit.measured.unit();
        let amount = match limit.measured {
            Measured::Figure(figure) => figure.of(self.story),
            Measured::Sum(group, sum) => {
                Some(self.group(group).map(|exchange| part(exchange, sum)).sum())
            }
        };
        let exceeded = amount.is_none_or(|amount| amount > limit.most);
        let contributors = match (exceeded, amount) {
            (true, Some(amount)) => self.contributors(limit.measured, amount),
            _ => Vec::new(),
        };
        JudgedLimit {
            name: limit.measured.name(),
            unit,
            most: unit.value(limit.most),
            value: amount.map(|amount| unit.value(amount)),
            exceeded,
            contributors,
        }
    }

    /// The exchanges of a group.
    fn group(&self, group: Group) -> impl Iterator<Item = &'a Exchange> {
        self.story.seen().iter().filter(move |exchange| match group {
            Group::All => true,
            Group::Kind(kind) => exchange.kind == kind,
            Group::ThirdParty => self.is_third_party(exchange),
        })
    }

    /// Whether an exchange is with a server that does not belong to the page's site: neither to its
    /// registrable domain nor to the hosts that the budget names.
    fn is_third_party(&self, exchange: &Exchange) -> bool {
        let Ok(url) = Url::parse(&exchange.url) else { return false };
        let Some(host) = url.host_str().map(str::to_lowercase) else { return false };
        let is_named = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(domain) => host == domain || host.ends_with(&format!(".{domain}")),
            None => host == *pattern,
        };
        if !self.entry.first_party.is_empty() {
            return !self.entry.first_party.iter().any(is_named);
        }
        self.page.is_some_and(|page| site(page) != site(&url))
    }

    fn contributors(&self, measured: Measured, amount: i64) -> Vec<Contributor> {
        match measured {
            Measured::Sum(group, sum) => self.summands(group, sum),
            Measured::Figure(figure) => match (figure, figure.unit()) {
                (_, Unit::Milliseconds) => self.legs(figure, amount),
                (Figure::Metric("encodedBodySize", _), _) => {
                    self.summands(Group::All, Sum::EncodedBodySize)
                }
                (Figure::Metric("decodedBodySize", _), _) => {
                    self.summands(Group::All, Sum::DecodedBodySize)
                }
                (_, Unit::Bytes) => self.summands(Group::All, Sum::TransferSize),
                (Figure::Metric("failedRequests", _), _) => self.each(Exchange::failed),
                (Figure::Metric("retriedRequests", _), _) => self.each(|one| one.retried),
                (Figure::Metric("requests" | "connections", _), _) => {
                    self.summands(Group::All, Sum::Requests)
                }
                _ => Vec::new(),
            },
        }
    }

    /// The exchanges for which something holds, each of which counts one.
    fn each(&self, of: fn(&Exchange) -> bool) -> Vec<Contributor> {
        let seen = self.story.seen().iter().filter(|exchange| of(exchange));
        seen.take(TOLD).map(|exchange| contributor(exchange, 1.0)).collect()
    }

    /// The largest summands: exchanges by bytes, hosts by requests.
    fn summands(&self, group: Group, sum: Sum) -> Vec<Contributor> {
        if sum != Sum::Requests {
            let mut parts: Vec<(i64, &Exchange)> =
                self.group(group).map(|exchange| (part(exchange, sum), exchange)).collect();
            parts.sort_by_key(|(bytes, exchange)| (core::cmp::Reverse(*bytes), exchange.id));
            let largest = parts.into_iter().take(TOLD);
            return largest.map(|(bytes, one)| contributor(one, bytes as f64)).collect();
        }
        let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
        for exchange in self.group(group) {
            let url = Url::parse(&exchange.url).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or("?");
            *hosts.entry(host.to_owned()).or_default() += 1;
        }
        let mut hosts: Vec<(String, usize)> = hosts.into_iter().collect();
        hosts.sort_by_key(|(_, requests)| core::cmp::Reverse(*requests));
        let most = hosts.into_iter().take(TOLD);
        most.map(|(host, requests)| Contributor::Host { host, value: requests as f64 }).collect()
    }

    /// The longest legs of the critical path that leads to a moment.
    fn legs(&self, figure: Figure, amount: i64) -> Vec<Contributor> {
        let mut path = self.path_to(figure, amount);
        path.legs.sort_by_key(|leg| core::cmp::Reverse(leg.took()));
        let legs = path.legs.into_iter().take(TOLD);
        let contributor = |leg: crate::path::Leg| Contributor::Leg {
            step: leg.step,
            exchange: leg.exchange,
            url: leg.exchange.and_then(|id| Some(self.story.exchange(id)?.url.clone())),
            value: crate::span::as_millis(leg.took()),
        };
        legs.map(contributor).collect()
    }

    /// The critical path to the moment that a figure is the time of; empty where the figure is no time from
    /// the beginning on.
    fn path_to(&self, figure: Figure, amount: i64) -> CriticalPath {
        let painted = [
            Milestone::FirstPaint,
            Milestone::FirstContentfulPaint,
            Milestone::LargestContentfulPaint,
        ];
        match figure {
            Figure::Load => self.story.critical_to_load(),
            Figure::Metric("duration" | "domComplete" | "loadEventEnd", _) => {
                self.story.critical_to_load()
            }
            Figure::Metric(name, _) if painted.iter().any(|one| one.as_str() == name) => {
                self.story.critical_to_paint().unwrap_or_default()
            }
            Figure::Metric(
                "responseStart" | "responseEnd" | "domInteractive" | "domContentLoadedEventEnd",
                _,
            ) => {
                let took = core::time::Duration::from_nanos(amount.unsigned_abs());
                self.story.critical_to_load().until(took)
            }
            Figure::Metric(..) => CriticalPath::default(),
        }
    }
}

fn contributor(exchange: &Exchange, value: f64) -> Contributor {
    Contributor::Exchange { exchange: exchange.id, url: exchange.url.clone(), value }
}

/// An exchange's part of a sum.
fn part(exchange: &Exchange, sum: Sum) -> i64 {
    let body = exchange.response.as_ref().map(|response| &response.what.body);
    let bytes = match sum {
        Sum::Requests => 1,
        Sum::TransferSize => exchange.received(),
        Sum::EncodedBodySize => body.map_or(0, |body| body.encoded),
        Sum::DecodedBodySize => body.map_or(0, |body| body.decoded),
    };
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The site that a URL belongs to: its registrable domain, or its host where it has none.
fn site(url: &Url) -> Option<String> {
    Some(match url.host()? {
        Host::Domain(name) => psl::domain_str(name).unwrap_or(name).to_lowercase(),
        address => address.to_string(),
    })
}
