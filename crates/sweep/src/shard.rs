//! `Shard`: which part of a sweep this process does.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Range;
use core::str::FromStr;

/// A shard of a sweep: part `number` of `of`, counted from 1. Its cells follow one another, and each
/// input and network is in every shard where there are enough seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: NonZeroU64,
}

/// A text or an environment that names no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadShard(String);

/// A variable in which an engine tells a task its number, and those in which it tells how many there are
/// and which is the first.
struct Told {
    task: &'static str,
    count: Option<&'static str>,
    first: Option<&'static str>,
}

/// Slurm's job arrays (sbatch(1)), indexed jobs of Kubernetes (`.spec.completionMode`), and task arrays of
/// `HyperQueue`.
const ENGINES: [Told; 3] = [
    Told {
        task: "SLURM_ARRAY_TASK_ID",
        count: Some("SLURM_ARRAY_TASK_COUNT"),
        first: Some("SLURM_ARRAY_TASK_MIN"),
    },
    Told { task: "JOB_COMPLETION_INDEX", count: None, first: None },
    Told { task: "HQ_TASK_ID", count: None, first: None },
];

impl Shard {
    /// The whole sweep.
    pub const WHOLE: Self = Self { number: 1, of: NonZeroU64::MIN };

    /// Shard `number` of `of`, from 1.
    ///
    /// # Errors
    /// When there is no such shard.
    pub fn new(number: u64, of: u64) -> Result<Self, BadShard> {
        let of = NonZeroU64::new(of).ok_or_else(|| BadShard("there is no shard of 0".into()))?;
        if number == 0 || number > of.get() {
            let what = format!(
                "no shard {number} of {of}: they are counted from 1, as 1/{of} to {of}/{of}"
            );
            return Err(BadShard(what));
        }
        Ok(Self { number, of })
    }

    /// The shard that the engine which started this process names in its environment, and the variable
    /// that says so; `None` where there is no such engine. `of` is how many there are, where the caller
    /// knows; tasks are then counted from 0. Else the engine has to tell both: how many, and which is the
    /// first.
    ///
    /// # Errors
    /// When the variables make no sense, or do not tell how many shards there are.
    pub fn from_environment(
        of: Option<u64>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(Self, &'static str)>, BadShard> {
        let number = |name: &'static str| -> Result<Option<u64>, BadShard> {
            let Some(text) = variable(name).filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            let parsed = text.trim().parse();
            parsed.map(Some).map_err(|_| BadShard(format!("{name}={text}: wanted a number")))
        };
        for told in ENGINES {
            let Some(task) = number(told.task)? else { continue };
            let (first, of) = if let Some(of) = of {
                (0, of)
            } else {
                let count = told.count.map(number).transpose()?.flatten();
                let count = count.ok_or_else(|| {
                    BadShard(format!(
                        "{}={task} tells which shard, but not of how many: --shards N does",
                        told.task
                    ))
                })?;
                (told.first.map(number).transpose()?.flatten().unwrap_or(0), count)
            };
            let place = task.checked_sub(first).filter(|place| *place < of).ok_or_else(|| {
                BadShard(format!(
                    "{}={task} is none of the {of} shards, whose tasks are {first} to {}",
                    told.task,
                    (first + of).saturating_sub(1)
                ))
            })?;
            return Ok(Some((Self::new(place + 1, of)?, told.task)));
        }
        Ok(None)
    }

    /// Its cells, of so many.
    pub fn cells(self, all: u64) -> Range<u64> {
        let begin =
            |number: u64| (u128::from(all) * u128::from(number) / u128::from(self.of.get())) as u64;
        begin(self.number - 1)..begin(self.number)
    }

    /// Which of `of` shards a cell of so many is in.
    pub(crate) fn holding(cell: u64, of: u64, all: u64) -> Option<Self> {
        (1..=of).find_map(|number| {
            let shard = Self::new(number, of).ok()?;
            shard.cells(all).contains(&cell).then_some(shard)
        })
    }

    /// Whether it is the whole sweep.
    pub fn is_whole(self) -> bool {
        self.of.get() == 1
    }

    /// How many shards there are.
    pub fn of(self) -> u64 {
        self.of.get()
    }

    /// The name of its file: all have one length, so that a list of them is in order.
    pub fn file_name(self) -> String {
        let width = self.of.to_string().len().max(5);
        format!("shard-{:0width$}-of-{:0width$}.parquet", self.number, self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let numbers = text.split_once('/');
        let parsed = numbers.and_then(|(one, of)| Some((one.parse().ok()?, of.parse().ok()?)));
        let (number, of) = parsed.ok_or_else(|| {
            BadShard(format!("{text}: wanted WHICH/HOW MANY, counted from 1, as 3/40"))
        })?;
        Self::new(number, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_hold_every_cell_once() {
        for (cells, of) in [(10_000, 40), (7, 3), (3, 7), (0, 2), (u64::MAX, 3)] {
            let mut next = 0;
            for number in 1..=of {
                let range = Shard::new(number, of).expect("a shard").cells(cells);
                assert_eq!(range.start, next);
                next = range.end;
            }
            assert_eq!(next, cells);
        }
        assert_eq!(Shard::WHOLE.cells(9), 0..9);
        assert_eq!(Shard::holding(9_999, 40, 10_000), Shard::new(40, 40).ok());
    }

    #[test]
    fn shards_are_counted_from_one() {
        let shard: Shard = "3/40".parse().expect("a shard");
        assert_eq!((shard.to_string().as_str(), shard.cells(80)), ("3/40", 4..6));
        assert_eq!(shard.file_name(), "shard-00003-of-00040.parquet");
        for wrong in ["0/40", "41/40", "1/0", "3", "a/b", "-1/2", "3/", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn engines_tell_which_shard_it_is() {
        let told = |of: Option<u64>, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Shard::from_environment(of, variable)
                .map(|found| found.map(|(shard, _)| shard.to_string()))
        };
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "5"),
            ("SLURM_ARRAY_TASK_COUNT", "40"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
        ];
        let shard = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(told(None, &slurm), shard("5/40"));
        // The caller's number holds: an array that is started again for some tasks counts only those.
        assert_eq!(told(Some(80), &slurm), shard("6/80"));
        assert_eq!(told(Some(4), &[("JOB_COMPLETION_INDEX", "0")]), shard("1/4"));
        assert_eq!(told(Some(4), &[("HQ_TASK_ID", "3")]), shard("4/4"));
        assert_eq!(told(None, &[]), Ok(None));
        assert_eq!(told(None, &[("HQ_TASK_ID", "")]), Ok(None));
        for wrong in [
            told(None, &[("JOB_COMPLETION_INDEX", "0")]),
            told(Some(4), &[("HQ_TASK_ID", "4")]),
            told(Some(4), &[("HQ_TASK_ID", "x")]),
            told(None, &[("SLURM_ARRAY_TASK_ID", "0"), slurm[1], slurm[2]]),
        ] {
            assert!(wrong.is_err(), "{wrong:?}");
        }
    }
}
