//! Traces of links with a varying rate, as recorded on mobile networks.
//!
//! Two formats are read, and recognised by their content:
//!
//! - **mahimahi's** (`mm-link(1)`): each line is a whole number of milliseconds at which 1500 bytes
//!   can be delivered; a number given twice delivers twice as much. Bytes of an opportunity for
//!   which nothing waits are lost; a packet may be spread over several opportunities. The last line
//!   is also the length of the trace, which then begins again. The Ethernet header is not counted.
//! - **CSV** with the columns `time,rate`: from each time on the link has this rate, the Ethernet
//!   header included, until the time of the next line. Times are seconds or have a unit (`200ms`);
//!   rates are bits per second or have a unit (`1.6Mbit`), and may be 0. The last rate holds as
//!   long as the one before it did (for a second, if there is none), then the trace begins again; a
//!   last line without a rate gives the end of the trace instead. The first time is the beginning
//!   of the trace, whatever its value. A header line of names is allowed.
//!
//! Empty lines, and anything after `#`, are ignored.

use core::fmt;
use std::sync::Arc;

use roundtrip_packet::ethernet;
use roundtrip_record::Time;

use crate::time::{later, nanos};
use crate::unit;

/// The bytes of one delivery opportunity (mahimahi's `PACKET_SIZE`, less what its tunnel adds).
const OPPORTUNITY: u64 = 1_500;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// The longest trace, nanoseconds: one week. A longer one is a slip of the pen, or has calendar
/// times.
const LONGEST: u64 = 7 * 86_400 * SECOND;

/// The delivery trace of a link: how much it can deliver, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTrace {
    name: String,
    schedule: Schedule,
    /// The length of the trace, nanoseconds, after which it begins again.
    period: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Schedule {
    /// The times at which 1500 bytes can be delivered, nanoseconds, in order, none after the
    /// period.
    Opportunities(Vec<u64>),
    /// The times from which on a rate holds, nanoseconds, with the rate in bits per second; in
    /// order, the first at 0.
    Rates(Vec<(u64, u64)>),
}

/// An error in a trace. Its text says where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {why}", Line(*line))]
pub struct TraceError {
    /// The name of the file.
    pub file: String,
    /// The line in the file, from 1; `None` if the whole file is at fault.
    pub line: Option<usize>,
    /// The fault, in words.
    pub why: String,
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

impl DeliveryTrace {
    /// Parses a trace from the text of a file with this name.
    ///
    /// # Errors
    /// The text is in neither format, or nothing could ever be delivered.
    pub fn parse(name: &str, text: &str) -> Result<Self, TraceError> {
        let lines = text.lines().enumerate().map(|(at, line)| {
            let bare = line.split_once('#').map_or(line, |(before, _)| before);
            (at + 1, bare.trim())
        });
        let lines: Vec<(usize, &str)> = lines.filter(|(_, line)| !line.is_empty()).collect();
        let error = |(line, why)| TraceError { file: name.into(), line, why };
        let Some((_, first)) = lines.first() else {
            return Err(error((None, "there is no line in it".into())));
        };
        let read = if first.contains(',') { read_rates } else { read_opportunities };
        let (schedule, period) = read(&lines).map_err(error)?;
        Ok(Self { name: name.into(), schedule, period })
    }

