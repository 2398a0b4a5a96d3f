//! Chrome's log of its network, `NetLog` (`--log-net-log=FILE`, `chrome://net-export`): what a HAR lacks is in it, such as
//! sockets that were opened ahead, each address that was tried, streams, proxies. All numbers in it are explained by its own
//! constants; ours are the names alone (`net/log/net_log_event_type_list.h` of Chromium).
//!
//! A log is read once, event by event ([`read`]), into [`requests`](request) and the [`sockets`](socket) that carried them;
//! then all of it becomes a record ([`emit`]). A log that breaks off, since the browser was ended first, is read up to there.

mod carriage;
mod constants;
mod emit;
mod event;
mod message;
mod opening;
mod plan;
mod read;
mod request;
mod socket;
mod state;

use roundtrip_record::{ImportedFile, Log};

use crate::error::ImportError;
use crate::input::Input;
use crate::json::Json;
use crate::notes::Notes;
use crate::options::Imported;
use crate::run::{self, Run};
use crate::text::Text;
use emit::Emitter;
use plan::Plan;

pub use carriage::{Carriage, carriages};

/// Whether a file with these first bytes is a `NetLog`: an object that begins with its constants.
pub(crate) fn is_netlog(begin: &[u8]) -> bool {
    let text = begin.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(begin).trim_ascii_start();
    let Some(inside) = text.strip_prefix(b"{") else { return false };
    inside.trim_ascii_start().starts_with(b"\"constants\"")
}

/// Reads a `NetLog` into `log`.
pub(crate) fn import(input: Input, log: &Log) -> Result<Imported, ImportError> {
    let mut notes = Notes::default();
    let mut json = Json::new(Text::new(input));
    let (constants, mut seen) = read::log(&mut json, log, &mut notes)?;
    let path = json.input().input().path().to_owned();
    let digest = json.input().input().digest()?;
    seen.settle();
    seen.leave_out_the_browsers_own(&mut notes);
    let Some(first) = seen.first() else {
        return Err(ImportError::Nothing {
            path,
            why: "no request for http or https is in it".into(),
        });
    };
    let hops = seen.hops();
    let document = emit::document(&hops);
    let run = Run {
        subject: document.map(|n| hops[n].0.url.clone()).unwrap_or_default(),
        source: format!("NetLog, {}", constants.client).trim_end_matches(", ").to_owned(),
        digest,
        epoch: constants.wall(first),
        file: ImportedFile {
            format: "NetLog".into(),
            writer: constants.client.clone(),
            browser: constants.client.clone(),
            archive: None,
            entries: None,
        },
        unseen: run::unseen(
            "packets, retransmissions, the other end; times are whole milliseconds",
            "a capture of the same visit (roundtrip import FILE.pcapng --keys FILE)",
        ),
    };
    run.begin(log);
    let plan = Plan::new(log, &constants, &seen, first);
    let mut emitter = Emitter::new(plan, &mut notes, &hops, document);
    emitter.connections();
    for n in 0..hops.len() {
        emitter.hop(n);
    }
    let (latest, exit) = emitter.finish();
    Ok(run::end(log, &notes, latest, exit, hops.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netlog_begins_with_its_constants() {
        for text in [
            "{\"constants\":{",
            "{ \"constants\" : {",
            "\u{feff}{\n\"constants\": {}",
            " {\"constants\"",
        ] {
            assert!(is_netlog(text.as_bytes()), "{text}");
        }
        for text in ["{\"log\":{", "{\"constant", "\"constants\"", ""] {
            assert!(!is_netlog(text.as_bytes()), "{text}");
        }
    }
}
