//! The names of ICMP types and codes in scripts (RFC 792, RFC 1122 §3.2.2, RFC 4443).

/// The length of an ICMP header, bytes.
pub(crate) const HEADER: usize = 8;

/// An ICMP type and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) kind: u8,
    pub(crate) code: u8,
}

/// The names of types, each with the names of its codes.
type Table = &'static [(u8, &'static str, &'static [(u8, &'static str)])];

const V4: Table = &[
    (0, "echo_reply", &[]),
    (
        3,
        "unreachable",
        &[
            (0, "net_unreachable"),
            (1, "host_unreachable"),
            (2, "protocol_unreachable"),
            (3, "port_unreachable"),
            (4, "frag_needed"),
            (5, "source_route_failed"),
            (6, "net_unknown"),
            (7, "host_unknown"),
            (8, "source_host_isolated"),
            (9, "net_prohibited"),
            (10, "host_prohibited"),
            (11, "net_unreachable_for_tos"),
            (12, "host_unreachable_for_tos"),
            (13, "packet_filtered"),
            (14, "precedence_violation"),
            (15, "precedence_cutoff"),
        ],
    ),
    (4, "source_quench", &[]),
    (5, "redirect", &[]),
    (8, "echo_request", &[]),
    (11, "time_exceeded", &[(0, "exceeded_hop_limit"), (1, "exceeded_frag_time")]),
    (12, "parameter_problem", &[]),
    (13, "timestamp_request", &[]),
    (14, "timestamp_reply", &[]),
];

const V6: Table = &[
    (
        1,
        "unreachable",
        &[
            (0, "net_unreachable"),
            (0, "no_route"),
            (1, "admin_prohibited"),
            (2, "not_neighbour"),
            (3, "address_unreachable"),
            (4, "port_unreachable"),
        ],
    ),
    (2, "packet_too_big", &[]),
    (3, "time_exceeded", &[(0, "exceeded_hop_limit"), (1, "exceeded_frag_time")]),
    (
        4,
        "parameter_problem",
        &[(0, "header_field"), (1, "unknown_next_header"), (2, "unknown_option")],
    ),
    (128, "echo_request", &[]),
    (129, "echo_reply", &[]),
];

const fn table(is_v6: bool) -> Table {
    if is_v6 { V6 } else { V4 }
}

impl Kind {
    /// The type and code with these names; `type_3` and `code_4` are numbers.
    pub(crate) fn named(is_v6: bool, kind: &str, code: Option<&str>) -> Option<Kind> {
        let (kind, codes) = if let Some(number) = kind.strip_prefix("type_") {
            (number.parse().ok()?, &[][..])
        } else {
            let row = table(is_v6).iter().find(|(_, name, _)| *name == kind)?;
            (row.0, row.2)
        };
        let code = match code.map(|code| (code, code.strip_prefix("code_"))) {
            None => 0,
            Some((_, Some(number))) => number.parse().ok()?,
            Some((name, None)) => codes.iter().find(|(_, other)| *other == name)?.0,
        };
        Some(Kind { kind, code })
    }

    /// The names of this type and code.
    pub(crate) fn names(self, is_v6: bool) -> (String, Option<String>) {
        let Some((_, name, codes)) = table(is_v6).iter().find(|(kind, ..)| *kind == self.kind)
        else {
            return (format!("type_{}", self.kind), Some(format!("code_{}", self.code)));
        };
        let code = codes.iter().find(|(code, _)| *code == self.code).map(|(_, name)| *name);
        let code = match (code, self.code) {
            (Some(name), _) => Some(name.to_owned()),
            (None, 0) => None,
            (None, number) => Some(format!("code_{number}")),
        };
        ((*name).to_owned(), code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let needed = Kind { kind: 3, code: 4 };
        assert_eq!(Kind::named(false, "unreachable", Some("frag_needed")), Some(needed));
        assert_eq!(Kind::named(false, "type_3", Some("code_4")), Some(needed));
        assert_eq!(Kind::named(true, "packet_too_big", None), Some(Kind { kind: 2, code: 0 }));
        assert_eq!(Kind::named(true, "unreachable", Some("frag_needed")), None);
        assert_eq!(needed.names(false), ("unreachable".into(), Some("frag_needed".into())));
        assert_eq!(Kind { kind: 99, code: 1 }.names(true).0, "type_99");
    }
}
