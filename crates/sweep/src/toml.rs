//! A sweep's plan as a file says it: TOML, of which every key is known or refused.

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use roundtrip_page::Viewport;
use roundtrip_story::{Figure, Metric, Unit, nearest, quantity};
use roundtrip_visit::BrowserName;

use crate::keep::KeepCondition;
use crate::network::Network;
use crate::plan::{BrowserModel, InputSource, Protocol, Seeds, SweepPlan, WantedVariants};
use crate::population::{Population, Quantity, value};

/// What a plan may have.
const KEYS: &[&str] = &[
    "inputs",
    "networks",
    "population",
    "protocols",
    "browsers",
    "cpu",
    "variants",
    "seeds",
    "metrics",
    "keep-record",
    "viewport",
    "max-time",
];
/// What an input may have that is more than its place.
const INPUT_KEYS: &[&str] = &["at", "name", "https"];
/// What a network may have that is more than its description.
const NETWORK_KEYS: &[&str] = &["net", "name"];
/// What a population may have.
const POPULATION_KEYS: &[&str] = &["name", "draws", "seed", "rtt", "down", "up", "with"];
/// The most draws from one population.
const MOST_DRAWS: u64 = 1_000_000;
/// After how much virtual time a visit gives up unless told otherwise, as `visit` does.
const USUAL_LIMIT: Duration = Duration::from_mins(2);

/// A text that is no plan: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlan {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl core::error::Error for BadPlan {}

type Read<T> = Result<T, BadPlan>;
/// A key of a table, and its place.
type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

impl SweepPlan {
    /// Reads the text of a plan, which stands in the file `path`: what it names is looked for from that
    /// file's folder on.
    ///
    /// # Errors
    /// When it is no plan: in which line, why, and what was probably meant.
    pub fn parse(text: &str, path: &Path) -> Result<Self, BadPlan> {
        let reader = Reader { text, folder: path.parent().unwrap_or(Path::new("")) };
        let table = DeTable::parse(text).map_err(|error| BadPlan {
            line: error.span().map(|span| reader.line(&span)),
            what: error.message().to_owned(),
        })?;
        let mut plan = Self {
            path: path.to_owned(),
            inputs: Vec::new(),
            networks: Vec::new(),
            protocols: vec![Protocol::Recorded],
            browsers: Vec::new(),
            variants: WantedVariants::Named(Vec::new()),
            seeds: Seeds { first: 1, count: 1 },
            figures: figures(),
            keep: None,
            viewport: Viewport::default(),
            limit: Some(USUAL_LIMIT),
        };
        let (mut browsers, mut slower) = (vec![BrowserName::Chromium], vec![1.0]);
        for (key, value) in in_order(table.get_ref()) {
            match key.get_ref().as_ref() {
                "inputs" => plan.inputs = reader.each(value, |one| reader.input(one))?,
                "networks" => plan.networks.extend(reader.each(value, |one| reader.network(one))?),
                "population" => {
                    for drawn in reader.each(value, |one| reader.population(one))? {
                        plan.networks.extend(drawn);
                    }
                }
                "protocols" => plan.protocols = reader.each(value, |one| reader.protocol(one))?,
                "browsers" => browsers = reader.each(value, |one| reader.browser(one))?,
                "cpu" => slower = reader.each(value, |one| reader.slower(one))?,
                "variants" => plan.variants = reader.variants(value)?,
                "seeds" => plan.seeds = reader.seeds(value)?,
                "metrics" => plan.figures = reader.each(value, |one| reader.figure(one))?,
                "keep-record" => {
                    plan.keep = Some(reader.parsed(value, str::parse::<KeepCondition>)?);
                }
                "viewport" => plan.viewport = reader.parsed(value, str::parse::<Viewport>)?,
                "max-time" => plan.limit = reader.limit(value)?,
                _ => return Err(reader.unknown(key, KEYS)),
            }
        }
        let model = |name| slower.iter().map(move |slower| BrowserModel { name, slower: *slower });
        plan.browsers = browsers.into_iter().flat_map(model).collect();
        check(&plan)?;
        Ok(plan)
    }
}

/// The figures that are columns unless others are wanted: all.
fn figures() -> Vec<Figure> {
    let metrics = Metric::all().map(|(name, unit, _)| Figure::Metric(name, unit));
    [Figure::Load].into_iter().chain(metrics).collect()
}

