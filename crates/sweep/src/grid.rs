//! `Grid`: all cells of a sweep, each with its number.

use parquet::data_type::ByteArray;
use roundtrip_lab::Direction;
use roundtrip_page::Program;
use roundtrip_story::Figure;
use roundtrip_visit::run::RunError;
use roundtrip_visit::scenario::Scenario;

use crate::column::{Batch, Column, ColumnKind, Values};
use crate::digest::{Digest, Hash, hex};
use crate::error::SweepError;
use crate::input::{Opened, Sources};
use crate::network::Network;
use crate::outcome::Outcome;
use crate::plan::{Seeds, SweepPlan, WantedVariants};
use crate::setting::{AS_IS, Setting, SettingsOfInput};
use crate::toml::unknown;

/// The engine that computes rows, and the form that it gives them. A row of another engine is another row.
pub(crate) const ENGINE: &str = concat!("roundtrip ", env!("CARGO_PKG_VERSION"), ", rows 1");

/// All cells of a sweep. Seeds come slowest and settings fastest, so that each of several shards has every
/// setting on every network, and takes about as long as the others.
#[derive(Clone, Debug)]
pub struct Grid {
    settings: Vec<Setting>,
    networks: Vec<Network>,
    seeds: Seeds,
    figures: Vec<Figure>,
    columns: Vec<Column>,
    digest: Hash,
    notes: Vec<String>,
    /// Values of settings and networks as rows have them, made once.
    texts: Texts,
}

/// The texts of rows.
#[derive(Clone, Debug, Default)]
struct Texts {
    /// Of each setting: input, protocol, browser, variant, base.
    settings: Vec<[ByteArray; 5]>,
    /// Of each network: name, description.
    networks: Vec<[ByteArray; 2]>,
}

/// A cell: one visit.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// Its number, from 0.
    pub number: u64,
    /// What it is.
    pub setting: &'a Setting,
    /// Over which network.
    pub network: &'a Network,
    /// With which seed.
    pub seed: u64,
    setting_place: usize,
    network_place: usize,
}

impl Cell<'_> {
    /// The scenario that it is.
    pub fn scenario(&self) -> Scenario {
        self.setting.changed.on(&self.network.net, self.seed)
    }

    /// What it is, in a few words.
    pub fn words(&self) -> String {
        format!("{}, {}, seed {}", self.setting.words(), self.network.name, self.seed)
    }

    /// The error that says that it could not be carried out.
    pub fn failed(&self, source: RunError) -> SweepError {
        SweepError::Cell { cell: self.number, what: self.words(), source: Box::new(source) }
    }

    /// The hash of all that decides its row: the engine, its inputs and itself.
    pub fn key(&self) -> [u8; 32] {
        Digest::default()
            .with(ENGINE)
            .with(self.setting.digest)
            .with(self.network.digest)
            .with(self.seed.to_le_bytes())
            .finish()
    }
}

impl Grid {
    /// Reads the inputs of a plan, and makes the product. `program` lays pages out; without one this
    /// process does.
    ///
    /// # Errors
    /// When an input cannot be read, or has not what the plan wants of it.
    pub fn of(
        plan: &SweepPlan,
        sources: &Sources<'_>,
        program: Option<&Program>,
    ) -> Result<Self, SweepError> {
        let (mut settings, mut notes, mut proposed) = (Vec::new(), Vec::new(), Vec::new());
        for input in &plan.inputs {
            let opened = Opened::read(input, sources)?;
            let mut of_input = SettingsOfInput::of(plan, input, &opened, program)?;
            settings.append(&mut of_input.settings);
            notes.append(&mut of_input.notes);
            proposed.append(&mut of_input.proposed);
        }
        are_known(plan, proposed)?;
        let grid = Self {
            columns: columns(&plan.figures),
            digest: digest(plan, &settings),
            texts: Texts::of(&settings, &plan.networks),
            settings,
            networks: plan.networks.clone(),
            seeds: plan.seeds,
            figures: plan.figures.clone(),
            notes,
        };
        let product = (grid.settings.len() as u64)
            .checked_mul(grid.networks.len() as u64)
            .and_then(|product| product.checked_mul(grid.seeds.count));
        if product.is_none_or(|cells| cells > Seeds::MOST) {
            let what = "more cells than can be counted".to_owned();
            return Err(SweepError::Plan { plan: plan.path.clone(), line: None, what });
        }
        Ok(grid)
    }

    /// How many cells there are.
    pub fn cells(&self) -> u64 {
        self.settings.len() as u64 * self.networks.len() as u64 * self.seeds.count
    }

