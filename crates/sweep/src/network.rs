//! `Network`: one that visits of a sweep go over, with the name that results have for it.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use roundtrip_lab::{Direction, Net, NetError};

use crate::digest::{Digest, Hash};

/// A network of a sweep.
#[derive(Clone, Debug)]
pub struct Network {
    /// What it is called in the results. All draws from a population have the population's name.
    pub name: String,
    /// Which draw from a population it is, from 0; `None` for one that is described.
    pub draw: Option<u32>,
    /// The network.
    pub net: Net,
    /// What it is, with the content of the traces that it names.
    pub(crate) digest: Hash,
}

impl Network {
    /// Reads a description as `--net` takes it. Files that it names are looked for from `folder` on.
    ///
    /// # Errors
    /// When it is no description of a network, or a trace cannot be read.
    pub fn read(name: Option<&str>, text: &str, folder: &Path) -> Result<Self, NetError> {
        let traces = RefCell::new(Digest::default());
        let read = |file: &str| -> io::Result<String> {
            let text = std::fs::read_to_string(folder.join(file))?;
            traces.replace_with(|digest| core::mem::take(digest).with(&text));
            Ok(text)
        };
        let net = Net::parse(text, &read)?;
        let told = net.to_string();
        let digest = Digest::default().with(&told).with(traces.into_inner().finish()).finish();
        Ok(Self { name: name.map_or(told, str::to_owned), draw: None, net, digest })
    }

    /// The mean rate of a direction in Mbit/s; `None` if it is unlimited.
    pub(crate) fn megabits(&self, direction: Direction) -> Option<f64> {
        self.net.conditions(direction).rate.mean().map(|bits| bits as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_beside_the_plan_and_decides() {
        let folder = tempfile::tempdir().expect("a folder");
        let digest = |trace: &str| {
            std::fs::write(folder.path().join("lift.trace"), trace).expect("a file");
            let net = "rtt=40ms,down-trace=lift.trace,up=5Mbit";
            Network::read(Some("lift"), net, folder.path()).expect("a network").digest
        };
        assert_ne!(digest("1\n2\n3\n"), digest("1\n2\n4\n"));
        assert!(Network::read(None, "rtt=40ms,trace=none", folder.path()).is_err());
    }
}
