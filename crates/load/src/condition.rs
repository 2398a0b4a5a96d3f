//! Conditions on what was measured: `p99>50ms`, `errors>1%`, `rate<19k`.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use roundtrip_report::text;
use roundtrip_story::{Unit, quantity};

use crate::histogram::Times;
use crate::measured::Measured;
use crate::rate::Rate;

/// A figure of a load compared with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    written: String,
    metric: Metric,
    comparison: Comparison,
    value: f64,
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?}: {why}; wanted a figure, a comparison and a value, as p99>50ms, max>=1s, service.p50>5ms, errors>0, \
     errors>1%, rate<19k, late>1ms or unsent>0"
)]
pub struct BadCondition {
    text: String,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// Nanoseconds.
    Time(Whose, Statistic),
    /// How many errors there were.
    Errors,
    /// Their share of all, 0 to 1.
    ErrorShare,
    /// Answers a second.
    Rate,
    /// Requests that were due and not sent.
    Unsent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Latency,
    Service,
    Connect,
    Tls,
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Statistic {
    /// The time that this share does not exceed.
    Quantile(f64),
    Max,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    More,
    Less,
    AtLeast,
    AtMost,
}

/// A condition, and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The condition as it was written.
    pub condition: String,
    /// Whether it is so.
    pub holds: bool,
    /// What was measured, in words.
    pub measured: String,
}

impl Condition {
    /// Holds it against what was measured.
    pub fn judge(&self, measured: &Measured) -> Judged {
        let value = self.metric.of(measured);
        let holds = match self.comparison {
            Comparison::More => value > self.value,
            Comparison::Less => value < self.value,
            Comparison::AtLeast => value >= self.value,
            Comparison::AtMost => value <= self.value,
        };
        let measured = self.metric.words(value);
        Judged { condition: self.written.clone(), holds, measured }
    }

    /// Whether it is one on errors.
    pub(crate) fn is_of_errors(&self) -> bool {
        matches!(self.metric, Metric::Errors | Metric::ErrorShare)
    }
}

impl Metric {
    fn of(self, measured: &Measured) -> f64 {
        let tally = &measured.tally;
        match self {
            Self::Time(whose, statistic) => {
                let times = match whose {
                    Whose::Latency => &tally.latency,
                    Whose::Service => &tally.service,
                    Whose::Connect => &tally.connect,
                    Whose::Tls => &tally.tls,
                    Whose::Late => &tally.late,
                };
                statistic.of(times).as_nanos() as f64
            }
            Self::Errors => tally.errors() as f64,
            Self::ErrorShare => measured.error_share(),
            Self::Rate => measured.held(),
            Self::Unsent => tally.unsent as f64,
        }
    }

    fn words(self, value: f64) -> String {
        match self {
            Self::Time(..) => text::duration(Duration::from_nanos(value as u64)),
            Self::Errors | Self::Unsent => text::grouped(value as u64),
            Self::ErrorShare => format!("{:.3} %", value * 100.0),
            Self::Rate => format!("{value:.1}/s"),
        }
    }
}

impl Statistic {
    fn of(self, times: &Times) -> Duration {
        match self {
            Self::Quantile(share) => times.quantile(share),
            Self::Max => times.max(),
            Self::Mean => times.mean(),
        }
    }

