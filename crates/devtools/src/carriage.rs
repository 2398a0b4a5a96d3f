//! What only the browser's own log of its network tells: which connection carried a request that `DevTools` say nothing of,
//! such as the one for the script of a worker, which the worker's own target is made too late to see.

use std::collections::VecDeque;

use roundtrip_import::Carriage;
use serde_json::{Value, json};

use crate::hop::Hop;

/// Gives the hops that lack them their connection and their times. Those of one URL and method are matched in their order,
/// those that are known to have gone by a connection first.
pub(crate) fn complete(hops: &mut [Hop], carriages: Vec<Carriage>) {
    let mut left: VecDeque<Carriage> = carriages.into();
    for hop in hops.iter().filter(|hop| connection(hop).is_some()) {
        let known = connection(hop);
        take(&mut left, hop, |carriage| known == Some(carriage.connection));
    }
    for hop in hops.iter_mut().filter(|hop| connection(hop).is_none() && may_have_gone(hop)) {
        if let Some(carriage) = take(&mut left, hop, |_| true) {
            fill(hop, &carriage);
        }
    }
}

/// The number of a hop's connection, as far as it was told.
fn connection(hop: &Hop) -> Option<u64> {
    hop.response["connectionId"].as_f64().filter(|id| *id > 0.0).map(|id| id as u64)
}

/// Whether it was answered, and not by a cache.
fn may_have_gone(hop: &Hop) -> bool {
    hop.response.is_object() && hop.cache.is_none() && !hop.is_inside()
}

/// The first carriage of a hop's URL and method that fits.
fn take(
    left: &mut VecDeque<Carriage>,
    hop: &Hop,
    fits: impl Fn(&Carriage) -> bool,
) -> Option<Carriage> {
    let url = hop.url.split('#').next().unwrap_or_default();
    let is_it = |carriage: &Carriage| {
        carriage.url.split('#').next() == Some(url) && carriage.method == hop.method
    };
    let at = left.iter().position(|carriage| is_it(carriage) && fits(carriage))?;
    left.remove(at)
}

fn fill(hop: &mut Hop, carriage: &Carriage) {
    let Value::Object(response) = &mut hop.response else { return };
    response.insert("connectionId".into(), carriage.connection.into());
    if let Some(remote) = carriage.remote {
        response.insert("remoteIPAddress".into(), remote.ip().to_string().into());
    }
    let since = |at: u64| at.saturating_sub(carriage.began);
    let span = |span: Option<(u64, u64)>| match span {
        Some((began, ended)) => [json!(since(began)), json!(since(ended))],
        None => [json!(-1), json!(-1)],
    };
    // What DevTools call connecting has TLS within it.
    let connect = carriage
        .connect
        .map(|(began, connected)| (began, carriage.tls.map_or(connected, |(_, secured)| secured)));
    let ([connect_start, connect_end], [ssl_start, ssl_end]) = (span(connect), span(carriage.tls));
    let timing = json!({
        "requestTime": carriage.began as f64 / 1e3,
        "dnsStart": -1, "dnsEnd": -1,
        "connectStart": connect_start, "connectEnd": connect_end,
        "sslStart": ssl_start, "sslEnd": ssl_end,
        "sendStart": since(carriage.send.0), "sendEnd": since(carriage.send.1),
        "receiveHeadersStart": since(carriage.head.unwrap_or(carriage.send.1)),
    });
    response.insert("timing".into(), timing);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriage(url: &str, connection: u64) -> Carriage {
        Carriage {
            method: "GET".into(),
            url: url.into(),
            connection,
            remote: "192.0.2.7:443".parse().ok(),
            began: 10_000,
            connect: Some((10_002, 10_020)),
            tls: Some((10_020, 10_045)),
            send: (10_050, 10_051),
            head: Some(10_090),
        }
    }

    fn hop(url: &str, response: Value) -> Hop {
        Hop { url: url.into(), method: "GET".into(), response, ..Hop::default() }
    }

    #[test]
    fn what_devtools_do_not_tell_is_filled_in() {
        let mut hops = [
            hop("https://a/w.js#x", json!({"status": 200})),
            hop("https://a/w.js", json!({"status": 200, "connectionId": 5})),
            hop("https://a/never", Value::Null),
        ];
        let log = ["https://a/w.js", "https://a/w.js", "https://a/never"];
        let log = log.iter().zip([5, 6, 7]).map(|(url, id)| carriage(url, id)).collect();
        complete(&mut hops, log);
        assert_eq!(connection(&hops[0]), Some(6), "5 is the other one's");
        let timing = &hops[0].response["timing"];
        assert_eq!((&timing["connectStart"], &timing["connectEnd"]), (&json!(2), &json!(45)));
        assert_eq!(timing["receiveHeadersStart"], 90);
        assert_eq!(hops[0].response["remoteIPAddress"], "192.0.2.7");
        assert!(hops[1].response.get("timing").is_none() && hops[2].response.is_null());
    }
}
