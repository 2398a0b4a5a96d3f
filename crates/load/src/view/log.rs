//! The log of HDR histograms, as `HistogramLogAnalyzer` and its like read it.

use core::time::Duration;
use std::time::SystemTime;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::measured::Measured;

/// Nanoseconds of a millisecond: the unit of the log's maxima.
const UNIT: f64 = 1e6;

/// The latencies of each second as an HDR histogram log of version 2, and those of the whole with the tags
/// `latency` and `service`. Values are nanoseconds. `begin` is the calendar time of the beginning.
///
/// # Errors
/// Not where memory can be had.
pub fn hdr_log(measured: &Measured, begin: SystemTime) -> std::io::Result<Vec<u8>> {
    let other = |error: &dyn core::fmt::Debug| std::io::Error::other(format!("{error:?}"));
    let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("latencies, nanoseconds").with_start_time(begin).with_base_time(begin);
    builder.with_max_value_divisor(UNIT);
    let mut writer = builder.begin_log_with(&mut out, &mut serializer)?;
    let second = Duration::from_secs(1);
    for (number, one) in measured.tally.series.seconds().iter().enumerate() {
        let at = Duration::from_secs(number as u64);
        writer
            .write_histogram(one.latency.inner(), at, second, None)
            .map_err(|error| other(&error))?;
    }
    let whole = [("latency", &measured.tally.latency), ("service", &measured.tally.service)];
    for (name, times) in whole {
        let tag = Tag::new(name);
        writer
            .write_histogram(times.inner(), Duration::ZERO, measured.took(), tag)
            .map_err(|error| other(&error))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::plan::{Plan, Target};
    use crate::tally::{Span, Tally};

    #[test]
    fn the_log_is_read_back() {
        let mut tally = Tally::default();
        for millis in 1..=3000 {
            let over = Duration::from_millis(millis);
            let sent = over.checked_sub(Duration::from_millis(1)).unwrap();
            let span = Span { due: Duration::ZERO, sent, over };
            tally.answered(span, http::StatusCode::OK, 1, "");
        }
        let url = url::Url::parse("http://127.0.0.1/").unwrap();
        let plan = Plan::new(vec![Target::get(url)]);
        let measured =
            Measured { plan, net: None, tally, threads: 1, processor: None, interrupted: false };
        let log = hdr_log(&measured, SystemTime::UNIX_EPOCH).unwrap();
        let mut counts = Vec::new();
        for entry in IntervalLogIterator::new(&log) {
            let Ok(LogEntry::Interval(interval)) = entry else { continue };
            let text = interval.encoded_histogram();
            let bytes = base64(text);
            let histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
            counts.push((interval.tag().map(|tag| tag.as_str().to_owned()), histogram.len()));
        }
        let tagged = |name: &str| Some(name.to_owned());
        // The last answer falls on the beginning of the fourth second.
        assert_eq!(counts[..4].iter().map(|(_, n)| *n).collect::<Vec<_>>(), [999, 1000, 1000, 1]);
        assert_eq!(counts[4..], [(tagged("latency"), 3000), (tagged("service"), 3000)]);
    }

    fn base64(text: &str) -> Vec<u8> {
        let value = |byte: u8| match byte {
            b'A'..=b'Z' => u32::from(byte - b'A'),
            b'a'..=b'z' => u32::from(byte - b'a') + 26,
            b'0'..=b'9' => u32::from(byte - b'0') + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').collect();
        let four = digits.chunks(4).flat_map(|four| {
            let all =
                four.iter().fold(0, |all, byte| all << 6 | value(*byte)) << (6 * (4 - four.len()));
            all.to_be_bytes()[1..four.len()].to_vec()
        });
        four.collect()
    }
}
