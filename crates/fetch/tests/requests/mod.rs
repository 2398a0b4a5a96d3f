//! The requests that a client sent, as its record has them.

use roundtrip_record::{RequestSent, What};

use crate::common::Site;

/// The requests that went out, in order.
pub(crate) fn sent(site: &Site) -> Vec<RequestSent> {
    let events = site.client_events().into_iter();
    let sent = events.filter_map(|event| match event.what {
        What::RequestSent(sent) => Some(sent),
        _ => None,
    });
    sent.collect()
}

/// The value of a field of a request.
pub(crate) fn field<'a>(sent: &'a RequestSent, name: &str) -> Option<&'a str> {
    let found = sent.fields.iter().find(|field| field.0.eq_ignore_ascii_case(name));
    found.map(|field| field.1.as_str())
}
