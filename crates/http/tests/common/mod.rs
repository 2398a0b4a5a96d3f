//! A client and servers on one desk.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod authority;
pub(crate) mod desk;
pub(crate) mod frames;

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use desk::Desk;
use roundtrip_http::client::{Client, Fixed, Options as ClientOptions, Request, Tls};
use roundtrip_http::server::{Handler, Options, Request as Asked, RequestBody, Response, Server};
use roundtrip_http::url;
use roundtrip_record::{Event, Log, Recorder, Settings, What};
use roundtrip_wire::{Listener as _, LocalFuture, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A handler that answers with what it understood of a request and its body, in these words.
pub(crate) struct Mirror(pub(crate) fn(&Asked, &str) -> String);

impl Handler for Mirror {
    fn handle<'a>(
        &'a self,
        request: &'a Asked,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            if request.path() == "/unread" {
                return Response::text("unread");
            }
            match body.bytes(1 << 20).await {
                Ok(bytes) => Response::text((self.0)(request, &String::from_utf8_lossy(&bytes))),
                Err(error) => Response::error(error.status(), &error.to_string()),
            }
        })
    }
}

/// The statuses of answers that stand one behind the other.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.match_indices("HTTP/1.1 ");
    lines.map(|(at, _)| answers[at + 9..at + 12].parse().unwrap()).collect()
}

pub(crate) struct Site {
    pub(crate) client_wire: Desk,
    pub(crate) log: Log,
}

impl Site {
    /// A client and no servers.
    pub(crate) fn new() -> Self {
        Self::recording(Log::memory())
    }

    /// The same, whose log shows credentials and cookies too.
    pub(crate) fn with_secrets() -> Self {
        let settings = Settings { keep_secrets: true, ..Settings::in_memory() };
        Self::recording(Log::new(Recorder::new(settings).unwrap()))
    }

    fn recording(log: Log) -> Self {
        let client_wire = Desk::new(&log, Self::address(255));
        Self { client_wire, log }
    }

    /// The address of the server with this number: `www0.test` and so on.
    pub(crate) fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    /// A host for a server.
    pub(crate) fn host(&self, number: u8) -> Desk {
        self.client_wire.host(&format!("www{number}"), Self::address(number))
    }

    /// Serves in the clear on port 80 of the host with this number.
    pub(crate) fn serve(
        &self,
        number: u8,
        handler: impl Handler + 'static,
        options: Options,
    ) -> Server<Desk> {
        let wire = self.host(number);
        let server = Server::new(wire.clone(), Rc::new(handler), options);
        let listener = wire.listen((Self::address(number), 80).into()).unwrap();
        let serving = server.clone();
        wire.spawn(async move { serving.serve(listener, core::future::pending()).await }).detach();
        server
    }

    /// Answers one connection after the other with these bytes, whatever is asked, and closes it.
    pub(crate) fn script(&self, number: u8, answers: &[&[u8]]) {
        let wire = self.host(number);
        let mut listener = wire.listen((Self::address(number), 80).into()).unwrap();
        let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
        wire.spawn(async move {
            for answer in answers {
                let mut stream = listener.accept().await.unwrap();
                let mut request = vec![0; 64 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        })
        .detach();
    }

    /// Sends bytes to a server and gives all that comes back until it closes.
    pub(crate) fn talk(&self, number: u8, bytes: &[u8]) -> String {
        let wire = self.client_wire.clone();
        let bytes = bytes.to_vec();
        self.run(async move {
            let to = (Self::address(number), 80).into();
            let mut stream = wire.connect(to, None, None).await.unwrap();
            let mut answer = Vec::new();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        })
    }

    /// A client that knows `www0.test` and so on.
    pub(crate) fn client(&self, options: ClientOptions, tls: Option<Tls>) -> Client<Desk> {
        let names = (0..8).map(|number| (format!("www{number}.test"), Self::address(number)));
        Client::new(self.client_wire.clone(), Rc::new(Fixed(names.collect())), tls, options)
    }

    pub(crate) fn run<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> T {
        self.client_wire.run(task)
    }

    /// What the client reported.
    pub(crate) fn client_events(&self) -> Vec<Event> {
        let host = self.client_wire.log().host_id();
        self.log.events().into_iter().filter(|event| event.host == host).collect()
    }

    /// The kinds of what the client reported above TCP, in order.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.client_events()
            .iter()
            .filter_map(|event| What::KINDS.iter().copied().find(|kind| *kind == event.what.kind()))
            .filter(|kind| ["http.", "tls.", "connect."].iter().any(|of| kind.starts_with(of)))
            .collect()
    }

    /// What became of connections at the client: by whom and why.
    pub(crate) fn endings(&self) -> Vec<String> {
        self.client_events()
            .iter()
            .filter_map(|event| match &event.what {
                What::ConnectionEnding(ending) => Some(format!("{:?}: {}", ending.by, ending.why)),
                _ => None,
            })
            .collect()
    }

    /// How many connections the client tried to open.
    pub(crate) fn attempts(&self) -> usize {
        self.kinds().iter().filter(|kind| **kind == "connect.attempt").count()
    }
}

pub(crate) fn get(text: &str) -> Request {
    Request::get(url::parse(text).unwrap())
}
