//! `Kept`: one answer in a cache, and what is done with it when its like is asked for again.

use core::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use http::{StatusCode, Version};
use roundtrip_http::client::{Request, Stored};
use roundtrip_http::message::{Fields, to_text};

use crate::directives::Directives;
use crate::freshness::{AgeFrom, age_on_arrival, lifetime};

/// What a request says, as far as an answer to it can depend on that: its fields, but for those that
/// the client adds by itself, which are the same in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Fields);

impl Asked {
    /// Of a request.
    pub(crate) fn of(request: &Request) -> Self {
        let mut fields = request.fields.clone();
        for (name, value) in request.derived.iter() {
            // They stand in a request already.
            let _ = fields.push(name, value);
        }
        Self(fields)
    }

    /// The fields.
    pub(crate) fn fields(&self) -> &Fields {
        &self.0
    }

    /// Whether it is about a part of a resource or has conditions of its own: what comes is for whoever
    /// made them, and no cache's.
    pub(crate) fn is_special(&self) -> bool {
        const OWN: [&str; 6] = [
            "Range",
            "If-Range",
            "If-Match",
            "If-None-Match",
            "If-Modified-Since",
            "If-Unmodified-Since",
        ];
        OWN.iter().any(|name| self.0.contains(name))
    }

    /// The values of a field as one.
    fn value(&self, name: &str) -> String {
        self.0.get_all(name).map(to_text).collect::<Vec<_>>().join(", ")
    }
}

/// What is to be done with a kept answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is given as it is.
    AsItIs,
    /// Its server is asked whether it is still good, by what tells one state from another.
    Asking(By),
    /// It is of no use.
    Nothing,
}

/// What tells one state of a resource from another, in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// All that is known.
    All,
    /// The entity tag alone: the request differs in what the answer depends on, so that the time of
    /// the last change says nothing (RFC 9111 §4.1).
    Tag,
}

/// One answer in a cache.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    version: Version,
    status: StatusCode,
    reason: String,
    fields: Fields,
    content: Bytes,
    /// The fields of the request that the answer depends on, and what they were.
    varies: Vec<(String, String)>,
    answered: SystemTime,
    /// Its age then.
    age: Duration,
}

/// When an answer was asked for and came, and how its age is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) asked: SystemTime,
    pub(crate) answered: SystemTime,
    pub(crate) age_from: AgeFrom,
}

/// The head of an answer that is to be kept.
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
    pub(crate) fields: Fields,
}

impl Kept {
    /// An answer with all of its body.
    pub(crate) fn new(asked: &Asked, head: Head, content: Bytes, came: Came) -> Self {
        let names = head.fields.list("Vary").map(to_text);
        let varies = names.map(|name| (name.clone(), asked.value(&name))).collect();
        let Head { version, status, reason, fields } = head;
        let age = age_on_arrival(&fields, came.age_from, came.asked, came.answered);
        Self { version, status, reason, fields, content, varies, answered: came.answered, age }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        /// Of what every answer has.
        const EACH: usize = 256;
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len() + 16);
        EACH + self.content.len() + fields.sum::<usize>()
    }

    fn age(&self, now: SystemTime) -> Duration {
        self.age + now.duration_since(self.answered).unwrap_or_default()
    }

    fn lifetime(&self) -> Option<Duration> {
        lifetime(self.status, &self.fields, self.answered)
    }

    /// What is to be done with it when this is asked for (RFC 9111 §4).
    pub(crate) fn when(&self, asked: &Asked, now: SystemTime) -> Use {
        let has_tag = self.fields.contains("ETag");
        if !self.varies.iter().all(|(name, was)| name != "*" && asked.value(name) == *was) {
            return if has_tag { Use::Asking(By::Tag) } else { Use::Nothing };
        }
        let age = self.age(now);
        let wanted = Directives::of(asked.fields());
        let limit = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let is_fresh = self.lifetime().is_none_or(|lifetime| {
            let left = lifetime.checked_sub(age).filter(|left| !left.is_zero());
            left.is_some_and(|left| {
                limit(wanted.seconds("min-fresh")).is_none_or(|min| left >= min)
            })
        });
        let is_wanted = !wanted.has("no-cache")
            && limit(wanted.seconds("max-age")).is_none_or(|most| age <= most);
        if is_fresh && is_wanted {
            Use::AsItIs
        } else if has_tag || self.fields.contains("Last-Modified") {
            Use::Asking(By::All)
        } else {
            Use::Nothing
        }
    }

    /// Makes a request one for another state than this (RFC 9111 §4.3.1).
    pub(crate) fn ask(&self, by: By, request: &mut Request) {
        if let Some(tag) = self.fields.get("ETag") {
            request.derived.set("If-None-Match", tag);
        }
        if by == By::All
            && let Some(changed) = self.fields.get("Last-Modified")
        {
            request.derived.set("If-Modified-Since", changed);
        }
    }

    /// The same answer, which a server said with these fields of a 304 answer is still good (RFC 9111
    /// §4.3.4); `None` where that was said of another state.
    pub(crate) fn freshened(&self, asked: &Asked, fields: &Fields, came: Came) -> Option<Self> {
        /// They belong to one connection, or to a body that did not come (RFC 9111 §3.2).
        const STAYS: [&str; 12] = [
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authentication-info",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "content-encoding",
            "content-length",
            "content-range",
        ];
        let tag = |fields: &Fields| {
            let tag = fields.text("ETag").map(str::trim);
            tag.map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned())
        };
        if tag(fields).is_some_and(|new| tag(&self.fields).is_some_and(|old| old != new)) {
            return None;
        }
        let mut merged = self.fields.clone();
        let updates = |name: &str| !STAYS.iter().any(|stays| stays.eq_ignore_ascii_case(name));
        for (name, _) in fields.iter().filter(|(name, _)| updates(name)) {
            merged.remove(name);
        }
        for (name, value) in fields.iter().filter(|(name, _)| updates(name)) {
            // They came in a message, so they fit into one.
            let _ = merged.push(name, value);
        }
        let (version, status, reason) = (self.version, self.status, self.reason.clone());
        let head = Head { version, status, reason, fields: merged };
        // Its age is that of the 304 answer, which says nothing of it unless it says so.
        let age = age_on_arrival(fields, came.age_from, came.asked, came.answered);
        Some(Self { age, ..Self::new(asked, head, self.content.clone(), came) })
    }

    /// As the client gives it.
    pub(crate) fn stored(&self, now: SystemTime) -> Stored {
        Stored {
            version: self.version,
            status: self.status,
            reason: self.reason.clone(),
            fields: self.fields.clone(),
            content: self.content.clone(),
            age: self.age(now),
            lifetime: self.lifetime(),
        }
    }
}
