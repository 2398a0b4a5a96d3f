//! The acknowledgement policy (RFC 9293 §3.8.6.3, RFC 5681 §4.2), as in Linux: quick at the start,
//! delayed later, and quick again after trouble.

use roundtrip_packet::SeqNumber;

use crate::clock::{Deadline, Now, micros};
use crate::profile::Profile;

/// The acknowledgement policy of a receiver (`struct inet_connection_sock`, `icsk_ack`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckPolicy {
    /// Whether an acknowledgement is owed (`ICSK_ACK_SCHED`).
    pub(crate) owed: bool,
    /// Whether the acknowledgement must be sent at once, because the protocol requires it
    /// (`ICSK_ACK_NOW`).
    pub(crate) urgent: bool,
    /// Whether the acknowledgement reports that there was no memory for the data
    /// (`ICSK_ACK_NOMEM`).
    pub(crate) no_memory: bool,
    /// Whether it was decided to send an acknowledgement now.
    pub(crate) due: bool,
    /// Whether to send an acknowledgement is to be decided once pending data has been sent.
    pub(crate) undecided: bool,
    /// Whether a small segment, or one with PSH, has come (`ICSK_ACK_PUSHED`), and a second one
    /// (`ICSK_ACK_PUSHED2`).
    pub(crate) pushed: bool,
    pub(crate) pushed_twice: bool,
    /// The number of acknowledgements that will not be delayed.
    pub(crate) quick: u8,
    /// The number of replies sent soon after data came: a sign of an interactive conversation
    /// (`pingpong`).
    pingpong: u8,
    /// The delay of a delayed acknowledgement, ticks; 0 before the first data.
    ato: u32,
    /// When data last arrived, ticks.
    last_data: u32,
    /// When the delayed acknowledgement is sent.
    timer: Deadline,
    /// The same in ticks, before rounding by the timer.
    expires: u32,
    /// The estimated segment size of the peer, bytes.
    pub(crate) rcv_mss: u32,
    last_size: u32,
    /// Duplicate acknowledgements sent for this RCV.NXT, and how many were withheld since.
    duplicates_of: SeqNumber,
    duplicates: u8,
    withheld: u8,
    withheld_until: Deadline,
}

/// What the decision about an acknowledgement depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) rcv_nxt: SeqNumber,
    /// Bytes received since the last acknowledgement was sent.
    pub(crate) unacknowledged: u32,
    /// Whether the window that could be offered is no smaller than the last one.
    pub(crate) window_moves: bool,
    /// Whether data is missing in the sequence.
    pub(crate) out_of_order: bool,
    pub(crate) sack: bool,
    /// Eight times the round-trip time, µs, as measured by the sender and by the receiver; 0 if
    /// unknown.
    pub(crate) srtt8_us: u32,
    pub(crate) rcv_rtt8_us: u32,
}

impl AckPolicy {
    pub(crate) fn new(rcv_mss: u32, now: Now) -> AckPolicy {
        AckPolicy {
            owed: false,
            urgent: false,
            no_memory: false,
            due: false,
            undecided: false,
            pushed: false,
            pushed_twice: false,
            quick: 0,
            pingpong: 0,
            ato: 0,
            last_data: now.ticks,
            timer: Deadline::NONE,
            expires: 0,
            rcv_mss,
            last_size: 0,
            duplicates_of: SeqNumber(0),
            duplicates: 0,
            withheld: 0,
            withheld_until: Deadline::NONE,
        }
    }

    /// Notes that data arrived in order (`tcp_event_data_recv`).
    pub(crate) fn on_data(&mut self, window: u32, rto_us: u64, now: Now, profile: &Profile) {
        self.owed = true;
        let least = ato_min(profile);
        let rto = profile.tick.count(rto_us);
        if self.ato == 0 {
            // At the first data, acknowledge quickly, so that the peer's window opens.
            self.add_quick(window, profile.quick_acks);
            self.ato = least;
        } else {
            let gap = now.ticks.wrapping_sub(self.last_data);
            if gap <= least / 2 {
                self.ato = self.ato / 2 + least / 2;
            } else if gap < self.ato {
                self.ato = (self.ato / 2 + gap).min(rto);
            } else if gap > rto {
                // The peer seems to wait for acknowledgements.
                self.add_quick(window, profile.quick_acks);
            }
        }
        self.last_data = now.ticks;
    }

