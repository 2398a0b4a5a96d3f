//! How long a browser's own work takes: a model, fitted to few constants.

use core::time::Duration;

/// How long a browser's own work takes. All of it is modelled: read off Chromium 156 on a calm machine
/// of two cores at cable's and 4g's rates, eleven sites, medians of four loads (`bench/browser`); a
/// page at hand may take more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// From the first bytes of the document to its parser: the navigation is committed to a process.
    /// Measured: 9 to 12 ms from the first byte to the first request that is wanted, 10 in the middle, 24 at
    /// most.
    pub commit: Duration,
    /// From a connection that is opened for a navigation to the one opened ahead. Seen over loopback: 3
    /// to 9 ms, on a busy machine.
    pub spare: Duration,
    /// From a connection that is free to the request that has waited for it. Measured over 356 pairs: 0.3 ms at
    /// least, 0.8 in the middle, 4 in one of twenty.
    pub send: Duration,
    /// To take a request over, in the network's process, which does so for one after the other. Measured: of 10
    /// to 81 requests that a document wants at one time the last is sent 0.3 to 0.9 ms a request after the first.
    pub request: Duration,
    /// From wanted to handed to the network's process. Measured: 4 to 10 ms.
    pub hand_over: Duration,
    /// The same for what the first bytes of the document want. Measured, with [`Cpu::commit`]: 15 to 49 ms from
    /// the document's first byte, 25 in the middle.
    pub first_hand_over: Duration,
    /// To parse 1 KiB of HTML. Measured: 15 and 29 ms from the end of documents of 107 and 169 KiB that
    /// came at once to `DOMContentLoaded`.
    pub parse_kib: Duration,
    /// To take a resource that has come. Measured: of 81 small pictures that come within 100 ms, the
    /// load event is 120 ms behind the last.
    pub take: Duration,
    /// To begin a script. Measured: script time of eleven sites, with [`Cpu::script_kib`], 5 to
    /// 137 ms a page in all.
    pub script: Duration,
    /// To compile and run 1 KiB of script.
    pub script_kib: Duration,
    /// Of the time that scripts took, the hundredths that they take once more when the document is there: what
    /// waits for `DOMContentLoaded`, or is begun by a script of the page itself. Measured: from the last script
    /// to `DOMContentLoaded` 0 to 60 ms more than that script takes, on six sites whose scripts take 30 to 130.
    pub ready: u32,
    /// To compute styles for the first time. Measured: 4 to 11 ms from the last style sheet to the first
    /// picture that styles want, which the network has 1 to 5 ms later.
    pub style: Duration,
    /// To lay out for the first time. Measured, with what follows and [`Cpu::frame`]: 34 to 92 ms from the last
    /// style sheet to the first paint of pages whose scripts have no part in it. A document of which 45 to 60 KiB
    /// are there, with next to no styles, takes 34 to 49, one of 110 to 173 KiB 58 to 92, one of 40 KiB with
    /// 200 KiB of styles 63 to 77, and one of 50 KiB with 1.3 MiB of styles some 100.
    pub layout: Duration,
    /// To lay out 1 KiB of HTML.
    pub layout_kib: Duration,
    /// To match 1 KiB of style sheets with what is laid out; it grows with the root of their size, since the more
    /// rules there are, the more of them match nothing.
    pub layout_styles: Duration,
    /// From the layout to its fonts being with the network, all of them together: they are first looked for in
    /// the cache alone, and asked for by a main thread that has heard that they are not there. Measured: 22 to 27 ms
    /// from the first picture that styles want to the fonts, 13 to 64 ms from the last style sheet.
    pub fonts: Duration,
    /// From the layout to the picture that it leads to: paint, raster and the wait for the display's
    /// next frames, not on the main thread.
    pub frame: Duration,
    /// How long what else there is to do can hold up the first layout once it can be made: the pace of the
    /// display's frames.
    pub pace: Duration,
    /// From the last resource to the end of the load event. Measured: 4 to 8 ms.
    pub load: Duration,
}

