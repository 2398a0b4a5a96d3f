//! A case: what a client sends, and what must come back.

use core::time::Duration;
use std::fmt::Write as _;
use std::rc::Rc;

use roundtrip_http::server::{Handler, Options, Request, RequestBody, Response, Server};
use roundtrip_wire::{LocalFuture, Wire as _};

use crate::common::Site;
use crate::common::authority::Authority;
use crate::common::frames::{
    ACK, DATA, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, Raw, SETTINGS, goaway,
};

/// Error codes (RFC 9113 §7).
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const COMPRESSION_ERROR: u32 = 9;

/// What every connection is asked for in the end, to see that it still stands.
const PROBE: &[u8] = b"standing";

/// Something that a client does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes a frame.
    Send(Frame),
    /// Reads until the response on this stream has ended.
    Await(u32),
}

/// What must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    /// A whole response of status 200 on this stream, which says what the server understood.
    Answer(u32, &'static str),
    /// A head on this stream and no error: what stands in the response does not matter.
    Head(u32),
    /// `PING` with the flag `ACK` and this payload.
    Pong(&'static [u8; 8]),
    /// No `PING` beside that for which each connection is asked in the end.
    NoPong,
    /// So many `SETTINGS` with the flag `ACK`, beside the one of the opening.
    Acknowledged(usize),
    /// `DATA` frames of these lengths on this stream, and no more.
    Data(u32, &'static [usize]),
    /// So many bytes in `DATA` frames on this stream, however they are cut.
    Sent(u32, usize),
    /// No frame of this stream.
    Nothing(u32),
    /// An error of the stream (RFC 9113 §5.4.2), with this code, or one of these where the RFC leaves
    /// it open.
    Reset(u32, &'static [u32]),
    /// An error of the connection (RFC 9113 §5.4.1) with this code: `GOAWAY`, and its end.
    End(u32),
}

/// A row of the tables.
pub(crate) struct Case {
    /// The group and the number that the suite h2spec has it under.
    pub(crate) of: &'static str,
    /// Where the rule stands.
    pub(crate) section: &'static str,
    /// What is sent, in words.
    pub(crate) what: &'static str,
    steps: Vec<Step>,
    musts: Vec<Must>,
}

/// Begins a row.
pub(crate) fn case(of: &'static str, section: &'static str, what: &'static str) -> Case {
    Case { of, section, what, steps: Vec::new(), musts: Vec::new() }
}

impl Case {
    /// The client sends these frames.
    pub(crate) fn send(mut self, frames: impl IntoIterator<Item = Frame>) -> Self {
        self.steps.extend(frames.into_iter().map(Step::Send));
        self
    }

    /// The client waits until the response on this stream has ended.
    pub(crate) fn wait_for(mut self, stream: u32) -> Self {
        self.steps.push(Step::Await(stream));
        self
    }

    /// This must come back.
    pub(crate) fn must(mut self, must: Must) -> Self {
        self.musts.push(must);
        self
    }

    /// Whether the connection is to end.
    fn ends(&self) -> bool {
        self.musts.iter().any(|must| matches!(must, Must::End(_)))
    }
}

/// How a case is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Through TLS, with `h2` agreed on; else in the clear, with prior knowledge.
    pub(crate) secure: bool,
    /// The frames go one by one, and the server can answer between them; else as many as possible go
    /// in one write.
    pub(crate) apart: bool,
}

impl Manner {
    pub(crate) const ALL: [Self; 4] = [
        Self { secure: false, apart: false },
        Self { secure: false, apart: true },
        Self { secure: true, apart: false },
        Self { secure: true, apart: true },
    ];
}

/// Says what it understood of a request; under `/hasty` without having read the body.
struct Says;

impl Handler for Says {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let line = &request.head.line;
            let mut said = format!("{} {}", line.method, line.target);
            for (name, value) in request.head.fields.iter().filter(|(name, _)| *name != "Host") {
                let _ = write!(said, " {name}={}", String::from_utf8_lossy(value));
            }
            if request.path() == "/hasty" {
                return Response::text(said);
            }
            match body.bytes(1 << 20).await {
                Ok(bytes) if bytes.len() > 100 => {
                    let _ = write!(said, " {} bytes", bytes.len());
                }
                Ok(bytes) if !bytes.is_empty() => {
                    let _ = write!(said, " {}", String::from_utf8_lossy(&bytes));
                }
                Ok(_) => {}
                Err(error) => return Response::error(error.status(), &error.to_string()),
            }
            for (name, value) in body.trailers().iter() {
                let _ = write!(said, " +{name}={}", String::from_utf8_lossy(value));
            }
            Response::text(said)
        })
    }
}