    /// Estimates the peer's segment size (`tcp_measure_rcv_mss`). Answers whether it grew.
    pub(crate) fn measure(&mut self, len: u32, options: u32, push: bool, advmss: u32) -> bool {
        let last = std::mem::take(&mut self.last_size);
        if len >= self.rcv_mss {
            let grew = len != self.rcv_mss;
            self.rcv_mss = len.min(advmss.max(1));
            self.pushed |= push;
            return grew;
        }
        // The size as it would be without the SACK blocks that made this segment smaller; 536 and
        // 88 are the kernel's bounds for what can be a full one.
        let whole = len + options;
        if whole >= 536 || (whole >= 88 && !push) {
            let size = (len + options).saturating_sub(12.min(options));
            self.last_size = size;
            if size == last {
                self.rcv_mss = size.max(1);
                return false;
            }
        }
        self.pushed_twice |= self.pushed;
        self.pushed = true;
        false
    }

    /// Allows as many quick acknowledgements as half a window has segments, at most `most`
    /// (`tcp_incr_quickack`).
    fn add_quick(&mut self, window: u32, most: u8) {
        let quick = (window / (2 * self.rcv_mss.max(1))).max(2).min(u32::from(most)) as u8;
        self.quick = self.quick.max(quick);
    }

    /// Acknowledges quickly for a while, because something went wrong (`tcp_enter_quickack_mode`).
    pub(crate) fn enter_quick_ack(&mut self, window: u32, most: u8, profile: &Profile) {
        self.add_quick(window, most.min(profile.quick_acks.max(2)));
        self.pingpong = 0;
        self.ato = ato_min(profile);
    }

    /// Enters the interactive mode after the peer's FIN: what we send then is a reply
    /// (`inet_csk_enter_pingpong_mode`).
    pub(crate) fn enter_interactive(&mut self, profile: &Profile) {
        self.pingpong = profile.pingpong_threshold;
    }

    /// Puts the acknowledgement off for data that is about to be written, no longer than any
    /// (`tcp_rcv_synsent_state_process`).
    pub(crate) fn await_write(&mut self, window: u32, now: Now, profile: &Profile) {
        self.owed = true;
        self.enter_quick_ack(window, 16, profile);
        let most = delack_max(profile);
        self.timer = Deadline::at(profile.tick.expiry(now, u64::from(most) * profile.tick.us()));
        self.expires = now.ticks.wrapping_add(most);
    }

    /// Leaves the interactive mode (`inet_csk_exit_pingpong_mode`).
    pub(crate) fn leave_interactive(&mut self) {
        self.pingpong = 0;
    }

    /// Notes that data is sent, which counts as a reply if data came a short time ago
    /// (`tcp_event_data_sent`).
    pub(crate) fn on_data_sent(&mut self, now: Now) {
        if now.ticks.wrapping_sub(self.last_data) < self.ato {
            self.pingpong = self.pingpong.saturating_add(1);
        }
    }

    fn is_interactive(&self, profile: &Profile) -> bool {
        self.pingpong >= profile.pingpong_threshold
    }

    /// Notes that an acknowledgement was sent, alone or with data (`tcp_event_ack_sent`).
    pub(crate) fn on_ack_sent(&mut self, profile: &Profile) {
        if self.quick > 0 && self.owed {
            self.quick -= 1;
            if self.quick == 0 {
                self.ato = ato_min(profile);
            }
        }
        self.owed = false;
        self.urgent = false;
        self.no_memory = false;
        self.due = false;
        self.undecided = false;
        self.pushed = false;
        self.pushed_twice = false;
        self.timer = Deadline::NONE;
        self.withheld = 0;
        self.withheld_until = Deadline::NONE;
    }

    /// Decides whether an owed acknowledgement is sent now, delayed or withheld
    /// (`__tcp_ack_snd_check`).
    pub(crate) fn decide(&mut self, at: &Situation, now: Now, profile: &Profile) {
        self.undecided = false;
        if !self.owed {
            return;
        }
        let two_segments = at.unacknowledged > self.rcv_mss && at.window_moves;
        let quickly = self.quick > 0 && !self.is_interactive(profile);
        if two_segments || quickly || self.urgent {
            self.due = true;
        } else if !at.out_of_order {
            self.delay(at, now, profile);
        } else {
            self.withhold(at, now, profile);
        }
    }

