//! The known name that is most like one that is not known.

/// The name that can be had from `wrong` by the fewest changes of one letter, if these are few for its
/// length; of several the first. Case does not matter.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = names.map(|name| (changes(&wrong, &name.to_lowercase()), name));
    let (changes, name) = near.min_by_key(|(changes, _)| *changes)?;
    (changes <= name.chars().count().min(wrong.chars().count()) / 2).then_some(name)
}

/// How many letters must be put in, left out or replaced to make one text of the other (the
/// Levenshtein distance).
fn changes(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *wanted);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["load", "first-paint", "transferSize", "requests"];
        let near = |wrong| nearest(wrong, names.into_iter());
        assert_eq!(near("laod"), Some("load"));
        assert_eq!(near("firstpaint"), Some("first-paint"));
        assert_eq!(near("TransferSize"), Some("transferSize"));
        assert_eq!(near("request"), Some("requests"));
        assert_eq!(near("x"), None);
        assert_eq!(changes("kitten", "sitting"), 3);
    }
}