    /// The name of the trace's file, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The average rate, bits per second.
    pub fn mean_rate(&self) -> u64 {
        let bits = match &self.schedule {
            Schedule::Opportunities(times) => {
                times.len() as u128 * u128::from(OPPORTUNITY * 8) * u128::from(SECOND)
            }
            Schedule::Rates(steps) => lap_of(steps, self.period),
        };
        u64::try_from(bits / u128::from(self.period)).unwrap_or(u64::MAX)
    }
}

/// The number of the line at fault, if it is a single one, and what is wrong.
type Why = (Option<usize>, String);

fn read_opportunities(lines: &[(usize, &str)]) -> Result<(Schedule, u64), Why> {
    let mut times = Vec::with_capacity(lines.len());
    let mut before = 0;
    for &(number, line) in lines {
        let at = |why: &str| (Some(number), format!("\"{line}\" {why}"));
        let digits = line.bytes().all(|byte| byte.is_ascii_digit());
        let time = line.parse::<u64>().ok().filter(|_| digits);
        let time = time.ok_or_else(|| {
            at("is no whole number of milliseconds (and a table of rates has two columns: time,rate)")
        })?;
        let nanos = time.checked_mul(MILLISECOND).filter(|nanos| *nanos <= LONGEST);
        let nanos = nanos.ok_or_else(|| at("is more than a week"))?;
        if nanos < before {
            return Err(at("is earlier than the line before it"));
        }
        before = nanos;
        times.push(nanos);
    }
    if before == 0 {
        return Err((None, "the trace takes no time: its last line has to be above 0".into()));
    }
    Ok((Schedule::Opportunities(times), before))
}

fn read_rates(lines: &[(usize, &str)]) -> Result<(Schedule, u64), Why> {
    let is_header =
        |line: &str| !line.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let lines = if is_header(lines[0].1) { &lines[1..] } else { lines };
    let mut steps: Vec<(u64, u64)> = Vec::with_capacity(lines.len());
    let (mut begin, mut end) = (None, None);
    for &(number, line) in lines {
        let at = |why: &str| (Some(number), format!("\"{line}\": {why}"));
        if end.is_some() {
            return Err(at("only the last line may have no rate: it ends the trace"));
        }
        let (time, rate) =
            line.split_once(',').ok_or_else(|| at("two columns are wanted: time,rate"))?;
        let time = seconds(time.trim())
            .ok_or_else(|| at("seconds, or a time with its unit, are wanted first"))?;
        let time = time.checked_sub(*begin.get_or_insert(time));
        let is_later = |time: &u64| steps.last().is_none_or(|(before, _)| before < time);
        let time = time
            .filter(is_later)
            .ok_or_else(|| at("the time is not after that of the line before it"))?;
        if time > LONGEST {
            return Err(at("is more than a week after the beginning"));
        }
        if rate.trim().is_empty() {
            end = Some(time);
        } else {
            let rate = bits(rate.trim());
            let rate = rate
                .ok_or_else(|| at("bits per second, or a rate with its unit, are wanted second"))?;
            steps.push((time, rate));
        }
    }
    let period = match (end, &steps[..]) {
        (_, []) => return Err((None, "there is no rate in it".into())),
        (Some(end), _) => end,
        (None, [_]) => SECOND,
        (None, [.., (before, _), (last, _)]) => last + (last - before),
    };
    if lap_of(&steps, period) == 0 {
        return Err((None, "nothing is ever delivered: every rate is 0".into()));
    }
    Ok((Schedule::Rates(steps), period))
}

/// Reads a number of seconds, or a time with its unit, in nanoseconds.
fn seconds(text: &str) -> Option<u64> {
    unit::decimal(text, SECOND).or_else(|| unit::time(text).ok().map(nanos))
}

/// Reads a rate in bits per second, with or without a unit.
fn bits(text: &str) -> Option<u64> {
    match unit::decimal(text, 1) {
        Some(rate) => (rate <= unit::FASTEST).then_some(rate),
        None => unit::rate(text).ok(),
    }
}

/// The bits of a whole period, times nanoseconds per second.
fn lap_of(steps: &[(u64, u64)], period: u64) -> u128 {
    let ends = steps.iter().skip(1).map(|(start, _)| *start).chain([period]);
    let steps = steps.iter().zip(ends);
    steps.map(|((start, rate), end)| u128::from(end - start) * u128::from(*rate)).sum()
}

/// A position in a trace, from which a transmitter goes on.
#[derive(Debug)]
pub(crate) struct Cursor {
    trace: Arc<DeliveryTrace>,
    /// When the current period began, nanoseconds.
    lap: u64,
    /// The index of the current step or opportunity.
    index: usize,
    /// The bytes of the current opportunity that are used up.
    used: u64,
}

impl Cursor {
    pub(crate) fn new(trace: &Arc<DeliveryTrace>) -> Self {
        Self { trace: Arc::clone(trace), lap: 0, index: 0, used: 0 }
    }

    /// The earliest time, from `at` on, at which something can be delivered.
    pub(crate) fn next(&mut self, at: Time) -> Time {
        let trace = Arc::clone(&self.trace);
        match &trace.schedule {
            Schedule::Opportunities(times) => {
                if self.opportunity(times) < at {
                    self.seek_opportunity(times, at);
                }
                self.opportunity(times)
            }
            Schedule::Rates(steps) => {
                self.seek_rate(steps, at);
                let mut at = at;
                while steps[self.index].1 == 0 {
                    at = self.next_rate(steps);
                }
                at
            }
        }
    }