/// What a table has, in the order in which it is written.
fn in_order<'a, 't>(table: &'a DeTable<'t>) -> Vec<(&'a Key<'t>, &'a Value<'t>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    /// The line in which something begins, from 1.
    fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }

    fn bad(&self, at: &Range<usize>, what: impl Into<String>) -> BadPlan {
        BadPlan { line: Some(self.line(at)), what: what.into() }
    }

    fn unknown(&self, key: &Key<'_>, known: &[&str]) -> BadPlan {
        self.bad(&key.span(), unknown(key.get_ref(), known))
    }

    /// One value, or each of a list.
    fn each<T>(&self, value: &Value<'_>, read: impl Fn(&Value<'_>) -> Read<T>) -> Read<Vec<T>> {
        let DeValue::Array(list) = value.get_ref() else { return Ok(vec![read(value)?]) };
        if list.is_empty() {
            return Err(
                self.bad(&value.span(), "the list is empty: leave the key out, or name something")
            );
        }
        list.iter().map(read).collect()
    }

    fn text<'v>(&self, value: &'v Value<'_>) -> Read<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.bad(&value.span(), "wanted a text, in quotes")),
        }
    }

    fn whole(&self, value: &Value<'_>, most: u64) -> Read<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let what = || self.bad(&value.span(), format!("wanted a whole number from 0 to {most}"));
        number.filter(|number| *number <= most).ok_or_else(what)
    }

    fn at_least_one(&self, value: &Value<'_>, most: u64) -> Read<u64> {
        match self.whole(value, most)? {
            0 => Err(self.bad(&value.span(), "wanted at least 1")),
            number => Ok(number),
        }
    }

    /// A text that something can be read from.
    fn parsed<T, E: fmt::Display>(
        &self,
        value: &Value<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Read<T> {
        parse(self.text(value)?).map_err(|error| self.bad(&value.span(), error.to_string()))
    }

    fn table<'v, 't>(&self, value: &'v Value<'t>, wanted: &str) -> Read<&'v DeTable<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.bad(&value.span(), format!("wanted {wanted}"))),
        }
    }

    fn input(&self, value: &Value<'_>) -> Read<InputSource> {
        let line = self.line(&value.span());
        let (mut at, mut name, mut https) = (None, None, false);
        if let DeValue::String(text) = value.get_ref() {
            at = Some(text.to_string());
        } else {
            for (key, value) in
                in_order(self.table(value, "a text, or { at = \"site/\", name = \"shop\" }")?)
            {
                match key.get_ref().as_ref() {
                    "at" => at = Some(self.text(value)?.to_owned()),
                    "name" => name = Some(self.text(value)?.to_owned()),
                    "https" => https = self.switch(value)?,
                    _ => return Err(self.unknown(key, INPUT_KEYS)),
                }
            }
        }
        let at = at.filter(|at| !at.is_empty());
        let at = at.ok_or_else(|| {
            self.bad(&value.span(), "an input is at = \"…\": a folder, a run, a HAR")
        })?;
        if at.contains("://") {
            let what = format!(
                "{at}: a sweep visits what is recorded. roundtrip visit {at} --name NAME records it; NAME is an input then"
            );
            return Err(self.bad(&value.span(), what));
        }
        let name = name.unwrap_or_else(|| at.trim_end_matches('/').to_owned());
        Ok(InputSource { name, at, https, line })
    }

    fn switch(&self, value: &Value<'_>) -> Read<bool> {
        match value.get_ref() {
            DeValue::Boolean(on) => Ok(*on),
            _ => Err(self.bad(&value.span(), "wanted true or false")),
        }
    }

    fn network(&self, value: &Value<'_>) -> Read<Network> {
        let (mut net, mut name) = (None, None);
        if let DeValue::String(_) = value.get_ref() {
            net = Some(value);
        } else {
            for (key, value) in in_order(
                self.table(value, "a text, or { net = \"3g,loss=1%\", name = \"train\" }")?,
            ) {
                match key.get_ref().as_ref() {
                    "net" => net = Some(value),
                    "name" => name = Some(self.text(value)?),
                    _ => return Err(self.unknown(key, NETWORK_KEYS)),
                }
            }
        }
        let net = net.ok_or_else(|| {
            self.bad(&value.span(), "a network is net = \"…\", as --net takes it")
        })?;
        self.parsed(net, |text| Network::read(name, text, self.folder))
    }

    /// The networks that are drawn from a population.
    fn population(&self, value: &Value<'_>) -> Read<Vec<Network>> {
        let table = self.table(value, "a table: [[population]]")?;
        let (mut name, mut draws, mut seed, mut with) = (None, None, 1, None);
        let (mut rtt, mut down, mut up) = (None, None, None);
        for (key, value) in in_order(table) {
            match key.get_ref().as_ref() {
                "name" => name = Some(self.text(value)?.to_owned()),
                "draws" => draws = Some(self.at_least_one(value, MOST_DRAWS)?),
                "seed" => seed = self.whole(value, Seeds::MOST)?,
                "rtt" => rtt = Some(self.quantity("rtt", value)?),
                "down" => down = Some(self.quantity("down", value)?),
                "up" => up = Some(self.quantity("up", value)?),
                "with" => with = Some(self.text(value)?.to_owned()),
                _ => return Err(self.unknown(key, POPULATION_KEYS)),
            }
        }
        let lacks = |what: &str| self.bad(&value.span(), format!("the population lacks {what}"));
        let population = Population {
            name: name.ok_or_else(|| lacks("its name"))?,
            draws: draws.ok_or_else(|| lacks("draws: how many networks are drawn"))? as u32,
            seed,
            rtt: rtt.ok_or_else(|| lacks("rtt"))?,
            down: down.ok_or_else(|| lacks("down"))?,
            up: up.ok_or_else(|| lacks("up"))?,
            with,
        };
        let drawn = population.networks(self.folder);
        drawn.map_err(|error| self.bad(&value.span(), error.to_string()))
    }

    /// Percentiles and whence they are, or what everybody has.
    fn quantity(&self, name: &str, given: &Value<'_>) -> Read<Quantity> {
        if let DeValue::String(_) = given.get_ref() {
            return Ok(Quantity::fixed(self.parsed(given, |text| value(name, text))?));
        }
        let wanted = "a text that holds for all, or { source = \"…\", p10 = \"…\", p50 = \"…\", p90 = \"…\" }";
        let (mut percentiles, mut source) = (Vec::new(), None);
        for (key, given) in in_order(self.table(given, wanted)?) {
            let text = key.get_ref().as_ref();
            if text == "source" {
                source = Some(self.text(given)?).filter(|source| !source.trim().is_empty());
                continue;
            }
            let percent = text.strip_prefix('p').and_then(|percent| percent.parse::<u8>().ok());
            let percent = percent.filter(|percent| *percent <= 100).ok_or_else(|| {
                self.bad(
                    &key.span(),
                    format!("{text:?} is neither source nor a percentile, as p50"),
                )
            })?;
            percentiles.push((percent, self.parsed(given, |text| value(name, text))?));
        }
        percentiles.sort_unstable();
        let at = given.span();
        if source.is_none() {
            return Err(self.bad(
                &at,
                format!("{name} = {{ source = \"…\" }}: who published these percentiles?"),
            ));
        }
        if percentiles.len() < 2 {
            return Err(self.bad(&at, format!("{name}: wanted two percentiles or more")));
        }
        let twice = percentiles.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice || percentiles.windows(2).any(|pair| pair[0].1 > pair[1].1) {
            return Err(self.bad(&at, format!("{name}: a higher percentile has no smaller value")));
        }
        Ok(Quantity { percentiles })
    }

    fn protocol(&self, value: &Value<'_>) -> Read<Protocol> {
        let names = Protocol::ALL.map(Protocol::name);
        let text = self.text(value)?;
        let found = Protocol::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| self.bad(&value.span(), unknown(text, &names)))
    }

    fn browser(&self, value: &Value<'_>) -> Read<BrowserName> {
        let names = BrowserName::ALL.map(BrowserName::name);
        let text = self.text(value)?;
        let found = BrowserName::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| self.bad(&value.span(), unknown(text, &names)))
    }

    fn slower(&self, value: &Value<'_>) -> Read<f64> {
        let text = self.text(value)?;
        let times = text.trim_end_matches(['x', 'X']).parse::<f64>().ok();
        times.filter(|times| (0.01..=1000.0).contains(times)).ok_or_else(|| {
            self.bad(&value.span(), format!("{text:?}: wanted how many times slower, as \"4x\""))
        })
    }

    fn variants(&self, value: &Value<'_>) -> Read<WantedVariants> {
        if matches!(value.get_ref(), DeValue::String(text) if text == "all") {
            return Ok(WantedVariants::All);
        }
        let name = |one: &Value<'_>| Ok((self.text(one)?.to_owned(), self.line(&one.span())));
        Ok(WantedVariants::Named(self.each(value, name)?))
    }

    fn seeds(&self, value: &Value<'_>) -> Read<Seeds> {
        let mut seeds = Seeds { first: 1, count: 1 };
        if let DeValue::Table(table) = value.get_ref() {
            for (key, value) in in_order(table) {
                match key.get_ref().as_ref() {
                    "first" => seeds.first = self.whole(value, Seeds::MOST)?,
                    "count" => seeds.count = self.at_least_one(value, Seeds::MOST)?,
                    _ => return Err(self.unknown(key, &["first", "count"])),
                }
            }
        } else {
            seeds.count = self.at_least_one(value, Seeds::MOST).map_err(|_| {
                self.bad(&value.span(), "wanted how many, or { first = 1, count = 100 }")
            })?;
        }
        let last = seeds.first.checked_add(seeds.count - 1).filter(|last| *last <= Seeds::MOST);
        last.map(|_| seeds)
            .ok_or_else(|| self.bad(&value.span(), format!("seeds go up to {}", Seeds::MOST)))
    }

    fn figure(&self, value: &Value<'_>) -> Read<Figure> {
        self.parsed(value, Figure::named)
    }

    fn limit(&self, value: &Value<'_>) -> Read<Option<Duration>> {
        let nanos = self.parsed(value, |text| quantity(text, Unit::Milliseconds))?;
        let nanos =
            u64::try_from(nanos).map_err(|_| self.bad(&value.span(), "a time is not negative"))?;
        // As in curl, zero means no limit.
        Ok(Some(Duration::from_nanos(nanos)).filter(|limit| !limit.is_zero()))
    }
}