    fn read(name: &str) -> Option<Self> {
        match name {
            "max" => Some(Self::Max),
            "mean" => Some(Self::Mean),
            name => {
                let percent = name.strip_prefix('p')?;
                let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
                let percent = percent.bytes().all(plain).then(|| percent.parse::<f64>().ok())??;
                (percent > 0.0 && percent <= 100.0).then_some(Self::Quantile(percent / 100.0))
            }
        }
    }
}

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let bad = |why: &str| BadCondition { text: text.to_owned(), why: why.to_owned() };
        let at = text.find(['<', '>']).ok_or_else(|| bad("there is no < or > in it"))?;
        let (name, rest) = text.split_at(at);
        let (comparison, value) = match rest.as_bytes() {
            [b'>', b'=', ..] => (Comparison::AtLeast, &rest[2..]),
            [b'<', b'=', ..] => (Comparison::AtMost, &rest[2..]),
            [b'>', ..] => (Comparison::More, &rest[1..]),
            _ => (Comparison::Less, &rest[1..]),
        };
        let (name, value) = (name.trim(), value.trim());
        let (metric, value) = match name {
            "errors" => match value.strip_suffix('%') {
                Some(percent) => {
                    let percent =
                        percent.trim().parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p));
                    let percent =
                        percent.ok_or_else(|| bad("the share is none from 0 to 100 %"))?;
                    (Metric::ErrorShare, percent / 100.0)
                }
                None => (Metric::Errors, count(value).map_err(|why| bad(&why))?),
            },
            "unsent" => (Metric::Unsent, count(value).map_err(|why| bad(&why))?),
            "rate" => {
                let rate: Rate = value.parse().map_err(|_| bad("the value is no rate"))?;
                (Metric::Rate, rate.per_second())
            }
            name => {
                let metric = time_metric(name).ok_or_else(|| bad("there is no such figure"))?;
                let time = quantity(value, Unit::Milliseconds);
                let time = time.map_err(|error| bad(&error.to_string()))?;
                (metric, time as f64)
            }
        };
        Ok(Self { written: text.trim().to_owned(), metric, comparison, value })
    }
}

fn count(text: &str) -> Result<f64, String> {
    let number = quantity(text, Unit::Count).map_err(|error| error.to_string())?;
    Ok(number as f64)
}

/// `p99`, `service.max`, `late` …
fn time_metric(name: &str) -> Option<Metric> {
    if name == "late" {
        return Some(Metric::Time(Whose::Late, Statistic::Max));
    }
    let (whose, statistic) = name.split_once('.').unwrap_or(("", name));
    let known = [
        ("latency", Whose::Latency),
        ("service", Whose::Service),
        ("connect", Whose::Connect),
        ("tls", Whose::Tls),
        ("late", Whose::Late),
    ];
    if let Some((_, whose)) = known.iter().find(|(known, _)| *known == whose) {
        return Statistic::read(statistic).map(|statistic| Metric::Time(*whose, statistic));
    }
    Statistic::read(name).map(|statistic| Metric::Time(Whose::Latency, statistic))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Target};
    use crate::tally::{Span, Tally};

    fn measured() -> Measured {
        let mut tally = Tally::default();
        for millis in 1..=100 {
            let over = Duration::from_millis(millis);
            let (due, sent) = (Duration::ZERO, over.checked_sub(Duration::from_millis(1)).unwrap());
            let status = if millis == 100 { 503 } else { 200 };
            let status = http::StatusCode::from_u16(status).unwrap();
            tally.answered(Span { due, sent, over }, status, 10, "http://a.test/");
        }
        let url = url::Url::parse("http://127.0.0.1/").unwrap();
        let plan = Plan::new(vec![Target::get(url)]);
        Measured { plan, net: None, tally, threads: 1, processor: None, interrupted: false }
    }

    #[test]
    fn figures_are_compared() {
        let measured = measured();
        for (text, holds) in [
            ("p50>49ms", true),
            ("p50 > 51 ms", false),
            ("p99.9 >= 99ms", true),
            ("latency.max<99ms", false),
            ("service.p99>2ms", false),
            ("mean<0.06s", true),
            ("errors>0", true),
            ("errors>1", false),
            ("errors>0.5%", true),
            ("errors>2%", false),
            ("rate<9", false),
            ("rate<11", true),
            ("late>0 ms", false),
            ("unsent>0", false),
            ("connect.p50<=0 ms", true),
        ] {
            let condition: Condition = text.parse().unwrap();
            let judged = condition.judge(&measured);
            assert_eq!(judged.holds, holds, "{text}: {}", judged.measured);
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_a_reason() {
        for text in [
            "",
            "p99",
            "p99>50",
            "p0>1ms",
            "p101>1ms",
            "p>1ms",
            "pNaN>1ms",
            "x>1ms",
            "errors>1.5",
            "errors>101%",
            "rate<fast",
            ">1ms",
            "service.errors>1",
            "p99=1ms",
            "p99>>1ms",
            "p-1>1ms",
        ] {
            let error = text.parse::<Condition>().unwrap_err().to_string();
            assert!(error.contains("wanted a figure"), "{text}: {error}");
        }
    }
}