    /// Delivers `bytes` from `start` on, which must come from [`Cursor::next`]; answers when the
    /// last of them is delivered.
    pub(crate) fn take(&mut self, start: Time, bytes: u32) -> Time {
        let trace = Arc::clone(&self.trace);
        match &trace.schedule {
            Schedule::Opportunities(times) => self.use_opportunities(
                times,
                u64::from(bytes).saturating_sub(ethernet::HEADER_LEN as u64),
            ),
            Schedule::Rates(steps) => self.use_rates(steps, start, u64::from(bytes)),
        }
    }

    fn opportunity(&self, times: &[u64]) -> Time {
        later(Time::from_nanos(self.lap), times[self.index])
    }

    fn next_opportunity(&mut self, times: &[u64]) {
        self.used = 0;
        self.index += 1;
        if self.index == times.len() {
            self.index = 0;
            self.lap = self.lap.saturating_add(self.trace.period);
        }
    }

    /// Moves to the first opportunity that is not before `at`. The last one of a period is at its
    /// very end and belongs to it, not to the next.
    fn seek_opportunity(&mut self, times: &[u64], at: Time) {
        let period = self.trace.period;
        self.lap = at.nanos().saturating_sub(1) / period * period;
        let within = at.nanos() - self.lap;
        self.index = times.partition_point(|time| *time < within);
        self.used = 0;
    }

    fn use_opportunities(&mut self, times: &[u64], mut bytes: u64) -> Time {
        loop {
            let at = self.opportunity(times);
            let here = bytes.min(OPPORTUNITY - self.used);
            self.used += here;
            bytes -= here;
            if self.used == OPPORTUNITY {
                self.next_opportunity(times);
            }
            if bytes == 0 {
                return at;
            }
        }
    }

    /// Moves to the rate that holds at `at`.
    fn seek_rate(&mut self, steps: &[(u64, u64)], at: Time) {
        let period = self.trace.period;
        self.lap = at.nanos() / period * period;
        let within = at.nanos() - self.lap;
        // The first step begins at 0, so there is always one.
        self.index = steps.partition_point(|(start, _)| *start <= within) - 1;
    }

    /// Moves to the next rate; answers when it begins.
    fn next_rate(&mut self, steps: &[(u64, u64)]) -> Time {
        self.index += 1;
        if self.index == steps.len() {
            self.index = 0;
            self.lap = self.lap.saturating_add(self.trace.period);
        }
        later(Time::from_nanos(self.lap), steps[self.index].0)
    }