/// A site whose server is to be tested, in the clear on port 80 and through TLS on port 443.
pub(crate) fn site() -> (Site, Authority) {
    let (site, authority) = (Site::new(), Authority::new());
    let wire = site.host(0);
    let options = Options { max_streams: 10, ..Options::default() };
    let plain = Server::new(wire.clone(), Rc::new(Says), options.clone());
    let secure = Server::new(wire.clone(), Rc::new(Says), options).with_tls(authority.server(
        "www0.test",
        2030,
        &["h2", "http/1.1"],
    ));
    for (server, port) in [(plain, 80), (secure, 443)] {
        let listener = wire.listen((Site::address(0), port).into()).unwrap();
        wire.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
    }
    (site, authority)
}

/// A client of the site that has said nothing yet.
pub(crate) async fn connect(site: &Site, authority: &Authority, secure: bool) -> Raw {
    let wire = site.client_wire.clone();
    if secure {
        Raw::connect_tls(wire, authority.client_config(&["h2"])).await
    } else {
        Raw::connect(wire).await
    }
}

/// What came back in the end.
#[derive(Debug)]
struct Seen {
    frames: Vec<Frame>,
    closed: bool,
}

/// Plays a conversation with a new server.
pub(crate) fn play<F, T: 'static>(talk: impl FnOnce(Site, Authority) -> F) -> T
where
    F: Future<Output = T> + 'static,
{
    let (site, authority) = site();
    let run = site.client_wire.clone();
    run.run(talk(site, authority))
}

impl Case {
    /// Plays it, and says what is not as it must be.
    pub(crate) fn check(&self, manner: Manner) -> Result<(), String> {
        let (steps, ends) = (self.steps.clone(), self.ends());
        let seen = play(move |site, authority| async move {
            let mut raw = connect(&site, &authority, manner.secure).await;
            raw.begin().await;
            let mut frames = act(&mut raw, &steps, manner.apart, &site).await;
            if ends {
                frames.extend(raw.rest().await);
            } else {
                // Whatever is to come has come by then.
                site.client_wire.sleep(Duration::from_secs(1)).await;
                raw.send(&[Frame::new(PING, 0, 0, PROBE)]).await;
                while let Some(frame) = raw.next().await {
                    if frame.kind == PING && frame.payload == PROBE {
                        return Seen { frames, closed: raw.is_closed() };
                    }
                    frames.push(frame);
                }
            }
            Seen { frames, closed: raw.is_closed() }
        });
        self.musts
            .iter()
            .try_for_each(|must| seen.check(*must))
            .and_then(|()| seen.check_standing(ends))
            .map_err(|why| {
                let Self { of, section, what, .. } = self;
                format!("{of} ({section}), {manner:?}: {what}: {why}; came: {}", seen.told())
            })
    }
}

