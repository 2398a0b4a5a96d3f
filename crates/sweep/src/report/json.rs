//! A report as JSON.

use serde_json::{Value, json as value};

use super::gather::{FigureReport, Gain, Helped, NetworkReport, SweepReport};
use super::spread::{Distribution, Percentile};

/// The report as JSON: the same facts as in the other views.
pub fn json(report: &SweepReport) -> Value {
    value!({
        "visits": report.visits,
        "failed": report.failed,
        "inputs": report.inputs,
        "figures": report.figures.iter().map(figure).collect::<Vec<_>>(),
    })
}

fn figure(figure: &FigureReport) -> Value {
    value!({
        "figure": figure.figure,
        "unit": figure.figure.unit(),
        "networks": figure.networks.iter().map(network).collect::<Vec<_>>(),
        "helped": figure.helped.iter().map(helped).collect::<Vec<_>>(),
    })
}

fn network(network: &NetworkReport) -> Value {
    value!({
        "network": network.network,
        "variants": network.variants.iter().map(spread).collect::<Vec<_>>(),
    })
}

fn spread(spread: &Distribution) -> Value {
    value!({
        "variant": spread.variant,
        "visits": spread.visits,
        "failed": spread.failed,
        "percentiles": spread.percentiles.iter().map(percentile).collect::<Vec<_>>(),
        "quantiles": spread.quantiles,
    })
}

fn percentile(one: &Percentile) -> Value {
    let (low, high) = one.interval.unzip();
    value!({ "percent": one.percent, "value": one.value, "low": low, "high": high })
}

fn helped(helped: &Helped) -> Value {
    let of_input = |(input, of): &(String, Gain)| {
        let mut one = gain(of);
        one["input"] = input.as_str().into();
        one
    };
    value!({
        "variant": helped.variant,
        "base": helped.base,
        "network": helped.network,
        "all": gain(&helped.all),
        "inputs": helped.inputs.iter().map(of_input).collect::<Vec<_>>(),
    })
}

fn gain(gain: &Gain) -> Value {
    value!({
        "pairs": gain.pairs,
        "faster": gain.faster,
        "slower": gain.slower,
        "failed": gain.failed,
        "saving": gain.saving,
    })
}