    fn use_rates(&mut self, steps: &[(u64, u64)], start: Time, bytes: u64) -> Time {
        // The unit is bits times nanoseconds per second, so that nothing is lost to rounding
        // between two rates.
        let mut left = u128::from(bytes) * 8 * u128::from(SECOND);
        let lap = lap_of(steps, self.trace.period);
        let mut at = start;
        // The last period is left out: the frame may end within it.
        let laps = u64::try_from(left.saturating_sub(1) / lap).unwrap_or(u64::MAX);
        if laps > 0 {
            left -= u128::from(laps) * lap;
            at = later(at, laps.saturating_mul(self.trace.period));
        }
        self.seek_rate(steps, at);
        loop {
            let rate = u128::from(steps[self.index].1);
            let end = steps.get(self.index + 1).map_or(self.trace.period, |(start, _)| *start);
            let end = later(Time::from_nanos(self.lap), end);
            let room = u128::from(end.nanos().saturating_sub(at.nanos())) * rate;
            if left <= room || end.nanos() == u64::MAX {
                let nanos = left.checked_div(rate).unwrap_or(0);
                return later(at, u64::try_from(nanos).unwrap_or(u64::MAX));
            }
            left -= room;
            at = self.next_rate(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u32 = 1_514;

    fn cursor(text: &str) -> Cursor {
        Cursor::new(&Arc::new(DeliveryTrace::parse("trace", text).unwrap()))
    }

    /// Sends frames of these lengths in bytes one after the other, from time 0. Returns when each
    /// was sent, in ms.
    fn deliver(cursor: &mut Cursor, frames: &[u32]) -> Vec<u64> {
        let mut free = Time::ZERO;
        let sent = frames.iter().map(|bytes| {
            let start = cursor.next(free);
            free = cursor.take(start, *bytes);
            free.millis()
        });
        sent.collect()
    }

    #[test]
    fn an_opportunity_delivers_one_full_frame() {
        let mut cursor = cursor("1\n3\n3\n10\n");
        assert_eq!(deliver(&mut cursor, &[FRAME; 6]), [1, 3, 3, 10, 11, 13]);
    }

    #[test]
    fn small_frames_share_an_opportunity_and_large_ones_span_several() {
        let mut some = cursor("1\n3\n10\n");
        assert_eq!(deliver(&mut some, &[764, 764, 764, FRAME, 764]), [1, 1, 3, 10, 10]);
        let mut jumbo = cursor("1\n3\n10\n");
        assert_eq!(deliver(&mut jumbo, &[9_014]), [20]);
    }

    /// An opportunity that no frame uses is lost, however far away, and a period's last one is at
    /// its end.
    #[test]
    fn opportunities_pass_unused() {
        let mut cursor = cursor("0\n4\n10\n");
        for (at, next) in
            [(0, 0), (1, 4), (4, 4), (5, 10), (10, 10), (11, 14), (1_000_000, 1_000_000)]
        {
            assert_eq!(cursor.next(Time::from_millis(at)).millis(), next, "from {at} ms");
        }
        // An opportunity at the end of a period and one at the start of the next are two.
        let ends: Vec<u64> = (0..3)
            .map(|_| {
                let start = cursor.next(Time::from_millis(1_000_000));
                cursor.take(start, FRAME).millis()
            })
            .collect();
        assert_eq!(ends, [1_000_000, 1_000_000, 1_000_004]);
    }

    /// A trace with one rate behaves as a constant rate.
    #[test]
    fn rates_hold_until_the_next() {
        let mut steady = cursor("0,12Mbit\n");
        assert_eq!(deliver(&mut steady, &[1_500; 3]), [1, 2, 3]);
        // The rate is 12 Mbit/s for 1 ms, 0 for 2 ms, then 6 Mbit/s for 3 ms.
        let mut varies = cursor("time,rate\n5,12000000\n5.001,0\n5.003,6Mbit\n5.006,\n");
        assert_eq!(deliver(&mut varies, &[750, 1_500, 1_500, 1_500]), [0, 4, 6, 7]);
    }

    #[test]
    fn a_frame_may_take_many_periods() {
        // At 1 kbit/s for half of each second, a period carries 500 bits, so a frame of 1500 bytes
        // takes 24.
        let mut slow = cursor("0,1kbit\n500ms,0\n");
        assert_eq!(deliver(&mut slow, &[1_500]), [23_500]);
        assert_eq!(slow.next(Time::from_millis(23_500)).millis(), 24_000);
    }

    #[test]
    fn the_mean_is_that_of_a_period() {
        for (text, rate) in [
            ("1\n", 12_000_000),
            ("1\n2\n10\n", 3_600_000),
            ("0,4Mbit\n1,2Mbit\n", 3_000_000),
            ("0,4Mbit\n3,0\n4,\n", 3_000_000),
        ] {
            assert_eq!(DeliveryTrace::parse("t", text).unwrap().mean_rate(), rate, "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (text, said) in [
            ("", "t: there is no line"),
            ("# nothing\n\n", "t: there is no line"),
            ("1\n2x\n", "t:2: \"2x\" is no whole number of milliseconds"),
            ("1\n-2\n", "t:2: \"-2\" is no whole number"),
            ("1.5\n", "t:1: \"1.5\" is no whole number"),
            ("5\n\n4\n", "t:3: \"4\" is earlier"),
            ("0\n0\n", "takes no time"),
            ("999999999999\n", "t:1: \"999999999999\" is more than a week"),
            ("time,rate\n", "no rate in it"),
            ("0,1Mbit\n1\n", "t:2: \"1\": two columns"),
            ("0,1Mbit\n1,fast\n", "t:2: \"1,fast\": bits per second"),
            ("0,1Mbit\nsoon,1Mbit\n", "t:2: \"soon,1Mbit\": seconds"),
            ("0,1Mbit\n0,2Mbit\n", "t:2: \"0,2Mbit\": the time is not after"),
            ("5,1Mbit\n4,2Mbit\n", "t:2: \"4,2Mbit\": the time is not after"),
            ("0,1Mbit\n1,\n2,1Mbit\n", "t:3: \"2,1Mbit\": only the last line"),
            ("0,0\n1,0\n", "every rate is 0"),
            ("0,1Mbit\n1,-5\n", "t:2: \"1,-5\": bits per second"),
        ] {
            let error = DeliveryTrace::parse("t", text).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