    /// Sends the first duplicate acknowledgements for missing data at once and thins out later
    /// ones, since their SACK blocks supersede each other.
    fn withhold(&mut self, at: &Situation, now: Now, profile: &Profile) {
        if !at.sack || self.withheld >= profile.comp_sack_count {
            self.due = true;
            return;
        }
        if self.duplicates_of != at.rcv_nxt {
            self.duplicates_of = at.rcv_nxt;
            self.duplicates = 0;
        }
        if self.duplicates < profile.comp_sack_threshold {
            self.duplicates += 1;
            self.due = true;
            return;
        }
        self.withheld += 1;
        if self.withheld_until != Deadline::NONE {
            return;
        }
        let mut rtt8 = at.rcv_rtt8_us;
        if at.srtt8_us > 0 && at.srtt8_us < rtt8 {
            rtt8 = at.srtt8_us;
        }
        // A twentieth of the round trip, to the nanosecond.
        let delay_ns = (u64::from(rtt8) * 125 / 20).min(profile.comp_sack_delay.as_nanos() as u64);
        self.withheld_until = Deadline::at(now.time + std::time::Duration::from_nanos(delay_ns));
    }

    /// Whether duplicate acknowledgements are being withheld.
    pub(crate) fn withholds(&self) -> bool {
        self.withheld > 0
    }

    /// Delays the acknowledgement (`tcp_send_delayed_ack`).
    fn delay(&mut self, at: &Situation, now: Now, profile: &Profile) {
        let tick = profile.tick;
        let (least, most) = (ato_min(profile), delack_max(profile));
        let mut ato = self.ato;
        if ato > least {
            let patient = self.is_interactive(profile) || self.pushed;
            let mut bound = if patient { most } else { tick.hz / 2 };
            if at.srtt8_us > 0 {
                bound = bound.min(tick.count(u64::from(at.srtt8_us / 8)).max(least));
            }
            ato = ato.min(bound);
        }
        let from_rto = tick.count(micros(profile.rto_min)).max(2) - 1;
        ato = ato.min(most).min(from_rto);
        let expires = now.ticks.wrapping_add(ato);
        if self.timer != Deadline::NONE {
            let left = self.expires.wrapping_sub(now.ticks) as i32;
            if left <= (ato / 4) as i32 {
                self.due = true;
                return;
            }
            if (expires.wrapping_sub(self.expires) as i32) >= 0 {
                return;
            }
        }
        let delay = u64::from(ato) * tick.us();
        self.timer = Deadline::at(tick.expiry(now, delay));
        self.expires = expires;
    }

    /// Ends a delay whose time is over (`tcp_delack_timer_handler`). Answers whether an
    /// acknowledgement is due.
    pub(crate) fn on_timeout(&mut self, rto_us: u64, now: Now, profile: &Profile) -> bool {
        if self.withheld_until.is_due(now.time) {
            self.withheld_until = Deadline::NONE;
            self.due = self.withheld > 0;
            return self.due;
        }
        if !self.timer.is_due(now.time) {
            return false;
        }
        self.timer = Deadline::NONE;
        if self.owed {
            if self.is_interactive(profile) {
                self.pingpong = 0;
                self.ato = ato_min(profile);
            } else {
                self.ato = (self.ato * 2).min(profile.tick.count(rto_us));
            }
            self.due = true;
        }
        self.due
    }

    #[inline]
    pub(crate) fn next_timeout(&self) -> Deadline {
        self.timer.min(self.withheld_until)
    }

    /// Whether an acknowledgement is worth sending after a read (`__tcp_cleanup_rbuf`).
    pub(crate) fn after_read(&self, unacknowledged: u32, emptied: bool, profile: &Profile) -> bool {
        let pushed = self.pushed_twice || (self.pushed && !self.is_interactive(profile));
        self.owed && (unacknowledged > self.rcv_mss || (emptied && pushed))
    }

    /// The delay of a delayed acknowledgement, µs.
    pub(crate) fn ato_us(&self, profile: &Profile) -> u64 {
        u64::from(self.ato) * profile.tick.us()
    }
}

/// The least delay (`TCP_ATO_MIN`), ticks.
fn ato_min(profile: &Profile) -> u32 {
    profile.tick.count(micros(profile.delayed_ack_min)).max(1)
}

/// The greatest delay (`TCP_DELACK_MAX`), ticks.
fn delack_max(profile: &Profile) -> u32 {
    profile.tick.count(micros(profile.delayed_ack_max)).max(1)
}
