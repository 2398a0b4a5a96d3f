//! The sequence diagram of a connection as text: both ends, their states, and the segments between
//! them.

use roundtrip_record::{Direction, Evidence, TcpSegment, TcpState, Time};

use crate::model::{Connection, Endpoint, Model, StateChange, Timed, TimedSegment};
use crate::style::{Options, Tone};
use crate::text::{bytes, clip, duration, grouped, left, right, width};

/// How much of a connection is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The handshake and the close.
    Ends,
    /// Every segment.
    Whole,
}

/// The diagrams of all connections.
pub fn sequence(model: &Model, options: &Options) -> String {
    model.language.speaking(|| diagrams(model, options))
}

fn diagrams(model: &Model, options: &Options) -> String {
    let mut text = String::new();
    for line in lines(model, options, Extent::Whole) {
        text.push_str(options.glyphs(line.trim_end()).as_str());
        text.push('\n');
    }
    if text.is_empty() { say!("no TCP connection is in this record\n").into() } else { text }
}

pub(crate) fn lines(model: &Model, options: &Options, extent: Extent) -> Vec<String> {
    let mut lines = Vec::new();
    for connection in &model.connections {
        if connection.client.is_none() && extent == Extent::Ends {
            continue;
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(diagram(model, connection, options, extent));
    }
    lines
}

/// A step of the diagram: what went which way, and the states that the ends enter with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiagramRow {
    /// When it was sent, or first seen.
    pub(crate) sent: Time,
    /// When it arrived at the other end; `None` if it did not, or the other end was not seen.
    pub(crate) received: Option<Time>,
    /// Whether the client sent it.
    pub(crate) from_client: bool,
    pub(crate) what: RowContent,
    /// The states that the client enters with this step, in order.
    pub(crate) client: Vec<TcpState>,
    /// The states that the server enters with this step, in order.
    pub(crate) server: Vec<TcpState>,
    /// The event of the sending.
    pub(crate) event: Option<roundtrip_record::EventId>,
    /// Whether it was lost: both ends were seen, and it did not arrive.
    pub(crate) lost: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowContent {
    /// One segment.
    Segment(TcpSegment),
    /// Several segments of data in one direction, and the acknowledgements that came back.
    Data { segments: usize, length: u64, acks: usize, again: usize },
    /// No segment: a state changed by a timer or by the application.
    State,
}

/// The steps of a connection, in the order of sending.
pub(crate) fn steps(connection: &Connection) -> Vec<DiagramRow> {
    let (client, server) = (connection.client.as_ref(), connection.server.as_ref());
    let mut steps = Vec::new();
    match (client, server) {
        (Some(client), Some(server)) => {
            steps.extend(flight(client, server, true));
            steps.extend(flight(server, client, false));
        }
        (Some(one), None) => steps.extend(alone(one, true)),
        (None, Some(one)) => steps.extend(alone(one, false)),
        (None, None) => {}
    }
    let settled = |end: Option<&Endpoint>| end.map_or(Vec::new(), settled);
    let (client_states, server_states) = (settled(client), settled(server));
    for (states, is_client) in [(&client_states, true), (&server_states, false)] {
        steps.extend(silent_changes(states, &steps, is_client));
    }
    steps.sort_by_key(|step| (step.sent, step.event));
    let mut at_client = PendingStates { changes: &client_states };
    let mut at_server = PendingStates { changes: &server_states };
    for step in &mut steps {
        let arrived = step.received.filter(|_| !step.lost);
        let (near, far) = if step.from_client {
            (&mut at_client, &mut at_server)
        } else {
            (&mut at_server, &mut at_client)
        };
        let sender = near.by_sending(step.sent);
        let receiver = arrived.map_or(Vec::new(), |at| far.by_receiving(at));
        (step.client, step.server) =
            if step.from_client { (sender, receiver) } else { (receiver, sender) };
    }
    steps
}

/// The state changes of one end, which are handed out one by one to the steps that caused them.
struct PendingStates<'a> {
    changes: &'a [Timed<StateChange>],
}

