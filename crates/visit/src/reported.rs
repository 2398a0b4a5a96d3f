//! Faults as they are reported to the record.

use roundtrip_http::client::Failure;
use roundtrip_record::{EventId, Fault, FaultKind, Step, Time, Trace as _, What};
use roundtrip_wire::Wire;

/// Reports a fault that ends the visit; its exit code.
pub(crate) fn fatal<W: Wire>(wire: &W, failure: &Failure) -> u8 {
    report(wire, failure.cause, &failure.fault(true));
    failure.kind.exit_code()
}

/// Reports a fault that ends the run and belongs to no exchange; its exit code.
pub(crate) fn fatal_without_exchange<W: Wire>(
    wire: &W,
    cause: Option<EventId>,
    step: Step,
    since: Time,
    fault: FaultKind,
) -> u8 {
    let exit = fault.exit_code();
    let fault = Fault { step, exchange: None, connection: None, since, fatal: true, fault };
    report(wire, cause, &fault);
    exit
}

/// Reports a fault.
pub(crate) fn report<W: Wire>(wire: &W, cause: Option<EventId>, fault: &Fault) -> Option<EventId> {
    wire.log().emit(wire.now(), cause, || What::Fault(fault.clone()))
}