/// Whether all parts of a plan fit each other.
fn check(plan: &SweepPlan) -> Read<()> {
    let nowhere = |what: &str| BadPlan { line: None, what: what.to_owned() };
    if plan.inputs.is_empty() {
        return Err(nowhere("no inputs: inputs = [\"site/\"] names folders, runs or HARs"));
    }
    if plan.networks.is_empty() {
        return Err(nowhere(
            "no networks: networks = [\"cable\", \"4g,loss=1%\"], or a [[population]]",
        ));
    }
    for (place, input) in plan.inputs.iter().enumerate() {
        if plan.inputs[..place].iter().any(|other| other.name == input.name) {
            let what =
                format!("two inputs are called {}: name = \"…\" tells them apart", input.name);
            return Err(BadPlan { line: Some(input.line), what });
        }
    }
    if let Some(name) = named_twice(&plan.networks) {
        return Err(nowhere(&format!("two networks are called {name}")));
    }
    once("protocols", plan.protocols.iter().map(|one| one.name().to_owned()))?;
    once(
        "browsers, cpu",
        plan.browsers.iter().map(|one| format!("{} {}x", one.name.name(), one.slower)),
    )?;
    once("metrics", plan.figures.iter().map(|one| one.name().to_owned()))?;
    if let WantedVariants::Named(names) = &plan.variants {
        once("variants", names.iter().map(|(name, _)| name.clone()))?;
    }
    match &plan.keep {
        Some(keep) if !plan.figures.contains(&keep.figure()) && !keep.is_of_exit() => {
            Err(nowhere(&format!(
                "keep-record is about {}, which is not among the metrics",
                keep.figure().name()
            )))
        }
        _ => Ok(()),
    }
}

