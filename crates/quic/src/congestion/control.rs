//! The controller that a connection has: windows, recovery periods, slow start.

use core::any::Any;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use quinn_proto::RttEstimator;
use quinn_proto::congestion::{Controller, ControllerFactory, ControllerMetrics};
use roundtrip_record::CongestionPhase;

use super::algorithm::Algorithm;
use super::cubic::Cubic;
use super::hystart::HyStart;
use super::reno::Reno;
use crate::notes::{Note, Notes, Sample};

/// Packets that the window has at least (RFC 9002 §7.2).
const LEAST: u64 = 2;

/// Makes a controller for each path.
#[derive(Debug)]
pub(crate) struct Factory {
    pub(crate) algorithm: Algorithm,
    /// Packets of the first window.
    pub(crate) packets: u32,
    pub(crate) notes: Notes,
}

impl ControllerFactory for Factory {
    fn build(self: Arc<Self>, _: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let packet = u64::from(current_mtu);
        let initial = u64::from(self.packets).max(LEAST) * packet;
        Box::new(Control {
            avoidance: match self.algorithm {
                Algorithm::Cubic => Avoidance::Cubic(Cubic::default()),
                Algorithm::NewReno => Avoidance::NewReno(Reno::default()),
            },
            start: HyStart::default(),
            packet,
            initial,
            window: initial,
            threshold: None,
            recovering: None,
            sent: 0,
            in_flight: 0,
            round_trip: None,
            told: None,
            notes: self.notes.clone(),
        })
    }
}

/// How the window grows once slow start is over.
#[derive(Clone, Debug)]
enum Avoidance {
    Cubic(Cubic),
    NewReno(Reno),
}

#[derive(Clone, Debug)]
struct Control {
    avoidance: Avoidance,
    start: HyStart,
    /// Bytes of a packet.
    packet: u64,
    initial: u64,
    window: u64,
    /// Where slow start ends; `None` while that is not known.
    threshold: Option<u64>,
    /// What was sent until then belongs to the latest loss.
    recovering: Option<Instant>,
    /// The number of the latest packet.
    sent: u64,
    in_flight: u64,
    round_trip: Option<Duration>,
    /// The window and the phase that were told last.
    told: Option<(u64, CongestionPhase)>,
    notes: Notes,
}

impl Control {
    fn is_starting(&self) -> bool {
        self.threshold.is_none_or(|threshold| self.window < threshold)
    }

    fn tell(&mut self, phase: CongestionPhase) {
        if self.told.replace((self.window, phase)) == Some((self.window, phase)) {
            return;
        }
        self.notes.add(|| {
            Note::Congestion(Sample {
                phase,
                window: self.window,
                threshold: self.threshold,
                in_flight: self.in_flight,
                round_trip: self.round_trip,
            })
        });
    }
}

impl Controller for Control {
    fn on_sent(&mut self, _: Instant, _: u64, last_packet_number: u64) {
        self.sent = last_packet_number;
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.round_trip = Some(rtt.get());
        // RFC 9002 §7.3.2, and §7.8: a window that was not used does not grow.
        if app_limited || self.recovering.is_some_and(|since| sent <= since) {
            return;
        }
        if self.is_starting() {
            self.start.sample(now.saturating_duration_since(sent));
            self.window += self.start.growth(bytes);
            if let Some(threshold) = self.threshold {
                self.window = self.window.min(threshold);
            }
            return;
        }
        let (window, packet) = (self.window, self.packet);
        self.window += match &mut self.avoidance {
            Avoidance::Cubic(cubic) => cubic.growth(now, window, bytes, packet, rtt.get()),
            Avoidance::NewReno(reno) => reno.growth(window, bytes, packet),
        };
    }

    fn on_end_acks(
        &mut self,
        _: Instant,
        in_flight: u64,
        _: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.in_flight = in_flight;
        let starting = self.is_starting();
        if let Some(largest) = largest_packet_num_acked
            && starting
            && self.start.acknowledged(largest, self.sent)
        {
            self.threshold = Some(self.window);
        }
        let phase = if starting { CongestionPhase::SlowStart } else { CongestionPhase::Avoidance };
        self.tell(phase);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        if lost_bytes > 0 {
            let persistent = is_persistent_congestion;
            self.notes.add(|| Note::Lost { bytes: lost_bytes, persistent });
        }
        let least = LEAST * self.packet;
        let new = self.recovering.is_none_or(|since| sent > since);
        if new {
            self.recovering = Some(now);
            let reduced = match &mut self.avoidance {
                Avoidance::Cubic(cubic) => cubic.reduced(self.window),
                Avoidance::NewReno(reno) => reno.reduced(self.window),
            };
            self.window = reduced.max(least);
            self.threshold = Some(self.window);
        }
        if is_persistent_congestion {
            // RFC 9002 §7.6.2.
            self.recovering = None;
            self.window = least;
            if let Avoidance::Cubic(cubic) = &mut self.avoidance {
                cubic.forget();
            }
        }
        if new || is_persistent_congestion {
            let phase = match (is_persistent_congestion, lost_bytes) {
                (true, _) => CongestionPhase::Loss,
                (false, 0) => CongestionPhase::Reduction,
                (false, _) => CongestionPhase::Recovery,
            };
            self.tell(phase);
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.packet = u64::from(new_mtu);
        self.window = self.window.max(LEAST * self.packet);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = ControllerMetrics::default();
        metrics.congestion_window = self.window;
        metrics.ssthresh = self.threshold;
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.initial
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
