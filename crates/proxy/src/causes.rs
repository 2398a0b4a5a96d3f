//! `Causes`: what led to what, as far as requests tell.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use roundtrip_http::message::Fields;
use roundtrip_http::server::Priority as Wanted;
use roundtrip_record::{ExchangeId, Initiator, Priority, ResourceKind};
use url::Url;

/// Redirects and style sheets that are remembered; the oldest go first.
const MOST: usize = 4096;

/// What earlier exchanges lead one to expect.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// The exchange that redirects to each URL, and its status.
    redirects: BTreeMap<String, (ExchangeId, u16)>,
    /// URLs of style sheets.
    sheets: BTreeSet<String>,
    /// Redirects and sheets in the order in which they came.
    order: std::collections::VecDeque<String>,
}

/// What is known of a resource before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) kind: ResourceKind,
    pub(crate) priority: Priority,
    pub(crate) initiator: Initiator,
}

impl Causes {
    /// What a request tells of itself.
    pub(crate) fn of(&mut self, method: &Method, url: &Url, fields: &Fields) -> Known {
        let destination = fields.text("Sec-Fetch-Dest").unwrap_or_default();
        let accept = fields.text("Accept").unwrap_or_default();
        let kind = kind(destination).unwrap_or(match accept.split([',', ';']).next() {
            Some("text/html") => ResourceKind::Document,
            Some("text/css") => ResourceKind::Style,
            _ => ResourceKind::Other,
        });
        let priority = fields.get("Priority").map(|value| priority(Wanted::parse(value)));
        let initiator = self.initiator(method, url, fields, kind, destination);
        if kind == ResourceKind::Style && self.sheets.insert(url.to_string()) {
            self.remember(url.to_string());
        }
        Known { kind, priority: priority.unwrap_or_else(|| usual(kind)), initiator }
    }

    fn initiator(
        &mut self,
        method: &Method,
        url: &Url,
        fields: &Fields,
        kind: ResourceKind,
        destination: &str,
    ) -> Initiator {
        if let Some((of, status)) = self.redirects.remove(url.as_str()) {
            return Initiator::Redirect { of, status };
        }
        let referer = fields.text("Referer").filter(|referer| !referer.is_empty());
        let Some(referer) = referer.filter(|_| kind != ResourceKind::Document) else {
            return Initiator::User;
        };
        let by = referer.split('#').next().unwrap_or(referer).to_owned();
        if self.sheets.contains(&by) {
            return Initiator::Style { url: by };
        }
        // What a script asks for is for no element (Fetch, "request destination"), and nothing in markup
        // sends anything but GET.
        if destination == "empty" || *method != Method::GET {
            return Initiator::Script { url: by, line: 0 };
        }
        Initiator::Parser { url: by, line: 0 }
    }

    /// An exchange was answered with a redirect.
    pub(crate) fn redirects(&mut self, of: ExchangeId, status: u16, from: &Url, location: &str) {
        let Ok(mut target) = from.join(location) else { return };
        target.set_fragment(None);
        if self.redirects.insert(target.to_string(), (of, status)).is_none() {
            self.remember(target.into());
        }
    }

    fn remember(&mut self, url: String) {
        self.order.push_back(url);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.redirects.remove(&oldest);
            self.sheets.remove(&oldest);
        }
    }
}

/// A request's destination (Fetch Metadata §2.1).
fn kind(destination: &str) -> Option<ResourceKind> {
    Some(match destination {
        "document" => ResourceKind::Document,
        "iframe" | "frame" | "embed" | "object" => ResourceKind::Frame,
        "style" => ResourceKind::Style,
        "script" | "worker" | "sharedworker" | "serviceworker" => ResourceKind::Script,
        "image" => ResourceKind::Image,
        "font" => ResourceKind::Font,
        "audio" | "video" | "track" => ResourceKind::Media,
        "manifest" => ResourceKind::Manifest,
        "" => return None,
        _ => ResourceKind::Other,
    })
}

/// An urgency (RFC 9218) in the words of Chromium's developer tools, as it sends them
/// (`net/quic/quic_http_utils.cc`).
fn priority(wanted: Wanted) -> Priority {
    match wanted.urgency {
        0 => Priority::VeryHigh,
        1 => Priority::High,
        2 => Priority::Medium,
        3 => Priority::Low,
        _ => Priority::VeryLow,
    }
}

/// How urgent a resource usually is where its request does not say so.
fn usual(kind: ResourceKind) -> Priority {
    match kind {
        ResourceKind::Document | ResourceKind::Style => Priority::VeryHigh,
        ResourceKind::Script | ResourceKind::Font => Priority::High,
        ResourceKind::Image | ResourceKind::Media => Priority::Low,
        _ => Priority::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in pairs {
            fields.add(name, value);
        }
        fields
    }

    #[test]
    fn requests_tell_what_they_are_for() {
        let mut causes = Causes::default();
        let mut of = |text: &str, pairs: &[(&'static str, &str)]| {
            causes.of(&Method::GET, &Url::parse(text).unwrap(), &fields(pairs))
        };
        let page = "https://a.test/";
        let document = of(page, &[("Sec-Fetch-Dest", "document"), ("Priority", "u=0, i")]);
        assert_eq!(
            (document.kind, document.priority),
            (ResourceKind::Document, Priority::VeryHigh)
        );
        assert_eq!(document.initiator, Initiator::User);
        let sheet = of("https://a.test/a.css", &[("Sec-Fetch-Dest", "style"), ("Referer", page)]);
        assert_eq!(sheet.initiator, Initiator::Parser { url: page.into(), line: 0 });
        let sheet = "https://a.test/a.css";
        let font = of("https://a.test/f", &[("Sec-Fetch-Dest", "font"), ("Referer", sheet)]);
        assert_eq!(font.initiator, Initiator::Style { url: sheet.into() });
        let data = of("https://a.test/x", &[("Sec-Fetch-Dest", "empty"), ("Referer", page)]);
        assert_eq!(data.initiator, Initiator::Script { url: page.into(), line: 0 });
        let plain = of("https://a.test/x", &[("Accept", "*/*")]);
        assert_eq!((plain.kind, plain.initiator), (ResourceKind::Other, Initiator::User));
    }

    #[test]
    fn a_redirect_leads_to_the_next_request() {
        let mut causes = Causes::default();
        let from = Url::parse("http://a.test/old").unwrap();
        causes.redirects(ExchangeId(7), 302, &from, "/new#top");
        let to = Url::parse("http://a.test/new").unwrap();
        let of = |causes: &mut Causes| causes.of(&Method::GET, &to, &Fields::new()).initiator;
        assert_eq!(of(&mut causes), Initiator::Redirect { of: ExchangeId(7), status: 302 });
        assert_eq!(of(&mut causes), Initiator::User, "it was followed once");
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut causes = Causes::default();
        let from = Url::parse("http://a.test/").unwrap();
        for number in 0..3 * MOST {
            causes.redirects(ExchangeId(1), 302, &from, &format!("/{number}"));
        }
        assert_eq!((causes.redirects.len(), causes.order.len()), (MOST, MOST));
    }
}