    /// The cell with this number, below [`Grid::cells`].
    pub fn cell(&self, number: u64) -> Cell<'_> {
        let settings = self.settings.len() as u64;
        let networks = self.networks.len() as u64;
        let setting_place = (number % settings) as usize;
        let network_place = (number / settings % networks) as usize;
        Cell {
            number,
            setting: &self.settings[setting_place],
            network: &self.networks[network_place],
            seed: self.seeds.first + number / settings / networks,
            setting_place,
            network_place,
        }
    }

    /// The settings: what visits are, but for network and seed.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The networks.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// The seeds.
    pub fn seeds(&self) -> Seeds {
        self.seeds
    }

    /// The figures that are wanted of each cell.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// What is not as recorded, and what was left out, each in a sentence.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the sweep is, in hexadecimal: results of sweeps with the same belong together.
    pub fn digest(&self) -> String {
        hex(&self.digest)
    }

    /// The columns of its results.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Adds the row of a cell.
    pub(crate) fn append(&self, rows: &mut Batch, cell: &Cell<'_>, outcome: &Outcome) {
        let [input, protocol, browser, variant, base] = &self.texts.settings[cell.setting_place];
        let [network, described] = &self.texts.networks[cell.network_place];
        let rtt = cell.network.net.rtt.as_nanos() as f64 / 1e6;
        let whole = |value: u64| Field::Whole(Some(value as i64));
        let fields = [
            whole(cell.number),
            Field::Text(input),
            Field::Text(network),
            Field::Whole(cell.network.draw.map(i64::from)),
            Field::Text(described),
            Field::Number(Some(rtt)),
            Field::Number(cell.network.megabits(Direction::Down)),
            Field::Number(cell.network.megabits(Direction::Up)),
            Field::Text(protocol),
            Field::Text(browser),
            Field::Number(Some(cell.setting.browser.slower)),
            Field::Text(variant),
            Field::Text(base),
            whole(cell.seed),
            whole(u64::from(outcome.exit)),
            whole(outcome.dropped),
            whole(u64::from(outcome.unknown)),
        ];
        let figures = outcome.values.iter().map(|value| Field::Number(*value));
        let fields = fields.into_iter().chain(figures).chain([Field::Key(cell.key())]);
        for (values, field) in rows.columns.iter_mut().zip(fields) {
            field.put(values);
        }
    }
}

/// One value of a row.
enum Field<'a> {
    Text(&'a ByteArray),
    Whole(Option<i64>),
    Number(Option<f64>),
    Key(Hash),
}

impl Field<'_> {
    fn put(self, values: &mut Values) {
        match (values, self) {
            (Values::Text(values), Field::Text(text)) => values.push(text.clone()),
            (Values::Whole(values), Field::Whole(number)) => values.push(number),
            (Values::Number(values), Field::Number(number)) => values.push(number),
            (Values::Key(values), Field::Key(key)) => values.push(key),
            _ => debug_assert!(false, "the row is in the order of the columns"),
        }
    }
}

/// The columns of results: what a cell is, what it came to, and its key.
fn columns(figures: &[Figure]) -> Vec<Column> {
    use ColumnKind::{Key, Number, Text, Whole};
    let fixed = [
        ("cell", Whole),
        ("input", Text),
        ("network", Text),
        ("draw", Whole),
        ("net", Text),
        ("rtt", Number),
        ("down", Number),
        ("up", Number),
        ("protocol", Text),
        ("browser", Text),
        ("cpu", Number),
        ("variant", Text),
        ("base", Text),
        ("seed", Whole),
        ("exit", Whole),
        ("dropped", Whole),
        ("unknown", Whole),
    ];
    let figures = figures.iter().map(|figure| (figure.name(), Number));
    let all = fixed.into_iter().chain(figures).chain([("key", Key)]);
    all.map(|(name, kind)| Column::new(name, kind)).collect()
}

impl Texts {
    fn of(settings: &[Setting], networks: &[Network]) -> Self {
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        let setting = |of: &Setting| {
            let (protocol, browser) = (of.protocol.name(), of.browser.name.name());
            [&*of.input, protocol, browser, &*of.variant, of.base].map(text)
        };
        let network = |of: &Network| [text(&of.name), text(&of.net.to_string())];
        Self {
            settings: settings.iter().map(setting).collect(),
            networks: networks.iter().map(network).collect(),
        }
    }
}

/// What a sweep is.
fn digest(plan: &SweepPlan, settings: &[Setting]) -> Hash {
    let mut digest = Digest::default().with(ENGINE);
    for setting in settings {
        digest = digest.with(setting.words()).with(setting.digest);
    }
    for network in &plan.networks {
        digest = digest.with(&network.name).with(network.digest);
    }
    for figure in &plan.figures {
        digest = digest.with(figure.name());
    }
    digest.with(plan.seeds.first.to_le_bytes()).with(plan.seeds.count.to_le_bytes()).finish()
}

/// Whether each variant that is named is one that was proposed for some input.
fn are_known(plan: &SweepPlan, mut proposed: Vec<String>) -> Result<(), SweepError> {
    let WantedVariants::Named(names) = &plan.variants else { return Ok(()) };
    proposed.sort_unstable();
    proposed.dedup();
    let known: Vec<&str> = [AS_IS].into_iter().chain(proposed.iter().map(String::as_str)).collect();
    match names.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, line)) => {
            let what = format!("variants: for these inputs, {}", unknown(name, &known));
            Err(SweepError::Plan { plan: plan.path.clone(), line: Some(*line), what })
        }
    }
}