impl PendingStates<'_> {
    fn take(&mut self, mut wanted: impl FnMut(&Timed<StateChange>) -> bool) -> Vec<TcpState> {
        let count = self.changes.iter().take_while(|change| wanted(change)).count();
        let (taken, rest) = self.changes.split_at(count);
        self.changes = rest;
        taken.iter().map(|change| change.what.to).collect()
    }

    fn by_sending(&mut self, at: Time) -> Vec<TcpState> {
        self.take(|change| change.at <= at)
    }

    /// Takes the states entered by receiving a segment. A state entered at the same instant by
    /// sending belongs to the segment that is sent.
    fn by_receiving(&mut self, at: Time) -> Vec<TcpState> {
        let sends =
            |state| matches!(state, TcpState::SynSent | TcpState::FinWait1 | TcpState::LastAck);
        self.take(|change| change.at < at || (change.at == at && !sends(change.what.to)))
    }
}

/// The state changes of an end, each at the time of the segment that causes it (RFC 9293 §3.3.2,
/// figure 5), since a kernel shows a state only some time after it was entered. Changes that our
/// own stack performed, and those that no segment causes, keep their time.
fn settled(end: &Endpoint) -> Vec<Timed<StateChange>> {
    let mut rest = end.segments.as_slice();
    let mut finished = None;
    let mut states = end.states.clone();
    for change in states.iter_mut().filter(|change| change.what.how != Evidence::Performed) {
        let leads = |seen: &TimedSegment| leads_to(&change.what, &seen.what, finished);
        let Some(n) = rest.iter().position(leads) else { continue };
        let segment = &rest[n];
        if matches!(change.what.to, TcpState::FinWait1 | TcpState::LastAck) {
            let after = segment.what.seq.wrapping_add(segment.what.length).wrapping_add(1);
            finished = Some(after);
        }
        change.at = segment.at;
        // One segment can cause two changes, so it is looked at again for the next change.
        rest = &rest[n..];
    }
    states
}

/// Whether a segment causes this change; `finished` is the number that acknowledges the end's own
/// FIN.
fn leads_to(change: &StateChange, segment: &TcpSegment, finished: Option<u32>) -> bool {
    let sent = segment.direction == Direction::Sent;
    let has = |flag| segment.flags.has(flag);
    let acknowledges_fin = !sent && finished.is_some() && segment.ack == finished;
    match change.to {
        TcpState::SynSent => sent && has("SYN"),
        TcpState::SynReceived => !sent && has("SYN"),
        TcpState::Established => !sent && has("ACK"),
        TcpState::FinWait1 | TcpState::LastAck => sent && has("FIN"),
        TcpState::FinWait2 => acknowledges_fin,
        TcpState::CloseWait | TcpState::Closing => !sent && has("FIN"),
        TcpState::TimeWait => !sent && (has("FIN") || acknowledges_fin),
        // The end of `TIME_WAIT` is caused by a timer.
        TcpState::Closed if change.from == TcpState::TimeWait => false,
        TcpState::Closed => has("RST") || acknowledges_fin,
        TcpState::Listen => false,
    }
}

/// The segments that one end sent, each with the time at which it arrived at the other end.
fn flight(from: &Endpoint, to: &Endpoint, from_client: bool) -> Vec<DiagramRow> {
    let received: Vec<&TimedSegment> =
        to.segments.iter().filter(|seen| seen.what.direction == Direction::Received).collect();
    let mut taken = vec![false; received.len()];
    let mut first = 0;
    let sent = from.segments.iter().filter(|seen| seen.what.direction == Direction::Sent);
    sent.map(|seen| {
        while taken.get(first) == Some(&true) {
            first += 1;
        }
        let arrival = (first..received.len()).take(4096).find(|&n| {
            !taken[n] && received[n].at >= seen.at && same(&received[n].what, &seen.what)
        });
        if let Some(n) = arrival {
            taken[n] = true;
        }
        DiagramRow {
            sent: seen.at,
            received: arrival.map(|n| received[n].at),
            from_client,
            what: RowContent::Segment(seen.what.clone()),
            client: Vec::new(),
            server: Vec::new(),
            event: Some(seen.event),
            lost: arrival.is_none(),
        }
    })
    .collect()
}

