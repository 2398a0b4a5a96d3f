//! Proportional rate reduction: bringing the window down within a round trip (RFC 6937, RFC 9937;
//! `tcp_cwnd_reduction`).

use crate::profile::Reduction;

use super::window::Window;

/// The segments delivered and sent since a reduction began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prr {
    /// Segments delivered since then (prr_delivered).
    delivered: u32,
    /// Segments sent since then (prr_out).
    pub(crate) out: u32,
    /// RecoverFS: the number of segments the reduction is measured against.
    from: u32,
}

/// What an acknowledgement during a reduction has delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Segments in flight after the acknowledgement.
    pub(crate) in_flight: u32,
    /// Segments that the acknowledgement delivered.
    pub(crate) delivered: u32,
    /// Whether the acknowledgement moved SND.UNA and showed no further loss: SafeACK (RFC 9937 §6).
    pub(crate) safe: bool,
}

impl Prr {
    /// Begins a reduction. Linux measures it against the window, RFC 9937 against the data that was
    /// sent and not known to have arrived (`flight`, segments).
    pub(crate) fn begin(reduction: Reduction, prior_cwnd: u32, flight: u32) -> Prr {
        let from = match reduction {
            Reduction::Linux => prior_cwnd,
            Reduction::Rfc9937 => flight,
        };
        Prr { delivered: 0, out: 0, from: from.max(1) }
    }

    /// Sets the window to what may be in flight after an acknowledgement.
    pub(crate) fn on_ack(&mut self, window: &mut Window, progress: Progress) {
        if progress.delivered == 0 {
            return;
        }
        self.delivered += progress.delivered;
        let room = i64::from(window.ssthresh) - i64::from(progress.in_flight);
        let mut send = if room < 0 {
            // Above the threshold: send in proportion to what is delivered, so that the window
            // comes down.
            let due = u64::from(window.ssthresh) * u64::from(self.delivered);
            due.div_ceil(u64::from(self.from)) as i64 - i64::from(self.out)
        } else {
            // At or below the threshold: send as many as were delivered, and one more while nothing
            // else is lost.
            let conserve = i64::from(self.delivered) - i64::from(self.out);
            let send = conserve.max(i64::from(progress.delivered)) + i64::from(progress.safe);
            send.min(room)
        };
        // The first retransmission is always allowed.
        send = send.max(i64::from(self.out == 0));
        window.cwnd = (i64::from(progress.in_flight) + send).max(1) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::window;
    use super::*;

    #[test]
    fn twenty_segments_come_down_to_fourteen_in_proportion() {
        // RFC 6937 §4 with Linux's β of 0.7: each acknowledged segment lets 0.7 segments out.
        let mut window = window(20);
        window.ssthresh = 14;
        let mut prr = Prr::begin(Reduction::Linux, 20, 20);
        let mut in_flight = 16_u32;
        let mut sent = 0;
        for n in 1..=16 {
            prr.on_ack(&mut window, Progress { in_flight, delivered: 1, safe: false });
            let now = window.cwnd.saturating_sub(in_flight);
            prr.out += now;
            sent += now;
            in_flight = in_flight + now - 1;
            assert!(sent <= (14 * n as u32).div_ceil(20).max(1) + 1, "{n}: {sent}");
        }
        assert!((11..=13).contains(&sent), "{sent}");
    }

    #[test]
    fn below_the_threshold_one_more_only_while_nothing_else_is_lost() {
        let mut window = window(10);
        window.ssthresh = 7;
        let mut prr = Prr { delivered: 5, out: 5, from: 10 };
        prr.on_ack(&mut window, Progress { in_flight: 4, delivered: 1, safe: false });
        assert_eq!(window.cwnd, 5);
        prr.on_ack(&mut window, Progress { in_flight: 4, delivered: 1, safe: true });
        assert_eq!(window.cwnd, 7, "slow start up to the threshold, never above");
    }
}
