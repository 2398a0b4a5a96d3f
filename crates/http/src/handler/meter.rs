//! `Meter`: how much each address may ask for.

use core::str::FromStr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::address::counted;

/// How many addresses are remembered. Beyond, those that have asked for nothing for long are forgotten.
const MOST: usize = 65_536;

/// How many requests an address may make: `10/s`, `600/m`, and how many at once: `10/s,50`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
    /// As many may come at once, after a rest.
    burst: f64,
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "wanted N/s or N/m, and how many at once, as 10/s or 600/m,50";
        let (rate, burst) = text.split_once(',').map_or((text, None), |(r, b)| (r, Some(b)));
        let (count, unit) = rate.split_once('/').ok_or(WANTED)?;
        let whole = |text: &str| {
            text.trim().parse::<u32>().ok().filter(|count| *count > 0).map(f64::from).ok_or(WANTED)
        };
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            _ => return Err(WANTED),
        };
        let per_second = whole(count)? / seconds;
        let burst = burst.map_or(Ok(per_second.ceil()), whole)?;
        Ok(Self { per_second, burst })
    }
}

/// Counts what addresses ask for. Threads share it.
#[derive(Debug)]
pub struct Meter {
    rate: Rate,
    buckets: Mutex<BTreeMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests that may be made at once, as of then.
    left: f64,
    at: SystemTime,
}

impl Bucket {
    fn at(self, now: SystemTime, rate: Rate) -> f64 {
        let since = now.duration_since(self.at).unwrap_or_default().as_secs_f64();
        (self.left + since * rate.per_second).min(rate.burst)
    }
}

impl Meter {
    /// Lets each address make so many requests.
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Counts a request that is made now.
    ///
    /// # Errors
    /// When it is one too many: how long to wait.
    pub fn count(&self, address: IpAddr, now: SystemTime) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.at(now, self.rate) < self.rate.burst);
        }
        if buckets.len() >= MOST {
            // All of them are at it: whoever comes now is counted among them.
            buckets.pop_first();
        }
        let full = Bucket { left: self.rate.burst, at: now };
        let bucket = buckets.entry(counted(address)).or_insert(full);
        let left = bucket.at(now, self.rate);
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) / self.rate.per_second));
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_gives_as_many_again() {
        let meter = Meter::new("2/s,3".parse().unwrap());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        for _ in 0..3 {
            assert_eq!(meter.count(address, at(0)), Ok(()));
        }
        assert_eq!(meter.count(address, at(0)), Err(Duration::from_millis(500)));
        assert_eq!(meter.count("192.0.2.2".parse().unwrap(), at(0)), Ok(()));
        assert_eq!(meter.count(address, at(500)), Ok(()));
        assert!(meter.count(address, at(500)).is_err());
        // A calendar that is set back gives nothing, and takes nothing.
        assert!(meter.count(address, at(400)).is_err());
        for _ in 0..3 {
            assert_eq!(meter.count(address, at(60_000)), Ok(()));
        }
        assert!(meter.count(address, at(60_000)).is_err());
    }

    #[test]
    fn a_host_of_ipv6_counts_with_its_network() {
        let meter = Meter::new("1/m".parse().unwrap());
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(meter.count("2001:db8::1".parse().unwrap(), now), Ok(()));
        assert!(meter.count("2001:db8::ffff:2".parse().unwrap(), now).is_err());
        assert_eq!(meter.count("2001:db8:0:1::1".parse().unwrap(), now), Ok(()));
    }

    #[test]
    fn rates_have_units() {
        for text in ["10/s", "600/m", "10/s,50"] {
            assert!(text.parse::<Rate>().is_ok(), "{text}");
        }
        for text in ["", "10", "0/s", "10/h", "10/s,0", "10/s,", "-1/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
