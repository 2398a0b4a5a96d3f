//! `Stop`: whether somebody asks the sweep to end.

use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use roundtrip_os::{Asked, Signals};

/// The exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether somebody asks the sweep to end, and who.
pub(crate) struct Stop;

static FLAG: AtomicBool = AtomicBool::new(false);
static WHO: AtomicU8 = AtomicU8::new(0);

impl Stop {
    /// Begins to listen. Where signals cannot be had, they end the process as they would without us: what
    /// it had written to its checkpoint stays.
    pub(crate) fn listen() -> Self {
        std::thread::spawn(|| {
            roundtrip_os::run(async {
                let Ok(mut signals) = Signals::listen() else { return };
                let who = signals.next().await;
                WHO.store(number(who), Ordering::Relaxed);
                FLAG.store(true, Ordering::Relaxed);
                // Who asks twice does not want to wait for the cells that are under way.
                signals.next().await;
                exit(i32::from(INTERRUPTED));
            })
        });
        Self
    }

    /// Is true once somebody has asked.
    #[allow(clippy::unused_self, reason = "whoever has it has begun to listen")]
    pub(crate) fn flag(&self) -> &'static AtomicBool {
        &FLAG
    }

    /// Who asked.
    #[allow(clippy::unused_self, reason = "likewise")]
    pub(crate) fn asked(&self) -> Option<Asked> {
        let all = [Asked::Interrupt, Asked::Terminate];
        all.into_iter().find(|who| number(*who) == WHO.load(Ordering::Relaxed))
    }
}

const fn number(who: Asked) -> u8 {
    match who {
        Asked::Interrupt => 1,
        Asked::Terminate => 2,
    }
}
