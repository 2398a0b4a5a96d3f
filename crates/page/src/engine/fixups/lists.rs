//! Numbers of ordered lists. Blitz knows four kinds of marker, ignores `start` and `value` in
//! part, and sets a number without a gap; here each item gets its marker as a string.

use std::fmt::Write as _;

use blitz_dom::{BaseDocument, LocalName, NodeId};
use style::counter_style::CounterStyle;

use super::element::{add_style, computed};

/// Writes the markers of all ordered lists.
pub(super) fn number(document: &mut BaseDocument, elements: &[NodeId]) {
    let mut markers = Vec::new();
    for &id in elements {
        let is_list = document
            .get_node(id)
            .and_then(|node| node.element_data())
            .is_some_and(|element| &*element.name.local == "ol");
        if is_list {
            of_list(document, id, &mut markers);
        }
    }
    let mut mutator = document.mutate();
    for (item, marker) in &markers {
        // A no-break space: the trailing space of the marker would collapse.
        let declaration = format!("list-style-type:\"{marker}.\u{A0}\"");
        add_style(&mut mutator, *item, &declaration);
    }
}

/// The markers of one list's items (HTML standard, section 4.4.8, "ordinal value").
fn of_list(document: &BaseDocument, list: NodeId, markers: &mut Vec<(NodeId, String)>) {
    let Some(node) = document.get_node(list) else { return };
    let integer = |id: NodeId, name: &str| -> Option<i64> {
        let value = document.get_node(id)?.attr(LocalName::from(name))?;
        value.trim().parse::<i32>().ok().map(i64::from)
    };
    let items: Vec<NodeId> = node
        .children
        .iter()
        .copied()
        .filter(|&id| {
            let Some(styles) = document.get_node(id).and_then(|node| node.primary_styles()) else {
                return false;
            };
            styles.get_box().display.is_list_item()
        })
        .collect();
    let reversed = node.attr(LocalName::from("reversed")).is_some();
    let (first, step) = if reversed { (items.len() as i64, -1) } else { (1, 1) };
    let mut ordinal = integer(list, "start").unwrap_or(first);
    for item in items {
        ordinal = integer(item, "value").unwrap_or(ordinal);
        let kind = computed(document, item, "list-style-type");
        if let Some(marker) = counter(&kind, ordinal) {
            markers.push((item, marker));
        }
        ordinal += step;
    }
}

/// The name of a counter style; one that has none counts in decimal numbers.
pub(super) fn name(style: &CounterStyle) -> String {
    match style {
        CounterStyle::Name(name) => name.0.to_string(),
        _ => "decimal".to_owned(),
    }
}

/// A number in a counter style of CSS Counter Styles 3, section 6; `None` for styles that are not
/// numbers, or that are not known here.
pub(super) fn counter(kind: &str, ordinal: i64) -> Option<String> {
    let decimal = ordinal.to_string();
    Some(match kind {
        "decimal" => decimal,
        "decimal-leading-zero" if (0..10).contains(&ordinal) => format!("0{ordinal}"),
        "decimal-leading-zero" => decimal,
        "lower-alpha" | "lower-latin" => alphabetic(ordinal, 'a', 26).unwrap_or(decimal),
        "upper-alpha" | "upper-latin" => alphabetic(ordinal, 'A', 26).unwrap_or(decimal),
        "lower-greek" => greek(ordinal).unwrap_or(decimal),
        "lower-roman" => roman(ordinal).unwrap_or(decimal),
        "upper-roman" => roman(ordinal).map_or(decimal, |roman| roman.to_uppercase()),
        _ => return None,
    })
}

fn alphabetic(ordinal: i64, first: char, letters: i64) -> Option<String> {
    let mut rest = ordinal;
    let mut digits = Vec::new();
    while rest > 0 {
        rest -= 1;
        digits.push(char::from_u32(u32::from(first) + (rest % letters) as u32)?);
        rest /= letters;
    }
    (!digits.is_empty()).then(|| digits.iter().rev().collect())
}

fn greek(ordinal: i64) -> Option<String> {
    // Final sigma is not a letter of its own.
    let letters = alphabetic(ordinal, '\u{1}', 24)?;
    letters.chars().map(|c| "αβγδεζηθικλμνξοπρστυφχψω".chars().nth(c as usize - 1)).collect()
}

fn roman(ordinal: i64) -> Option<String> {
    const NUMERALS: [(i64, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut rest = (1..4000).contains(&ordinal).then_some(ordinal)?;
    let mut out = String::new();
    for (value, numeral) in NUMERALS {
        while rest >= value {
            let _ = write!(out, "{numeral}");
            rest -= value;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::counter;

    #[test]
    fn counters_count() {
        let rows = [
            ("decimal", 7, "7"),
            ("decimal", -3, "-3"),
            ("decimal-leading-zero", 7, "07"),
            ("decimal-leading-zero", 70, "70"),
            ("lower-alpha", 1, "a"),
            ("lower-alpha", 27, "aa"),
            ("upper-latin", 52, "AZ"),
            ("lower-alpha", 0, "0"),
            ("lower-roman", 1994, "mcmxciv"),
            ("upper-roman", 9, "IX"),
            ("upper-roman", 4000, "4000"),
            ("lower-greek", 18, "σ"),
        ];
        for (kind, ordinal, expected) in rows {
            assert_eq!(counter(kind, ordinal).as_deref(), Some(expected), "{kind} {ordinal}");
        }
        assert_eq!(counter("disc", 1), None);
    }
}
