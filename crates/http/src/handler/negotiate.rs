//! Which content coding a client is sent (RFC 9110 §12.5.3).

use crate::message::Fields;
use crate::packing::Coding;

/// Weights are told in thousandths.
const FULL: u16 = 1000;

/// The coding that a client likes best of those that can be had, the first of several; `None` where it likes a
/// content as it is at least as well.
pub(super) fn choose(fields: &Fields, available: &[Coding]) -> Option<Coding> {
    let asked = Asked::of(fields);
    let weigh = |coding: &Coding| (asked.weight(coding.name()).unwrap_or(0), *coding);
    let mut best = None;
    for (weight, coding) in available.iter().map(weigh) {
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, coding));
        }
    }
    let plain = asked.named("identity").unwrap_or(0);
    best.filter(|(weight, _)| *weight >= plain).map(|(_, coding)| coding)
}

/// What Accept-Encoding says: names in lower case, with their weights.
struct Asked(Vec<(String, u16)>);

impl Asked {
    fn of(fields: &Fields) -> Self {
        let elements = fields.list("Accept-Encoding").map(|element| {
            let element = String::from_utf8_lossy(element).to_ascii_lowercase();
            let mut parts = element.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_owned();
            (name, parts.find_map(weight).unwrap_or(FULL))
        });
        Self(elements.collect())
    }

    fn named(&self, name: &str) -> Option<u16> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, weight)| *weight)
    }

    /// How well a coding is liked: by its name, or by the asterisk.
    fn weight(&self, coding: &str) -> Option<u16> {
        let alias = || self.named("x-gzip").filter(|_| coding == "gzip");
        self.named(coding).or_else(alias).or_else(|| self.named("*"))
    }
}

/// The weight that a parameter tells; what is none counts as nothing wanted.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if name.trim() != "q" {
        return None;
    }
    let value: f32 = value.trim().parse().unwrap_or(0.0);
    Some((value.clamp(0.0, 1.0) * f32::from(FULL)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_the_asterisk_count() {
        use Coding::{Brotli, Gzip};
        for (value, chosen) in [
            ("br, gzip", Some(Brotli)),
            ("gzip, br", Some(Brotli)),
            ("br;q=0.5, gzip", Some(Gzip)),
            ("br;q=0, gzip;q=0.1", Some(Gzip)),
            ("*", Some(Brotli)),
            ("*;q=0, gzip", Some(Gzip)),
            ("gzip;q=0.000, *", Some(Brotli)),
            ("x-gzip", Some(Gzip)),
            ("identity", None),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0.5, identity;q=0.5", Some(Gzip)),
            ("", None),
            ("BR ; Q=1", Some(Brotli)),
            ("br;q=x", None),
            ("deflate", None),
        ] {
            let mut fields = Fields::new();
            fields.add("Accept-Encoding", value);
            assert_eq!(choose(&fields, &[Brotli, Gzip]), chosen, "{value}");
        }
        assert_eq!(choose(&Fields::new(), &Coding::ALL), None);
    }
}
