//! Writes a response.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::pin;
use std::fs::File;
use std::io;
use std::rc::Rc;

use bytes::{Buf as _, Bytes};
use futures_util::future::{Either, select};
use http::{Method, Version};
use roundtrip_record::{ConnectionId, EventId, Framing};
use roundtrip_wire::{Transport as _, Wire};

use super::input::Input;
use super::interim::Trailers;
use super::outcome::{Outcome, cut};
use super::response::{After, Response, is_bodyless};
use super::shared::Shared;
use super::upgrade::Upgrade;
use crate::Body;
use crate::message::{
    Fields, Head, ResponseHead, StatusLine, encode_chunk_size, encode_last_chunk, version_text,
};
use crate::reporter::{HeadReport, Reporter};

/// What is written together with what stands before it rather than on its own.
const SMALL: usize = 16 * 1024;
/// How much of a file is sent before the client must have taken some of it.
const FILE_PIECE: u64 = 256 * 1024;

/// What must be known of a request to answer it.
pub(crate) struct Asked<W: Wire> {
    /// Reports the exchange.
    pub(crate) reporter: Reporter<W>,
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// The request's event.
    pub(crate) event: Option<EventId>,
    pub(crate) connection: ConnectionId,
    /// The connection goes on as something else after the head.
    pub(crate) upgrades: bool,
    /// The connection goes on after the answer.
    pub(crate) keep: bool,
}

/// What was written.
pub(crate) struct Written {
    /// Bytes of body.
    pub(crate) body: u64,
    /// The connection may go on.
    pub(crate) keep: bool,
    /// The event of the answer's end.
    pub(crate) event: Option<EventId>,
    /// Why it is not whole, if it is not.
    pub(crate) failed: Option<io::Error>,
    /// What goes on with the connection.
    pub(crate) upgrade: Option<Upgrade>,
}

/// How a response goes out.
struct Plan {
    framing: Framing,
    /// The body is sent; it is not for HEAD, 204, 304.
    sends_body: bool,
    keep: bool,
}

impl Plan {
    fn new<W: Wire>(asked: &Asked<W>, response: &Response, rest_is_small: bool) -> Self {
        let bodyless = is_bodyless(response.status) || asked.upgrades;
        let new = asked.version >= Version::HTTP_11;
        let framing = match response.body.length() {
            _ if bodyless => Framing::None,
            // Only chunks can be followed by trailers.
            _ if new && !response.trailers.is_none() => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None if new => Framing::Chunked,
            None => Framing::Close,
        };
        let keep = asked.keep
            && rest_is_small
            && framing != Framing::Close
            && response.after == After::Keep;
        Self { framing, sends_body: !bodyless && asked.method != Method::HEAD, keep }
    }
}

/// Writes the whole response and reports it.
pub(crate) async fn send<W: Wire>(
    shared: &Shared<W>,
    input: &Rc<RefCell<Input<W>>>,
    asked: &Asked<W>,
    mut response: Response,
) -> Written {
    let plan = Plan::new(asked, &response, input.borrow().rest_is_small());
    let head_event = write_head(shared, input, asked, &plan, &response);
    let mut body = core::mem::take(&mut response.body);
    let trailers = core::mem::take(&mut response.trailers);
    let mut sent = 0;
    let result = if plan.sends_body {
        write_body(input, &plan, &mut body, trailers, &mut sent).await
    } else {
        Ok(Fields::new())
    };
    let (result, trailers) = match result {
        Ok(trailers) => (Ok(()), trailers),
        Err(error) => (Err(error), Fields::new()),
    };
    let result = match result {
        Ok(()) => poll_fn(|context| input.borrow_mut().poll_output(context)).await,
        Err(error) => Err(error),
    };
    let failed = result.err();
    let outcome = Outcome {
        connection: asked.connection,
        stream: None,
        version: asked.version,
        status: response.status,
        fields: &response.fields,
        framing: if plan.sends_body { plan.framing } else { Framing::None },
        sent,
        cut: failed.as_ref().map(cut),
        trailers: &trailers,
    };
    let event = outcome.report(&asked.reporter, head_event);
    Written { body: sent, keep: plan.keep && failed.is_none(), event, failed, upgrade: None }
}

