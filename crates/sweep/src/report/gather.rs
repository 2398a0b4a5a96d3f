//! Reads a file of results and gathers what belongs together.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use parquet::data_type::ByteArray;
use roundtrip_advise::Saving;
use roundtrip_story::{Figure, Unit};

use super::spread::Distribution;
use crate::column::{Batch, Column};
use crate::error::SweepError;
use crate::reader::TableReader;

/// How many rows are read at a time.
const ROWS: usize = 8_192;
/// The figures that are told of unless others are wanted.
const USUAL: [&str; 2] = ["load", "first-paint"];
/// What is read of a row, besides the figures.
const COLUMNS: [&str; 9] =
    ["input", "network", "protocol", "browser", "variant", "base", "draw", "seed", "exit"];
/// What is read of it where a sweep has several processors.
const CPU: &str = "cpu";

/// What the rows of a sweep come to.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepReport {
    /// Visits.
    pub visits: u64,
    /// Visits that ended with a fault.
    pub failed: u64,
    /// The inputs, in the order of the rows.
    pub inputs: Vec<String>,
    /// Each figure.
    pub figures: Vec<FigureReport>,
}

/// How one figure is spread.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureReport {
    /// The figure.
    pub figure: Figure,
    /// By network, in the order of the rows.
    pub networks: Vec<NetworkReport>,
    /// What each variant saved of it, by network and by input; of figures that are no times, nothing.
    pub helped: Vec<Helped>,
}

/// One figure on one network, or on all that were drawn from a population.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkReport {
    /// The network's name.
    pub network: String,
    /// By variant, in the order of the rows.
    pub variants: Vec<Distribution>,
}

/// What a variant saved on one network: of pairs of visits that differ in nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Helped {
    /// The variant.
    pub variant: String,
    /// What it is held against.
    pub base: String,
    /// The network's name.
    pub network: String,
    /// Over all inputs.
    pub all: Gain,
    /// Of each input that has it, what saved most first.
    pub inputs: Vec<(String, Gain)>,
}

/// What pairs of visits come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    /// How many pairs there are.
    pub pairs: usize,
    /// Pairs that were faster with the variant.
    pub faster: usize,
    /// Pairs that were slower.
    pub slower: usize,
    /// Pairs that failed with the variant, and not without.
    pub failed: usize,
    /// What was saved; `None` where no pair has the figure.
    pub saving: Option<Saving>,
}

impl SweepReport {
    /// Reads the results in a file. `wanted` are the figures to tell of; none for the usual ones.
    ///
    /// # Errors
    /// When the file has no results, or not those figures.
    pub fn read(path: &Path, wanted: &[Figure]) -> Result<Self, SweepError> {
        let reader = TableReader::open(path)?;
        let figures = figures(&reader, wanted)?;
        let names = figures.iter().map(|figure| figure.name());
        let names: Vec<&str> = COLUMNS.into_iter().chain([CPU]).chain(names).collect();
        let mut reader = reader.only(&names);
        let columns = reader.columns();
        if columns.len() != names.len() {
            let why = "it lacks columns that every sweep has".to_owned();
            return Err(SweepError::Foreign { path: path.to_owned(), why });
        }
        let mut gathered = Gathered::new(figures.len());
        let mut rows = Batch::none(&columns);
        loop {
            reader.read(ROWS, &mut rows)?;
            if rows.len() == 0 {
                break;
            }
            gathered.rows(&rows, &columns);
        }
        gathered.end_block();
        Ok(gathered.report(&figures))
    }
}

/// The figures to tell of, which the file has to have.
fn figures(reader: &TableReader, wanted: &[Figure]) -> Result<Vec<Figure>, SweepError> {
    let has = |figure: &Figure| reader.all_columns().iter().any(|one| one.name == figure.name());
    if let Some(lacking) = wanted.iter().find(|figure| !has(figure)) {
        let why = format!(
            "it has no column {}: metrics = […] of the plan says which it has",
            lacking.name()
        );
        return Err(SweepError::Foreign { path: reader.path().to_owned(), why });
    }
    if !wanted.is_empty() {
        return Ok(wanted.to_vec());
    }
    let known = |name: &str| Figure::named(name).ok().filter(has);
    let usual: Vec<Figure> = USUAL.into_iter().filter_map(known).collect();
    if !usual.is_empty() {
        return Ok(usual);
    }
    // What a plan chose in their place.
    let names = reader.all_columns().iter().map(|column| column.name.as_str());
    Ok(names.filter_map(known).take(1).collect())
}