/// A name that two networks have, or two populations, or one of each.
fn named_twice(networks: &[Network]) -> Option<&str> {
    let mut known: BTreeMap<&str, BTreeSet<Option<u32>>> = BTreeMap::new();
    networks.iter().map(|network| (network.name.as_str(), network.draw)).find_map(|(name, draw)| {
        let draws = known.entry(name).or_default();
        let is_other = draws.first().is_some_and(|first| first.is_some() != draw.is_some());
        (!draws.insert(draw) || is_other).then_some(name)
    })
}

/// Refuses what stands in a list twice.
fn once(list: &str, names: impl Iterator<Item = String>) -> Read<()> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(BadPlan { line: None, what: format!("{list}: {} stands there twice", pair[0]) })
        }
        None => Ok(()),
    }
}

/// What is said of a name that is none of these.
pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied());
    let near = near.map_or(".".into(), |near| format!("; did you mean {near}?"));
    format!("{name:?} is not known{near} There are: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<SweepPlan, BadPlan> {
        SweepPlan::parse(text, Path::new("plans/PLAN.toml"))
    }

    const WHOLE: &str = r#"
inputs = ["demo", { at = "shop/", name = "shop", https = true }, "a.har"]
networks = ["cable", { net = "3g,loss=1%", name = "train" }]
protocols = ["http/1.1", "h2"]
browsers = ["chromium", "firefox"]
cpu = ["1x", "4x"]
variants = ["brotli", "preload"]
seeds = { first = 5, count = 100 }
metrics = ["load", "fcp", "transferSize"]
keep-record = "load > p99"
viewport = "800x600"
max-time = "30 s"