/// Whether two sightings are of the same segment. The window is not compared: an end that does not
/// know the other's window scale reads another value.
fn same(a: &TcpSegment, b: &TcpSegment) -> bool {
    (a.seq, a.ack, a.flags, a.length, a.timestamps)
        == (b.seq, b.ack, b.flags, b.length, b.timestamps)
}

/// The steps as one end saw them, where the other was not seen.
fn alone(end: &Endpoint, is_client: bool) -> Vec<DiagramRow> {
    let steps = end.segments.iter().map(|seen| DiagramRow {
        sent: seen.at,
        received: Some(seen.at),
        from_client: (seen.what.direction == Direction::Sent) == is_client,
        what: RowContent::Segment(seen.what.clone()),
        client: Vec::new(),
        server: Vec::new(),
        event: Some(seen.event),
        lost: false,
    });
    steps.collect()
}

/// Changes of state at times when no segment was sent or received.
fn silent_changes(
    states: &[Timed<StateChange>],
    steps: &[DiagramRow],
    is_client: bool,
) -> Vec<DiagramRow> {
    let known = |at: Time| steps.iter().any(|step| step.sent == at || step.received == Some(at));
    let silent = states.iter().filter(|change| !known(change.at));
    silent
        .map(|change| DiagramRow {
            sent: change.at,
            received: None,
            from_client: is_client,
            what: RowContent::State,
            client: Vec::new(),
            server: Vec::new(),
            event: Some(change.event),
            lost: false,
        })
        .collect()
}

/// Joins runs of plain data segments and acknowledgements into one step each.
pub(crate) fn fold(steps: Vec<DiagramRow>) -> Vec<DiagramRow> {
    let mut folded: Vec<DiagramRow> = Vec::new();
    for step in steps {
        let plain = match &step.what {
            RowContent::Segment(segment) => {
                !step.lost && !["SYN", "FIN", "RST"].iter().any(|flag| segment.flags.has(flag))
            }
            _ => false,
        };
        let RowContent::Segment(segment) = &step.what else {
            folded.push(step);
            continue;
        };
        if !plain {
            folded.push(step);
            continue;
        }
        let data = segment.length > 0;
        let again = usize::from(segment.retransmission);
        match folded.last_mut() {
            Some(last)
                if matches!(last.what, RowContent::Data { .. })
                    && (!data || last.from_client == step.from_client) =>
            {
                if let RowContent::Data { segments, length, acks, again: repeated } = &mut last.what
                {
                    if data {
                        *segments += 1;
                        *length += u64::from(segment.length);
                        *repeated += again;
                    } else {
                        *acks += 1;
                    }
                }
                last.received = step.received.max(last.received);
                last.client.extend(step.client);
                last.server.extend(step.server);
            }
            _ if data => {
                let length = u64::from(segment.length);
                folded.push(DiagramRow {
                    what: RowContent::Data { segments: 1, length, acks: 0, again },
                    ..step
                });
            }
            _ => folded.push(step),
        }
    }
    folded
}

const STATE: usize = 12;