/// Texts by number, in the order in which they came.
#[derive(Default)]
struct Names {
    numbers: BTreeMap<String, usize>,
    /// The text before, which is mostly the same again.
    last: Option<(ByteArray, usize)>,
}

impl Names {
    fn number(&mut self, text: &ByteArray) -> usize {
        if let Some((last, number)) = &self.last
            && last == text
        {
            return *number;
        }
        let next = self.numbers.len();
        let name = String::from_utf8_lossy(text.data()).into_owned();
        let number = *self.numbers.entry(name).or_insert(next);
        self.last = Some((text.clone(), number));
        number
    }

    fn all(&self) -> Vec<String> {
        let mut names: Vec<(&usize, &String)> =
            self.numbers.iter().map(|(name, number)| (number, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }
}

/// A visit of the rows at hand.
struct Visit {
    input: usize,
    /// Protocol, browser and processor.
    client: (usize, usize, u64),
    variant: usize,
    base: usize,
    is_good: bool,
    values: Vec<Option<f64>>,
}

/// Pairs of one variant on one network, of one input.
#[derive(Clone, Default)]
struct Pairs {
    /// The figure without it and with it, by figure.
    values: Vec<Vec<(f64, f64)>>,
    failed: usize,
}

/// What visits of one variant on one network came to.
struct Seen {
    /// By figure.
    values: Vec<Vec<f64>>,
    failed: usize,
}

/// What pairs have in common; it orders them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PairKey {
    variant: usize,
    base: usize,
    network: usize,
    input: usize,
}

/// What rows come to so far.
struct Gathered {
    inputs: Names,
    networks: Names,
    variants: Names,
    protocols: Names,
    browsers: Names,
    visits: u64,
    failed: u64,
    /// By network and variant.
    spread: BTreeMap<(usize, usize), Seen>,
    pairs: BTreeMap<PairKey, Pairs>,
    /// The visits over one network with one seed, which follow one another in a sweep's rows, and which
    /// they are.
    block: Vec<Visit>,
    of_block: (usize, Option<i64>, Option<i64>),
    figures: usize,
}

impl Gathered {
    fn new(figures: usize) -> Self {
        Self {
            inputs: Names::default(),
            networks: Names::default(),
            variants: Names::default(),
            protocols: Names::default(),
            browsers: Names::default(),
            visits: 0,
            failed: 0,
            spread: BTreeMap::new(),
            pairs: BTreeMap::new(),
            block: Vec::new(),
            of_block: (0, None, None),
            figures,
        }
    }

    /// Takes rows with the columns of [`COLUMNS`], of the processor, and of the figures.
    fn rows(&mut self, rows: &Batch, columns: &[Column]) {
        let figures = COLUMNS.len() + 1;
        for row in 0..rows.len() {
            let text = |column: usize| &rows.texts(column)[row];
            let network = self.networks.number(text(1));
            let of_block = (network, rows.whole(6)[row], rows.whole(7)[row]);
            if of_block != self.of_block {
                self.end_block();
                self.of_block = of_block;
            }
            let cpu = rows.numbers(COLUMNS.len())[row].unwrap_or(1.0);
            let visit = Visit {
                input: self.inputs.number(text(0)),
                client: (
                    self.protocols.number(text(2)),
                    self.browsers.number(text(3)),
                    cpu.to_bits(),
                ),
                variant: self.variants.number(text(4)),
                base: self.variants.number(text(5)),
                is_good: rows.whole(8)[row] == Some(0),
                values: (figures..columns.len()).map(|one| rows.numbers(one)[row]).collect(),
            };
            self.visit(network, visit);
        }
    }

    fn visit(&mut self, network: usize, visit: Visit) {
        self.visits += 1;
        let none = || Seen { values: vec![Vec::new(); self.figures], failed: 0 };
        let seen = self.spread.entry((network, visit.variant)).or_insert_with(none);
        if visit.is_good {
            for (values, value) in seen.values.iter_mut().zip(&visit.values) {
                values.extend(*value);
            }
        } else {
            self.failed += 1;
            seen.failed += 1;
        }
        self.block.push(visit);
    }