/// Puts the head into the output and reports it.
fn write_head<W: Wire>(
    shared: &Shared<W>,
    input: &RefCell<Input<W>>,
    asked: &Asked<W>,
    plan: &Plan,
    response: &Response,
) -> Option<EventId> {
    let mut input = input.borrow_mut();
    input.answered = true;
    let out = &mut input.output;
    let start = out.len();
    let reason = response
        .reason
        .as_deref()
        .unwrap_or_else(|| response.status.canonical_reason().unwrap_or_default());
    let line = [
        version_text(Version::HTTP_11).as_bytes(),
        b" ",
        response.status.as_str().as_bytes(),
        b" ",
    ];
    for part in line {
        out.extend_from_slice(part);
    }
    out.extend(reason.bytes().map(|byte| if byte < b' ' || byte == 0x7f { b' ' } else { byte }));
    if !response.fields.contains("Date") {
        out.extend_from_slice(b"\r\nDate: ");
        shared.date(|date| out.extend_from_slice(date.as_bytes()));
    }
    if !shared.options.software.is_empty() && !response.fields.contains("Server") {
        out.extend_from_slice(b"\r\nServer: ");
        out.extend_from_slice(shared.options.software.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    response.fields.encode(out);
    write_framing(asked, plan, out);
    out.extend_from_slice(b"\r\n");
    let end = out.len();
    if !shared.wire.log().is_on() {
        return None;
    }
    let line = StatusLine {
        version: Version::HTTP_11,
        status: response.status,
        reason: reason.as_bytes().to_vec(),
    };
    let fields = fields_of(&input.output[start..end]);
    let head: ResponseHead = Head { line, fields, bytes: (end - start) as u64 };
    let report = HeadReport {
        connection: asked.connection,
        stream: None,
        head: &head,
        first_byte: shared.wire.now(),
        arrived: None,
        first_segment: None,
    };
    asked.reporter.head(asked.event, &report)
}

fn write_framing<W: Wire>(asked: &Asked<W>, plan: &Plan, out: &mut Vec<u8>) {
    use std::io::Write as _;
    match plan.framing {
        // Writing to memory does not fail.
        Framing::Length(length) => drop(write!(out, "Content-Length: {length}\r\n")),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        _ => {}
    }
    if asked.upgrades {
        if asked.method != Method::CONNECT {
            out.extend_from_slice(b"Connection: Upgrade\r\n");
        }
    } else if !plan.keep {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if asked.version < Version::HTTP_11 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
}

/// The fields of a head that we wrote.
fn fields_of(head: &[u8]) -> Fields {
    use crate::message::{HeadDecoder, Limits, StatusLine};
    let limits = Limits { head: usize::MAX / 2, fields: usize::MAX, ..Limits::CLIENT };
    match HeadDecoder::<StatusLine>::new(limits).feed(head) {
        Ok(fed) => fed.done.map(|head| head.fields).unwrap_or_default(),
        Err(_) => Fields::new(),
    }
}

async fn write_body<W: Wire>(
    input: &Rc<RefCell<Input<W>>>,
    plan: &Plan,
    body: &mut Body,
    trailers: Trailers,
    sent: &mut u64,
) -> io::Result<Fields> {
    let chunked = plan.framing == Framing::Chunked;
    if let Some(bytes) = body.as_bytes().filter(|bytes| bytes.len() <= SMALL && !chunked) {
        input.borrow_mut().output.extend_from_slice(bytes);
        *sent += bytes.len() as u64;
        return Ok(Fields::new());
    }
    loop {
        if !chunked && let Some((file, offset, length)) = body.take_file() {
            write_file(input, &file, offset, length, sent).await?;
            continue;
        }
        let Some(chunk) = body.chunk().await else { break };
        let mut chunk = chunk?;
        let length = chunk.len();
        if chunked {
            encode_chunk_size(length as u64, &mut input.borrow_mut().output);
        }
        write(input, &mut chunk).await?;
        *sent += length as u64;
        if chunked {
            input.borrow_mut().output.extend_from_slice(b"\r\n");
        }
    }
    if !chunked {
        return Ok(Fields::new());
    }
    let trailers = trailers.fields().await;
    encode_last_chunk(&trailers, &mut input.borrow_mut().output);
    Ok(trailers)
}

/// Writes a piece: copied behind what waits to be written where it is small, its beginning otherwise.
async fn write<W: Wire>(input: &RefCell<Input<W>>, chunk: &mut Bytes) -> io::Result<()> {
    if chunk.len() <= SMALL {
        input.borrow_mut().output.extend_from_slice(chunk);
        chunk.clear();
        return poll_fn(|context| input.borrow_mut().poll_output(context)).await;
    }
    if !input.borrow().output.is_empty() {
        // What is to go before it, the head most often, is no segment of its own.
        let first = chunk.split_to(SMALL);
        input.borrow_mut().output.extend_from_slice(&first);
    }
    poll_fn(|context| input.borrow_mut().poll_write(chunk, context)).await
}

/// Sends a range of a file: its first bytes together with the head, so that no small segment goes
/// ahead, and the rest without going through our memory where the wire can do that.
async fn write_file<W: Wire>(
    input: &Rc<RefCell<Input<W>>>,
    file: &Rc<File>,
    mut offset: u64,
    length: u64,
    sent: &mut u64,
) -> io::Result<()> {
    let end = offset + length;
    let first = length.min(SMALL as u64);
    let part = crate::Part::File { file: Rc::clone(file), offset, length: first };
    let mut start = Body::from(part);
    while let Some(chunk) = start.chunk().await {
        let mut chunk = chunk?;
        offset += chunk.len() as u64;
        *sent += chunk.len() as u64;
        if offset < end {
            input.borrow_mut().output.extend_from_slice(&chunk);
            chunk.advance(chunk.len());
            poll_fn(|context| input.borrow_mut().poll_output(context)).await?;
        } else {
            input.borrow_mut().output.extend_from_slice(&chunk);
        }
    }
    while offset < end {
        let piece = (end - offset).min(FILE_PIECE);
        let got = send_piece(input, file, offset, piece).await?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        offset += got;
        *sent += got;
    }
    Ok(())
}

async fn send_piece<W: Wire>(
    input: &RefCell<Input<W>>,
    file: &File,
    offset: u64,
    length: u64,
) -> io::Result<u64> {
    let (channel, late) = {
        let mut input = input.borrow_mut();
        (input.lend(), input.write_deadline())
    };
    let Some(mut channel) = channel else { return Err(io::ErrorKind::ResourceBusy.into()) };
    let result = match select(pin!(channel.send_file(file, offset, length)), pin!(late)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    input.borrow_mut().give_back(channel);
    result
}
