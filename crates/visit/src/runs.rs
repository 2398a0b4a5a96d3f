//! Several runs of one visit, which differ in their seeds, and the one among them that is the median.

use roundtrip_record::{Among, Interval};

use crate::browser::Cpu;
use crate::network::Virtual;
use crate::page_times::PageTimes;
use crate::plan::{Plan, Runs};

/// What several runs come to.
pub(crate) struct Chosen {
    pub(crate) among: Among,
    /// The seed of the run whose load time is the median.
    pub(crate) seed: u64,
}

/// Carries a visit out as often as its plan says; `None` where one run says all there is to say. Of the
/// first time, which is over, `first` has the page's times and how many frames the links dropped.
/// `carry_out` is given a network with the next seed.
///
/// # Errors
/// Those of `carry_out`.
pub(crate) fn others<E>(
    plan: &Plan,
    network: &Virtual,
    (first, dropped): (PageTimes, u64),
    mut carry_out: impl FnMut(Virtual) -> Result<PageTimes, E>,
) -> Result<Option<Chosen>, E> {
    let varies = plan.browser.cpu != Cpu::NONE && dropped > 0;
    let wanted = match plan.runs {
        Runs::AsNeeded if varies => Runs::ENOUGH,
        Runs::AsNeeded | Runs::Exactly(0) => 1,
        Runs::Exactly(runs) => runs,
    };
    if wanted == 1 {
        let alone = Among { runs: 1, load: None, first_paint: None };
        return Ok(varies.then_some(Chosen { among: alone, seed: network.seed }));
    }
    let mut runs = vec![(first, network.seed)];
    for further in 1..u64::from(wanted) {
        let seed = network.seed.wrapping_add(further);
        runs.push((carry_out(Virtual { seed, ..network.clone() })?, seed));
    }
    let times = |of: fn(&PageTimes) -> Option<core::time::Duration>| {
        Interval::of(runs.iter().filter_map(|(page, _)| of(page)).collect())
    };
    let among = Among {
        runs: wanted,
        load: times(|page| page.load),
        first_paint: times(|page| page.first_paint),
    };
    let median = among.load.map(|load| load.median);
    let seed = runs.iter().find(|(page, _)| page.load == median).map_or(network.seed, |run| run.1);
    Ok(Some(Chosen { among, seed }))
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;
    use core::time::Duration;

    use roundtrip_lab::{Caches, DEFAULT_DATE};

    use super::*;
    use crate::browser::Browser;

    fn page(ms: u64) -> PageTimes {
        let load = Some(Duration::from_millis(ms));
        PageTimes { load, first_paint: load }
    }

    fn chosen(runs: Runs, dropped: u64) -> (Option<Chosen>, u32) {
        let plan = Plan { runs, ..Plan::get("http://a.example/".parse().expect("a URL")) };
        let plan = plan.behaving_as(Browser::CHROMIUM);
        let net = "cable".parse().expect("a profile");
        let network = Virtual { net, seed: 7, date: DEFAULT_DATE, caches: Caches::default() };
        let mut more = 0;
        let result = others(&plan, &network, (page(900), dropped), |network| {
            more += 1;
            Ok::<_, Infallible>(page(100 * (network.seed - 7)))
        });
        (result.unwrap_or_else(|never| match never {}), more)
    }

    #[test]
    fn what_drops_frames_is_carried_out_again_and_the_median_is_taken() {
        // 900, 100, 200, 300 and 400 ms.
        let (Some(Chosen { among, seed }), 4) = chosen(Runs::AsNeeded, 3) else {
            panic!("five runs");
        };
        let load = among.load.expect("times");
        assert_eq!((among.runs, seed), (5, 10));
        let ms = [load.low, load.median, load.high].map(|time| time.as_millis());
        assert_eq!(ms, [100, 300, 900]);
    }

    #[test]
    fn one_run_says_whether_it_is_one_of_many() {
        assert!(matches!(chosen(Runs::AsNeeded, 0), (None, 0)));
        let (Some(Chosen { among, .. }), 0) = chosen(Runs::Exactly(1), 3) else {
            panic!("one of many");
        };
        assert_eq!((among.runs, among.load), (1, None));
        assert!(matches!(chosen(Runs::Exactly(3), 0), (Some(_), 2)));
    }
}