impl Cpu {
    /// As Chromium was measured.
    pub const MEASURED: Self = Self {
        commit: Duration::from_millis(10),
        spare: Duration::from_millis(3),
        send: Duration::from_millis(1),
        request: Duration::from_micros(500),
        hand_over: Duration::from_millis(7),
        first_hand_over: Duration::from_millis(13),
        parse_kib: Duration::from_micros(160),
        take: Duration::from_micros(2_500),
        script: Duration::from_millis(4),
        script_kib: Duration::from_micros(33),
        ready: 25,
        style: Duration::from_millis(5),
        layout: Duration::from_millis(3),
        layout_kib: Duration::from_micros(300),
        layout_styles: Duration::from_micros(1_600),
        fonts: Duration::from_millis(9),
        frame: Duration::from_millis(17),
        pace: Duration::from_micros(16_667),
        load: Duration::from_millis(6),
    };

    /// No time at all.
    pub const NONE: Self = Self {
        commit: Duration::ZERO,
        spare: Duration::ZERO,
        send: Duration::ZERO,
        request: Duration::ZERO,
        hand_over: Duration::ZERO,
        first_hand_over: Duration::ZERO,
        parse_kib: Duration::ZERO,
        take: Duration::ZERO,
        script: Duration::ZERO,
        script_kib: Duration::ZERO,
        ready: 0,
        style: Duration::ZERO,
        layout: Duration::ZERO,
        layout_kib: Duration::ZERO,
        layout_styles: Duration::ZERO,
        fonts: Duration::ZERO,
        frame: Duration::ZERO,
        pace: Duration::ZERO,
        load: Duration::ZERO,
    };

    /// A processor that is this many times slower. The display's frames keep their pace, which is half
    /// of what [`Cpu::frame`] is.
    #[must_use]
    pub fn slowed(self, times: f64) -> Self {
        Self {
            commit: slower(self.commit, times),
            spare: slower(self.spare, times),
            send: slower(self.send, times),
            request: slower(self.request, times),
            hand_over: slower(self.hand_over, times),
            first_hand_over: slower(self.first_hand_over, times),
            parse_kib: slower(self.parse_kib, times),
            take: slower(self.take, times),
            script: slower(self.script, times),
            script_kib: slower(self.script_kib, times),
            ready: self.ready,
            style: slower(self.style, times),
            layout: slower(self.layout, times),
            layout_kib: slower(self.layout_kib, times),
            layout_styles: slower(self.layout_styles, times),
            fonts: slower(self.fonts, times),
            pace: self.pace,
            frame: slower(self.frame, f64::midpoint(1.0, times)),
            load: slower(self.load, times),
        }
    }

    /// To compile and run a file of this many bytes that holds so many scripts.
    pub fn running(&self, bytes: usize, scripts: u32) -> Duration {
        self.script * scripts + per_kib(self.script_kib, bytes)
    }

    /// What scripts that took so long begin when the document is there.
    pub fn getting_ready(&self, scripts: Duration) -> Duration {
        scripts * self.ready / 100
    }

    /// To parse this many bytes of HTML.
    pub fn parsing(&self, bytes: usize) -> Duration {
        per_kib(self.parse_kib, bytes)
    }

    /// To lay out this many bytes of HTML by this many bytes of style sheets.
    pub fn laying_out(&self, html: usize, styles: usize) -> Duration {
        // The root of 1 KiB is 32.
        let matching = self.layout_styles * styles.isqrt() as u32 / 32;
        self.layout + per_kib(self.layout_kib, html) + matching
    }
}

/// A time, slowed.
fn slower(time: Duration, times: f64) -> Duration {
    Duration::from_nanos((time.as_nanos() as f64 * times).round() as u64)
}

fn per_kib(time: Duration, bytes: usize) -> Duration {
    Duration::from_nanos((time.as_nanos() * bytes as u128 / 1024) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_processor_takes_longer() {
        let slow = Cpu::MEASURED.slowed(4.0);
        assert_eq!(slow.running(0, 2), 4 * Cpu::MEASURED.running(0, 2));
        let laying_out = |cpu: Cpu| cpu.laying_out(10 << 10, 20 << 10);
        assert_eq!(laying_out(slow), 4 * laying_out(Cpu::MEASURED));
        assert_eq!(slow.frame, Cpu::MEASURED.frame * 5 / 2);
        assert_eq!(Cpu::NONE.slowed(4.0), Cpu::NONE);
    }
}