/// Does the steps; gives the frames that were read meanwhile.
async fn act(raw: &mut Raw, steps: &[Step], apart: bool, site: &Site) -> Vec<Frame> {
    let (mut frames, mut waiting) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Send(frame) if apart => {
                raw.send(core::slice::from_ref(frame)).await;
                site.client_wire.sleep(Duration::from_millis(5)).await;
            }
            Step::Send(frame) => waiting.push(frame.clone()),
            Step::Await(stream) => {
                raw.send(&core::mem::take(&mut waiting)).await;
                frames.extend(raw.until_end_of(*stream).await);
            }
        }
    }
    raw.send(&waiting).await;
    frames
}

fn code(frame: &Frame) -> u32 {
    let at = if frame.kind == GOAWAY { 4 } else { 0 };
    u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap())
}

impl Seen {
    fn of(&self, stream: u32) -> impl Iterator<Item = &Frame> {
        self.frames.iter().filter(move |frame| frame.stream == stream)
    }

    fn check(&self, must: Must) -> Result<(), String> {
        let holds = match must {
            Must::Answer(stream, body) => return self.check_answer(stream, body),
            Must::Head(stream) => self.of(stream).any(|frame| frame.kind == HEADERS),
            Must::Pong(payload) => self.frames.iter().any(|frame| {
                frame.kind == PING && frame.flags & ACK != 0 && frame.payload == payload
            }),
            Must::NoPong => self.frames.iter().all(|frame| frame.kind != PING),
            Must::Acknowledged(number) => {
                let acks = |frame: &&Frame| frame.kind == SETTINGS && frame.flags & ACK != 0;
                self.frames.iter().filter(acks).count() == number
            }
            Must::Data(stream, lengths) => {
                let data = self.of(stream).filter(|frame| frame.kind == DATA);
                data.map(|frame| frame.payload.len()).eq(lengths.iter().copied())
            }
            Must::Sent(stream, bytes) => {
                let data = self.of(stream).filter(|frame| frame.kind == DATA);
                data.map(|frame| frame.payload.len()).sum::<usize>() == bytes
            }
            Must::Nothing(stream) => self.of(stream).next().is_none(),
            Must::Reset(stream, codes) => self
                .of(stream)
                .find(|frame| frame.kind == RST_STREAM)
                .is_some_and(|frame| codes.contains(&code(frame))),
            Must::End(expected) => self.closed && goaway(&self.frames) == Some(expected),
        };
        if holds { Ok(()) } else { Err(format!("expected {must:?}")) }
    }

    fn check_answer(&self, stream: u32, body: &str) -> Result<(), String> {
        let head = self.of(stream).find(|frame| frame.kind == HEADERS);
        // 0x88 is `:status: 200` of the static table (RFC 7541 appendix A).
        if head.is_none_or(|head| head.payload.first() != Some(&0x88)) {
            return Err(format!("no response of status 200 on stream {stream}"));
        }
        let data = self.of(stream).filter(|frame| frame.kind == DATA);
        let said: Vec<u8> = data.flat_map(|frame| frame.payload.clone()).collect();
        let said = String::from_utf8_lossy(&said);
        if said != body {
            return Err(format!("the body is {said:?} and not {body:?}"));
        }
        if !self.of(stream).any(|frame| frame.flags & END_STREAM != 0) {
            return Err("the response has no end".into());
        }
        Ok(())
    }

    /// What was not asked for must not have come either.
    fn check_standing(&self, ends: bool) -> Result<(), String> {
        let away = self.frames.iter().any(|frame| frame.kind == GOAWAY);
        if !ends && (away || self.closed) {
            return Err("the connection has ended".into());
        }
        Ok(())
    }

    fn told(&self) -> String {
        let told = self.frames.iter().map(|frame| {
            let code = match frame.kind {
                RST_STREAM | GOAWAY => format!(" code {}", code(frame)),
                _ => String::new(),
            };
            format!("type {} stream {} flags {}{code}", frame.kind, frame.stream, frame.flags)
        });
        let told: Vec<String> = told.collect();
        format!("[{}]{}", told.join(", "), if self.closed { ", the end" } else { "" })
    }
}
