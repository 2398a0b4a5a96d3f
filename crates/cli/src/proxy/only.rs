//! `--only`: which exchanges are shown.

use anyhow::{anyhow, bail};
use roundtrip_proxy::SeenExchange;

/// A condition on an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// The host is this one, or below it.
    Host(String),
    /// The status is this one.
    Status(u16),
    /// The status is of this class, from 1 to 5.
    Class(u16),
    /// The media type has this in it.
    Type(String),
}

impl Only {
    /// Reads `host=NAME`, `status=404`, `status=4xx` or `type=json`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let Some((key, value)) = text.split_once('=').filter(|(_, value)| !value.is_empty()) else {
            bail!("--only {text}: wanted host=NAME, status=404, status=4xx or type=json")
        };
        let value = value.to_ascii_lowercase();
        match key {
            "host" => Ok(Self::Host(value.trim_start_matches("*.").to_owned())),
            "type" => Ok(Self::Type(value)),
            "status" => match value.strip_suffix("xx").and_then(|class| class.parse().ok()) {
                Some(class @ 1..=5) => Ok(Self::Class(class)),
                _ => value
                    .parse()
                    .ok()
                    .filter(|status| (100..600).contains(status))
                    .map(Self::Status)
                    .ok_or_else(|| anyhow!("--only {text}: wanted a status, as 404 or 4xx")),
            },
            other => bail!("--only {text}: there are host, status and type, and no {other}"),
        }
    }

    /// Whether an exchange meets all conditions: of those of one kind, one at least.
    pub(super) fn allow(all: &[Self], seen: &SeenExchange) -> bool {
        let kind = |only: &Self| match only {
            Self::Host(_) => 0,
            Self::Status(_) | Self::Class(_) => 1,
            Self::Type(_) => 2,
        };
        (0..3).all(|of| {
            let mut same = all.iter().filter(|only| kind(only) == of).peekable();
            same.peek().is_none() || same.any(|only| only.allows(seen))
        })
    }

    fn allows(&self, seen: &SeenExchange) -> bool {
        match self {
            Self::Host(wanted) => {
                let url = url::Url::parse(&seen.url);
                let host = url.as_ref().ok().and_then(|url| url.host_str()).unwrap_or_default();
                let above = host.strip_suffix(wanted.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            Self::Status(status) => seen.status == *status,
            Self::Class(class) => seen.status / 100 == *class,
            Self::Type(part) => seen.media_type.contains(part.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(url: &str, status: u16, media_type: &str) -> SeenExchange {
        SeenExchange {
            wall: std::time::SystemTime::UNIX_EPOCH,
            peer: "127.0.0.1:1".parse().expect("an address"),
            method: "GET".into(),
            url: url.into(),
            status,
            media_type: media_type.into(),
            bytes: 0,
            took: core::time::Duration::ZERO,
            fault: None,
        }
    }

    #[test]
    fn conditions_of_one_kind_are_alternatives() {
        let only = |texts: &[&str]| -> Vec<Only> {
            texts.iter().map(|text| Only::parse(text).expect("a condition")).collect()
        };
        let page = seen("https://www.a.test/x", 404, "application/json");
        for (texts, shown) in [
            (&[][..], true),
            (&["host=a.test"], true),
            (&["host=*.a.test", "status=4xx", "type=json"], true),
            (&["status=200", "status=404"], true),
            (&["status=404", "type=html"], false),
            (&["host=test.a"], false),
            (&["host=ww.a.test"], false),
        ] {
            assert_eq!(Only::allow(&only(texts), &page), shown, "{texts:?}");
        }
        for bad in ["", "host", "host=", "size=3", "status=9xx", "status=x", "status=60"] {
            assert!(Only::parse(bad).is_err(), "{bad}");
        }
    }
}
