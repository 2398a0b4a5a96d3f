//! `Load`: what a browser tells while it loads a page.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::hop::{Fields, Hop, fields};
use crate::session::Event;

/// What is known of one visit.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) hops: Vec<Hop>,
    /// The latest hop of each request.
    latest: BTreeMap<String, usize>,
    /// Requests and responses as they came, which are told of apart, for hops that are not known yet.
    sent: BTreeMap<String, VecDeque<Fields>>,
    received: BTreeMap<String, VecDeque<(u64, Fields)>>,
    /// Hops that have had theirs.
    sent_known: BTreeSet<usize>,
    received_known: BTreeSet<usize>,
    /// A wall clock's seconds, and the browser's own at the same time.
    pub(crate) clocks: Option<(f64, f64)>,
    /// Moments of documents, by loader and the browser's names: when each was first reached.
    moments: BTreeMap<(String, String), f64>,
    /// The target that is the page.
    pub(crate) target: String,
    /// The frame of the page.
    pub(crate) frame: String,
    /// The loader of the page's document, whose moments count.
    pub(crate) loader: String,
    /// Messages over `WebSocket`s, both ways.
    pub(crate) messages: u64,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Load {
    /// Of the page that is this target.
    pub(crate) fn of(target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::default() }
    }

    /// Requests that are under way.
    pub(crate) fn pending(&self) -> usize {
        self.hops
            .iter()
            .filter(|hop| !hop.is_over() && !hop.is_inside() && hop.kind != "websocket")
            .count()
    }

    /// When a moment of the page was first reached.
    pub(crate) fn moment(&self, name: &str) -> Option<f64> {
        self.moments.get(&(self.loader.clone(), name.to_owned())).copied()
    }

    /// Time is up for what is under way.
    pub(crate) fn time_out(&mut self) {
        for hop in self.hops.iter_mut().filter(|hop| !hop.is_over() && !hop.is_inside()) {
            hop.error = Some("net::ERR_TIMED_OUT".into());
        }
    }

    /// The page is on its way to its document.
    pub(crate) fn navigated(&mut self, answer: &Value) {
        // A page that has gone on to another since is that one.
        if self.loader.is_empty() {
            (self.frame, self.loader) = (text(&answer["frameId"]), text(&answer["loaderId"]));
        }
    }

    /// Takes up what was told.
    pub(crate) fn hear(&mut self, event: Event) {
        let Event { session, method, params } = event;
        let id = text(&params["requestId"]);
        let at = params["timestamp"].as_f64().unwrap_or_default();
        match method.as_str() {
            "Network.requestWillBeSent" => self.asked(session, &id, at, &params),
            "Network.requestWillBeSentExtraInfo" => self.went(id, fields(&params["headers"])),
            "Network.responseReceivedExtraInfo" => {
                let status = params["statusCode"].as_u64().unwrap_or_default();
                self.came(id, (status, fields(&params["headers"])));
            }
            "Network.resourceChangedPriority" => {
                if let Some(hop) = self.hop(&id) {
                    hop.priority = text(&params["newPriority"]);
                }
            }
            "Network.requestServedFromCache" => {
                if let Some(hop) = self.hop(&id) {
                    hop.cache = Some("memory");
                }
            }
            "Network.responseReceived" => self.answered(&id, &params),
            "Network.dataReceived" => {
                if let Some(hop) = self.hop(&id) {
                    hop.decoded += params["dataLength"].as_u64().unwrap_or_default();
                }
            }
            "Network.loadingFinished" => {
                if let Some(hop) = self.hop(&id) {
                    hop.encoded = params["encodedDataLength"].as_f64().map(|bytes| bytes as u64);
                    hop.ended = Some(at);
                }
            }
            "Network.loadingFailed" => {
                if let Some(hop) = self.hop(&id) {
                    let blocked = params["blockedReason"].as_str().map(|why| format!(" ({why})"));
                    let why = text(&params["errorText"]) + &blocked.unwrap_or_default();
                    hop.error.get_or_insert(why);
                    hop.ended = Some(at);
                }
            }
            "Page.lifecycleEvent" => {
                let moment = (text(&params["loaderId"]), text(&params["name"]));
                self.moments.entry(moment).or_insert(at);
            }
            // A page that goes on to another document by itself is that one from then on.
            "Page.frameNavigated" => {
                let frame = &params["frame"];
                if session == self.target && frame.get("parentId").is_none() {
                    (self.frame, self.loader) = (text(&frame["id"]), text(&frame["loaderId"]));
                }
            }
            _ => self.hear_of_socket(&method, session, id, at, &params),
        }
    }

    /// Takes up what is told of `WebSocket`s.
    fn hear_of_socket(
        &mut self,
        method: &str,
        session: String,
        id: String,
        at: f64,
        params: &Value,
    ) {
        match method {
            "Network.webSocketCreated" => {
                let hop = Hop {
                    id,
                    session,
                    method: "GET".into(),
                    url: text(&params["url"]),
                    kind: "websocket".into(),
                    initiator: params["initiator"].clone(),
                    ..Hop::default()
                };
                self.add(hop);
            }
            "Network.webSocketWillSendHandshakeRequest" => {
                if let Some(hop) = self.hop(&id) {
                    hop.wanted = at;
                    hop.fields = fields(&params["request"]["headers"]);
                }
            }
            "Network.webSocketHandshakeResponseReceived" => {
                if let Some(hop) = self.hop(&id) {
                    let response = &params["response"];
                    let status = response["status"].as_u64().unwrap_or_default();
                    hop.head = Some((status, fields(&response["headers"])));
                    hop.response = serde_json::json!({"status": status, "protocol": "http/1.1"});
                    hop.ended = Some(at);
                }
            }
            "Network.webSocketFrameError" => {
                if let Some(hop) = self.hop(&id) {
                    hop.error.get_or_insert_with(|| text(&params["errorMessage"]));
                    hop.ended.get_or_insert(at);
                }
            }
            "Network.webSocketFrameSent" | "Network.webSocketFrameReceived" => self.messages += 1,
            _ => {}
        }
    }

    fn hop(&mut self, id: &str) -> Option<&mut Hop> {
        let at = *self.latest.get(id)?;
        self.hops.get_mut(at)
    }

    fn add(&mut self, hop: Hop) -> usize {
        let at = self.hops.len();
        self.latest.insert(hop.id.clone(), at);
        self.hops.push(hop);
        at
    }

    /// A request is to be sent: a first one, or one that a redirect leads to.
    fn asked(&mut self, session: String, id: &str, at: f64, params: &Value) {
        let request = &params["request"];
        let url = text(&request["url"]);
        if self.clocks.is_none()
            && let Some(wall) = params["wallTime"].as_f64()
        {
            self.clocks = Some((wall, at));
        }
        if let Some(response) = params.get("redirectResponse")
            && let Some(before) = self.hop(id)
        {
            before.response = response.clone();
            before.encoded = response["encodedDataLength"].as_f64().map(|bytes| bytes as u64);
            (before.redirect, before.ended) = (Some(url.clone()), Some(at));
            if params["redirectHasExtraInfo"] == false {
                self.take_back(id);
            }
        }
        let hop = Hop {
            id: id.to_owned(),
            session,
            method: text(&request["method"]),
            url: url + request["urlFragment"].as_str().unwrap_or_default(),
            fields: fields(&request["headers"]),
            told: fields(&request["headers"]),
            form: request["postData"].as_str().map(str::to_owned),
            initiator: params["initiator"].clone(),
            kind: text(&params["type"]).to_ascii_lowercase(),
            first_priority: text(&request["initialPriority"]),
            priority: text(&request["initialPriority"]),
            render_blocking: params["renderBlockingBehavior"].as_str().map(str::to_owned),
            wanted: at,
            ..Hop::default()
        };
        let at = self.add(hop);
        self.match_up(id, at);
    }

    /// What goes with a hop came before it, or comes after it, in the order of the hops.
    fn match_up(&mut self, id: &str, at: usize) {
        if let Some(fields) = self.sent.get_mut(id).and_then(VecDeque::pop_front) {
            self.went_with(at, fields);
        }
        if let Some(head) = self.received.get_mut(id).and_then(VecDeque::pop_front) {
            self.came_with(at, head);
        }
    }

    /// The latest hop of a request never was on the wire: what it was given belongs to the next.
    fn take_back(&mut self, id: &str) {
        let Some(&at) = self.latest.get(id) else { return };
        let hop = &mut self.hops[at];
        if !self.sent_known.insert(at) {
            let fields = core::mem::replace(&mut hop.fields, hop.told.clone());
            self.sent.entry(id.to_owned()).or_default().push_front(fields);
        }
        if !self.received_known.insert(at)
            && let Some(head) = hop.head.take()
        {
            self.received.entry(id.to_owned()).or_default().push_front(head);
        }
    }

    /// The first hop of a request that lacks something.
    fn lacking(&self, id: &str, known: &BTreeSet<usize>) -> Option<usize> {
        self.hops.iter().enumerate().position(|(at, hop)| hop.id == id && !known.contains(&at))
    }

    fn went(&mut self, id: String, fields: Fields) {
        match self.lacking(&id, &self.sent_known) {
            Some(at) => self.went_with(at, fields),
            None => self.sent.entry(id).or_default().push_back(fields),
        }
    }

    fn went_with(&mut self, at: usize, fields: Fields) {
        self.sent_known.insert(at);
        self.hops[at].fields = fields;
    }

    fn came(&mut self, id: String, head: (u64, Fields)) {
        match self.lacking(&id, &self.received_known) {
            Some(at) => self.came_with(at, head),
            None => self.received.entry(id).or_default().push_back(head),
        }
    }

    fn came_with(&mut self, at: usize, head: (u64, Fields)) {
        self.received_known.insert(at);
        self.hops[at].head = Some(head);
    }

    fn answered(&mut self, id: &str, params: &Value) {
        let Some(hop) = self.hop(id) else { return };
        let response = &params["response"];
        hop.response = response.clone();
        hop.kind = text(&params["type"]).to_ascii_lowercase();
        if response["fromDiskCache"] == true {
            hop.cache = Some("disk");
        }
        if response["fromPrefetchCache"] == true {
            hop.cache = Some("memory");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(load: &mut Load, method: &str, params: Value) {
        load.hear(Event { session: "s".into(), method: method.into(), params });
    }

    #[test]
    fn a_redirect_is_a_hop_and_what_is_told_apart_finds_its_own() {
        let mut load = Load::default();
        let request = |url: &str| json!({"url": url, "method": "GET", "initialPriority": "High", "headers": {"a": "b"}});
        // What was sent and what came is told before, between and after what it belongs to.
        told(
            &mut load,
            "Network.requestWillBeSentExtraInfo",
            json!({"requestId": "1", "headers": {"n": "1"}}),
        );
        told(
            &mut load,
            "Network.requestWillBeSent",
            json!({
                "requestId": "1", "timestamp": 10.0, "wallTime": 1000.0, "type": "Document", "request": request("http://a/")
            }),
        );
        told(
            &mut load,
            "Network.responseReceivedExtraInfo",
            json!({"requestId": "1", "statusCode": 302, "headers": {"l": "x\ny"}}),
        );
        told(
            &mut load,
            "Network.responseReceivedExtraInfo",
            json!({"requestId": "1", "statusCode": 200, "headers": {}}),
        );
        told(
            &mut load,
            "Network.requestWillBeSent",
            json!({
                "requestId": "1", "timestamp": 11.0, "wallTime": 1001.0, "type": "Document", "request": request("http://b/"),
                "redirectResponse": {"status": 302, "encodedDataLength": 100.0}
            }),
        );
        told(
            &mut load,
            "Network.requestWillBeSentExtraInfo",
            json!({"requestId": "1", "headers": {"n": "2"}}),
        );
        assert_eq!(load.pending(), 1);
        told(&mut load, "Network.dataReceived", json!({"requestId": "1", "dataLength": 7}));
        told(
            &mut load,
            "Network.loadingFinished",
            json!({"requestId": "1", "timestamp": 12.0, "encodedDataLength": 50.0}),
        );
        assert_eq!((load.pending(), load.clocks), (0, Some((1000.0, 10.0))));
        let [first, second] = load.hops.as_slice() else { panic!("{:?}", load.hops) };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            (first.redirect.as_deref(), first.ended, first.encoded),
            (Some("http://b/"), Some(11.0), Some(100))
        );
        assert_eq!((&first.fields, &second.fields), (&vec![pair("n", "1")], &vec![pair("n", "2")]));
        assert_eq!(first.head, Some((302, vec![pair("l", "x"), pair("l", "y")])));
        assert_eq!((second.head.as_ref().map(|head| head.0), second.decoded), (Some(200), 7));
    }

    #[test]
    fn what_stays_in_the_browser_is_waited_for_by_nobody() {
        let mut load = Load::default();
        told(
            &mut load,
            "Network.requestWillBeSent",
            json!({
                "requestId": "1", "timestamp": 1.0, "request": {"url": "data:,x", "method": "GET", "headers": {}}
            }),
        );
        told(&mut load, "Network.webSocketCreated", json!({"requestId": "2", "url": "ws://a/"}));
        assert_eq!(load.pending(), 0);
    }
}
