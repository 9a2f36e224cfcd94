//! Names at the vendor: what a human reads, and the mark by which a lost answer is found again.

/// Separates what the user chose from the UID.
const SEPARATOR: &str = "-dsk";
/// Hexadecimal digits of a UID.
const UID_DIGITS: usize = 32;

/// Digits of a UID without its dashes, in lower case.
#[must_use]
pub fn marker(uid: &str) -> String {
    uid.chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The name of something we create: it carries the UID for life, so that no crash can lose it.
#[must_use]
pub fn marked_name(display: &str, uid: &str) -> String {
    let shown: String = display.chars().take(63).collect();
    format!("{shown}{SEPARATOR}{}", marker(uid))
}

/// The UID digits in a name of ours; `None` for everybody else's names.
#[must_use]
pub fn marker_in(name: &str) -> Option<&str> {
    let start = name.len().checked_sub(UID_DIGITS)?;
    let digits = name.get(start..)?;
    let hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (hex && name.get(..start)?.ends_with(SEPARATOR)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_marked_name_gives_its_uid_back(display in "\\PC{0,80}", uid in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}") {
            let name = marked_name(&display, &uid);
            let digits = marker(&uid);
            prop_assert_eq!(marker_in(&name), Some(digits.as_str()));
            prop_assert!(name.chars().count() <= 63 + 4 + 32);
        }

        #[test]
        fn no_other_name_is_taken_for_ours(name in "\\PC{0,60}") {
            prop_assume!(!name.contains("-dsk"));
            prop_assert_eq!(marker_in(&name), None);
        }
    }

    #[test]
    fn names_that_almost_fit_are_not_ours() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert_eq!(marker_in(&format!("a-dsk{digits}")), Some(digits));
        for name in [
            digits.to_owned(),
            format!("a-dsk{}", &digits[1..]),
            format!("a-dsk{}", digits.to_uppercase()),
        ] {
            assert_eq!(marker_in(&name), None, "{name}");
        }
    }
}