[[population]]
name = "town"
draws = 3
seed = 2
rtt = { source = "a survey", p10 = "20ms", p50 = "40ms", p90 = "200ms" }
down = { source = "a survey", p10 = "2Mbit", p90 = "50Mbit" }
up = "1Mbit"
with = "queue=100p"
"#;

    #[test]
    fn a_plan_is_a_product() {
        let plan = plan(WHOLE).unwrap_or_else(|error| panic!("{error}"));
        let inputs: Vec<_> = plan.inputs.iter().map(|one| (one.name.as_str(), one.https)).collect();
        assert_eq!(inputs, [("demo", false), ("shop", true), ("a.har", false)]);
        let networks: Vec<_> =
            plan.networks.iter().map(|one| (one.name.as_str(), one.draw)).collect();
        let town = |draw| ("town", Some(draw));
        assert_eq!(networks, [("cable", None), ("train", None), town(0), town(1), town(2)]);
        assert_eq!((plan.protocols.len(), plan.browsers.len(), plan.figures.len()), (2, 4, 3));
        assert_eq!(plan.seeds, Seeds { first: 5, count: 100 });
        assert_eq!(plan.limit, Some(Duration::from_secs(30)));
        assert!(matches!(&plan.variants, WantedVariants::Named(names) if names.len() == 2));
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let plan =
            plan("inputs = \"demo\"\nnetworks = \"4g\"\nvariants = \"all\"").expect("a plan");
        assert_eq!((plan.inputs.len(), plan.seeds.count, plan.protocols.len()), (1, 1, 1));
        assert_eq!(plan.variants, WantedVariants::All);
        assert_eq!(plan.figures.len(), 1 + Metric::all().count());
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_its_line() {
        let good = "inputs = [\"demo\"]\nnetworks = [\"cable\"]\n";
        for (text, line, says) in [
            ("input = [\"demo\"]", Some(1), "did you mean inputs?"),
            ("inputs = [\"demo\"]\nnetworks = [\"cabel\"]", Some(2), "did you mean cable?"),
            ("inputs = [\n\"demo\",\n{ at = \"x\", nmae = \"y\" }]", Some(3), "did you mean name?"),
            ("inputs = []", Some(1), "the list is empty"),
            ("inputs = [\"https://a.example/\"]", Some(1), "records it"),
            ("networks = \"cable\"", None, "no inputs"),
            ("inputs = \"demo\"", None, "no networks"),
            (
                "inputs = [\"demo\", \"demo\"]\nnetworks = \"4g\"",
                Some(1),
                "two inputs are called demo",
            ),
            ("inputs = \"demo\"\nnetworks = [\"4g\", \"4g\"]", None, "two networks are called 4g"),
        ] {
            let error = plan(text).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
        for (more, says) in [
            ("protocols = \"http2\"", "is not known. There are: recorded, http/1.1, h2"),
            ("browsers = \"chrome\"", "did you mean chromium?"),
            ("cpu = \"fast\"", "how many times slower"),
            ("cpu = 4", "wanted a text"),
            ("seeds = 0", "wanted how many"),
            ("seeds = \"many\"", "wanted how many"),
            ("seeds = { count = 9223372036854775807, first = 2 }", "seeds go up to"),
            ("metrics = \"laod\"", "did you mean load?"),
            ("keep-record = \"load > p101\"", "p101"),
            ("max-time = \"30\"", "wanted a time with its unit"),
            ("viewport = \"big\"", ""),
            ("seeds = 1\nseeds = 2", "duplicate key"),
            ("[population]\nnmae = \"x\"", "did you mean name?"),
            ("[population]\nname = \"x\"", "lacks draws"),
            ("[population]\nrtt = { p10 = \"1ms\", p90 = \"2ms\" }", "who published"),
            ("[population]\nrtt = { source = \"s\", p10 = \"1ms\" }", "two percentiles"),
            (
                "[population]\nrtt = { source = \"s\", p10 = \"2ms\", p90 = \"1ms\" }",
                "no smaller value",
            ),
            (
                "[population]\nrtt = { source = \"s\", q1 = \"2ms\" }",
                "neither source nor a percentile",
            ),
        ] {
            let error = plan(&format!("{good}{more}")).expect_err(more);
            assert!(error.line.is_some_and(|line| line >= 3), "{more}: {error}");
            assert!(error.to_string().contains(says), "{more}: {error}");
        }
        let keep = format!("{good}metrics = \"load\"\nkeep-record = \"requests > p99\"");
        assert!(plan(&keep).expect_err("no such column").to_string().contains("not among"));
    }
}