fn diagram(
    model: &Model,
    connection: &Connection,
    options: &Options,
    extent: Extent,
) -> Vec<String> {
    let mut lines = Vec::new();
    let columns = options.columns();
    let clock = 12;
    let room_for_arrow = columns.saturating_sub(2 + STATE + 3 + STATE + 1 + clock).clamp(16, 58);
    let end_name = |end: Option<&Endpoint>, fallback: String| {
        end.map_or(fallback, |end| {
            format!("{} {}", crate::text::clean(model.host_name(end.host)), end.local)
        })
    };
    let near = end_name(connection.client.as_ref(), say!("client").into());
    let remote = connection.server_address().map_or(say!("server").into(), |at| at.to_string());
    let far = end_name(connection.server.as_ref(), remote);
    let room = STATE + 3 + room_for_arrow + STATE;
    let gap = room.saturating_sub(width(&near) + width(&far)).max(2);
    lines.push(
        options.paint(Tone::Strong, &clip(&format!("  {near}{}{far}", " ".repeat(gap)), columns)),
    );
    let steps = steps(connection);
    let start = connection.span().start;
    let steps = match extent {
        Extent::Ends => fold(steps),
        Extent::Whole => steps,
    };
    if !connection.has_segments() {
        lines.extend(states_only(connection, options, start));
        return lines;
    }
    if columns < NARROW {
        lines.extend(narrow(&steps, connection, options, start));
        return lines;
    }
    let unseen = |end: Option<&Endpoint>| if end.is_none() { say!("(not seen)") } else { "" };
    let first = |end: Option<&Endpoint>| {
        let state = end.and_then(|end| end.states.first()).map(|change| change.what.from.name());
        state.unwrap_or_else(|| unseen(end))
    };
    lines.push(format!(
        "  {}{}{}",
        left(first(connection.client.as_ref()), STATE),
        " ".repeat(room_for_arrow + 3),
        right(first(connection.server.as_ref()), STATE)
    ));
    for step in &steps {
        // A state is written where it begins; of several at once, each has a line.
        let name = |states: &[TcpState], n: usize| states.get(n).map_or("", |state| state.name());
        let (near, far) = (name(&step.client, 0), name(&step.server, 0));
        let at = format!("+{}", duration(step.sent - start));
        let arrow = draw(step, connection, room_for_arrow);
        lines.push(format!(
            "  {} {arrow} {} {}",
            options.paint(Tone::Connect, &left(near, STATE)),
            options.paint(Tone::Connect, &right(far, STATE + 1)),
            options.paint(Tone::Faint, &right(&at, clock - 1)),
        ));
        for n in 1..step.client.len().max(step.server.len()) {
            lines.push(format!(
                "  {} {} {}",
                options.paint(Tone::Connect, &left(name(&step.client, n), STATE)),
                " ".repeat(width(&arrow)),
                options.paint(Tone::Connect, &right(name(&step.server, n), STATE + 1)),
            ));
        }
    }
    lines.extend(how_line(connection, options));
    lines
}

/// The least columns with which the two ends are drawn side by side.
const NARROW: usize = 72;

/// The diagram for narrow terminals: one line for each step, with the states entered below it.
fn narrow(
    steps: &[DiagramRow],
    connection: &Connection,
    options: &Options,
    start: Time,
) -> Vec<String> {
    let columns = options.columns();
    let mut lines = Vec::new();
    for step in steps {
        let way = match (&step.what, step.from_client) {
            (RowContent::State, _) => " ",
            (_, true) => "▶",
            (_, false) => "◀",
        };
        let lost = if step.lost { say!(" ✗ lost") } else { "" };
        let at = right(&format!("+{}", duration(step.sent - start)), 9);
        let text = format!("  {at} {way} {}{lost}", caption(step, connection));
        lines.push(clip(&text, columns));
        for (end, states) in [("client", &step.client), ("server", &step.server)] {
            for state in states {
                let line = format!("{}{end} {state}", " ".repeat(14));
                lines.push(options.paint(Tone::Connect, &clip(&line, columns)));
            }
        }
    }
    lines.extend(how_line(connection, options));
    lines
}

/// The arrow of a step: `── SYN seq=1 302 118 744 ──▶`, or to the left.
fn draw(step: &DiagramRow, connection: &Connection, columns: usize) -> String {
    let text = caption(step, connection);
    let lost = if step.lost { say!(" ✗ lost") } else { "" };
    let body = clip(&format!("{text}{lost}"), columns.saturating_sub(7));
    let fill = columns.saturating_sub(width(&body) + 7);
    match (&step.what, step.from_client) {
        (RowContent::State, _) => left(&clip(&body, columns), columns),
        (_, true) if step.lost => format!("── {body} {}  ·", " ".repeat(fill)),
        (_, true) => format!("── {body} {}──▶", "─".repeat(fill)),
        (_, false) if step.lost => format!("·  {} {body} ──", " ".repeat(fill)),
        (_, false) => format!("◀──{} {body} ──", "─".repeat(fill)),
    }
}