    /// Pairs the visits at hand with what they are held against.
    fn end_block(&mut self) {
        let block = core::mem::take(&mut self.block);
        let bases: BTreeMap<_, &Visit> = block
            .iter()
            .filter(|visit| visit.variant == visit.base)
            .map(|visit| ((visit.input, visit.client, visit.variant), visit))
            .collect();
        for visit in block.iter().filter(|visit| visit.variant != visit.base) {
            let Some(base) = bases.get(&(visit.input, visit.client, visit.base)) else { continue };
            let network = self.of_block.0;
            let Visit { variant, base: held_against, input, .. } = *visit;
            let key = PairKey { variant, base: held_against, network, input };
            let pairs = self.pairs.entry(key).or_default();
            pairs.values.resize(self.figures, Vec::new());
            if base.is_good && visit.is_good {
                for (figure, pairs) in pairs.values.iter_mut().enumerate() {
                    pairs.extend(base.values[figure].zip(visit.values[figure]));
                }
            }
            pairs.failed += usize::from(base.is_good && !visit.is_good);
        }
    }

    fn report(self, figures: &[Figure]) -> SweepReport {
        let (inputs, networks, variants) =
            (self.inputs.all(), self.networks.all(), self.variants.all());
        let of_figure = |(place, figure): (usize, &Figure)| {
            let network = |(number, name): (usize, &String)| NetworkReport {
                network: name.clone(),
                variants: self
                    .spread
                    .range((number, 0)..(number + 1, 0))
                    .map(|((_, variant), seen)| {
                        Distribution::of(
                            &variants[*variant],
                            seen.values[place].clone(),
                            seen.failed,
                        )
                    })
                    .collect(),
            };
            let helped = if figure.unit() == Unit::Milliseconds {
                helped(&self.pairs, place, [&inputs, &networks, &variants])
            } else {
                Vec::new()
            };
            FigureReport {
                figure: *figure,
                networks: networks.iter().enumerate().map(network).collect(),
                helped,
            }
        };
        SweepReport {
            visits: self.visits,
            failed: self.failed,
            figures: figures.iter().enumerate().map(of_figure).collect(),
            inputs,
        }
    }
}

/// What variants saved of one figure.
fn helped(
    pairs: &BTreeMap<PairKey, Pairs>,
    figure: usize,
    [inputs, networks, variants]: [&Vec<String>; 3],
) -> Vec<Helped> {
    let all: Vec<(&PairKey, &Pairs)> = pairs.iter().collect();
    // Those of one variant on one network follow one another.
    let groups = all.chunk_by(|(one, _), (other, _)| {
        PairKey { input: 0, ..**one } == PairKey { input: 0, ..**other }
    });
    let group = |of: &[(&PairKey, &Pairs)]| {
        let key = of.first()?.0;
        let values = of.iter().flat_map(|(_, pairs)| pairs.values[figure].iter().copied());
        let values: Vec<(f64, f64)> = values.collect();
        let failed = of.iter().map(|(_, pairs)| pairs.failed).sum();
        let of_input = |(key, pairs): &(&PairKey, &Pairs)| {
            (inputs[key.input].clone(), Gain::of(&pairs.values[figure], pairs.failed))
        };
        let mut of_inputs: Vec<(String, Gain)> = of.iter().map(of_input).collect();
        of_inputs.sort_by(|one, other| other.1.median().total_cmp(&one.1.median()));
        Some(Helped {
            variant: variants[key.variant].clone(),
            base: variants[key.base].clone(),
            network: networks[key.network].clone(),
            all: Gain::of(&values, failed),
            inputs: of_inputs,
        })
    };
    groups.filter_map(group).collect()
}

impl Gain {
    /// What pairs of milliseconds come to, each without the variant and with it.
    fn of(pairs: &[(f64, f64)], failed: usize) -> Self {
        let time = |ms: f64| Duration::from_nanos((ms * 1e6).round().max(0.0) as u64);
        Self {
            pairs: pairs.len(),
            faster: pairs.iter().filter(|(without, with)| with < without).count(),
            slower: pairs.iter().filter(|(without, with)| with > without).count(),
            failed,
            saving: Saving::of(pairs.iter().map(|(without, with)| (time(*without), time(*with)))),
        }
    }

    fn median(&self) -> f64 {
        self.saving.map_or(0.0, |saving| saving.median_ms)
    }
}
