//! The shapes that a description names by a word or a number: queues, disciplines, distributions.

use crate::shape::{CoDel, Discipline, Distribution, FqCoDel, Queue};
use crate::unit::{self, Read};

const QUEUE: &str =
    "packets or bytes are wanted, at least one packet or one frame of 1514 bytes: 100p or 64kB";
const DISCIPLINE: &str = "droptail, codel or fq_codel is wanted";
const DISTRIBUTION: &str = "uniform or normal is wanted";

/// An Ethernet frame of the usual MTU: a queue that cannot hold one would stop the traffic.
const FRAME: u64 = 1514;

pub(crate) fn queue(text: &str) -> Read<Queue> {
    if let Some(packets) = text.strip_suffix('p') {
        let packets = packets.parse().ok().filter(|packets| *packets > 0);
        return packets.map(Queue::Packets).ok_or(QUEUE);
    }
    unit::bytes(text).filter(|bytes| *bytes >= FRAME).map(Queue::Bytes).ok_or(QUEUE)
}

pub(crate) fn discipline(text: &str) -> Read<Discipline> {
    let known = [
        Discipline::DropTail,
        Discipline::CoDel(CoDel::LINUX),
        Discipline::FqCoDel(FqCoDel::LINUX),
    ];
    // `fq-codel` is read too, for those who do not know the spelling of `tc`.
    let text = text.replace('-', "_");
    let found = known.into_iter().find(|discipline| discipline.name().eq_ignore_ascii_case(&text));
    found.ok_or(DISCIPLINE)
}

pub(crate) fn distribution(text: &str) -> Read<Distribution> {
    match text {
        "uniform" => Ok(Distribution::Uniform),
        "normal" => Ok(Distribution::Normal),
        _ => Err(DISTRIBUTION),
    }
}

pub(crate) fn write_queue(queue: Queue) -> String {
    match queue {
        Queue::Unlimited => "4294967295p".into(),
        Queue::Packets(packets) => format!("{packets}p"),
        Queue::Bytes(bytes) => unit::write_bytes(bytes),
    }
}