/// The label of a step, in the notation of textbooks.
pub(crate) fn caption(step: &DiagramRow, connection: &Connection) -> String {
    match &step.what {
        RowContent::Segment(segment) => segment_text(segment),
        RowContent::Data { segments, length, acks, again } => {
            let acks = if *acks > 0 {
                format!(", {}", crate::text::count(*acks, "ACK"))
            } else {
                String::new()
            };
            let again = if *again > 0 { say!(", {} sent again", again) } else { String::new() };
            say!(
                "{} in {}{}{}",
                bytes(*length),
                crate::text::count(*segments, "segment"),
                acks,
                again
            )
        }
        RowContent::State => {
            let end = if step.from_client { &connection.client } else { &connection.server };
            let mut timers = end.iter().flat_map(|end| &end.timers);
            let timer = timers.rfind(|timer| timer.at == step.sent);
            timer.map_or(String::new(), |timer| crate::names::timer(timer.what.timer).to_owned())
        }
    }
}

fn segment_text(segment: &TcpSegment) -> String {
    let mut flags = segment.flags.to_string();
    let syn = segment.flags.has("SYN");
    // SYN before ACK, as textbooks write it.
    if flags.is_empty() {
        flags = say!("no flags").into();
    }
    let mut text = flags;
    if syn || segment.flags.has("FIN") || segment.length > 0 || segment.flags.has("RST") {
        text += &format!(" seq={}", grouped(segment.seq.into()));
    }
    if let Some(ack) = segment.ack {
        text += &format!(" ack={}", grouped(ack.into()));
    }
    if segment.length > 0 {
        text += &format!(" {}", bytes(segment.length.into()));
    }
    if let Some(mss) = segment.mss {
        text += &format!(" mss={mss}");
    }
    if let Some(cookie) = &segment.fast_open {
        text += " ";
        text += &match cookie.as_str() {
            "" => say!("cookie wanted").to_owned(),
            cookie => say!("cookie {}", crate::text::clean(cookie)),
        };
    }
    if segment.window == 0 && !segment.flags.has("RST") {
        text += " win=0";
    }
    if segment.retransmission {
        text += " again";
    }
    if let Some(disposition) = &segment.disposition {
        text += &format!(" ({})", crate::text::clean(disposition));
    }
    text
}

/// The list of states, where no segments were seen; it says so.
fn states_only(connection: &Connection, options: &Options, start: Time) -> Vec<String> {
    let mut lines = Vec::new();
    for end in connection.ends() {
        for change in &end.states {
            let path = format!(
                "  {} → {}",
                left(change.what.from.name(), STATE),
                left(change.what.to.name(), STATE)
            );
            let at = right(&format!("+{}", duration(change.at - start)), 11);
            let line = format!("{path} {at}  {}", crate::names::how(&change.what.how));
            lines.push(clip(&line, options.columns()));
        }
    }
    lines.push(options.paint(
        Tone::Faint,
        &clip(say!("  segments are not visible on this wire"), options.columns()),
    ));
    lines
}

/// How the states of the ends are known.
fn how_line(connection: &Connection, options: &Options) -> Option<String> {
    let mut known: Vec<String> = Vec::new();
    for end in connection.ends() {
        for change in &end.states {
            let how = crate::names::how(&change.what.how);
            if !known.contains(&how) {
                known.push(how);
            }
        }
    }
    if known.is_empty() || known == ["performed"] {
        return None;
    }
    let line = say!("  states: {}", known.join(", "));
    Some(options.paint(Tone::Faint, &clip(&line, options.columns())))
}
