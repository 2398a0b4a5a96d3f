//! Captures of packets, pcap and pcapng: connections, lookups and exchanges as the packets show
//! them. Every event has the packet that shows it for its cause.
//!
//! A capture is read twice: once for its digest and the keys it holds, which may stand behind the
//! packets that need them ([`survey`]), and once packet by packet ([`reading`]). Frames go into the
//! record's own capture; [`link`], [`tunnel`] and [`pieces`] lead to what they carry; [`flows`]
//! holds the TCP connections, [`flow`] follows one, [`stream`] puts its bytes in order, [`tls`]
//! opens them, and [`http1`] and [`http2`] read messages into [`talk`]s; [`quic`] follows QUIC, whose streams
//! [`http3`] reads.

mod dns;
mod file;
mod flow;
mod flows;
mod hpack;
mod http1;
mod http2;
mod http3;
mod keys;
mod link;
mod ordered;
#[cfg(test)]
mod peers;
mod pieces;
mod protect;
mod quic;
mod reading;
mod section;
mod secured;
mod stream;
mod survey;
mod talk;
mod tls;
mod tunnel;

use roundtrip_record::Log;

use crate::error::ImportError;
use crate::input::Input;
use crate::options::{Imported, Options};
use file::Block;
use reading::Reading;
use survey::Survey;

pub(crate) use file::is_capture;
pub(crate) use protect::suite_name;
pub(crate) use secured::group;

/// Reads a capture into `log`.
pub(crate) fn import(input: Input, options: &Options, log: &Log) -> Result<Imported, ImportError> {
    let origin = input.origin().clone();
    let path = &origin.path;
    let mut survey = Survey::of(input)?;
    for keys in &options.keys {
        let log =
            std::fs::read(keys).map_err(|source| ImportError::Io { path: keys.clone(), source })?;
        survey.keys.add(&log);
    }
    if survey.packets == 0 {
        return Err(ImportError::Nothing { path: path.clone(), why: "it has no packets".into() });
    }
    let mut reading = Reading::begin(log, &survey, path);
    let mut file = survey::open(Input::again(path)?)?;
    loop {
        match file.next() {
            Ok(Some(Block::Packet(packet))) => reading.packet(&packet, &survey),
            Ok(Some(Block::Keys(_))) => {}
            Ok(None) => break,
            Err(error) => return Err(survey::wrong(&origin, file.offset, error)),
        }
    }
    if file.cut {
        reading.notes.add("the file ends in the middle of a block");
    }
    reading.notes.add_many("comments of packets were passed over", file.comments);
    Ok(reading.end(&survey))
}
