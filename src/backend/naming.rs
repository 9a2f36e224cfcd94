//! Names at the vendor: what a human reads, and the mark by which a lost answer is found again.

/// Separates what the user chose from the UID.
const SEPARATOR: &str = "-dsk";
/// Begins a short name.
const SHORT: &str = "dsk";
/// Hexadecimal digits of a UID.
const UID_DIGITS: usize = 32;
/// Digits of it in a short name: as many as a host name of 15 characters has room for. Two of ten thousand desktops
/// share them once in six million accounts.
const SHORT_DIGITS: usize = 12;
/// Tag that holds the UID at vendors with tags.
pub const TAG: &str = "desktop-operator-uid";

/// Digits of a UID without its dashes, in lower case: the mark of what was made for it.
#[must_use]
pub fn marker(uid: &str) -> String {
    uid.chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The beginning of a mark, where a vendor leaves no room for all of it.
#[must_use]
pub fn short_marker(uid: &str) -> String {
    let mut marker = marker(uid);
    marker.truncate(SHORT_DIGITS);
    marker
}

/// The name of something we create: it carries the UID for life, so that no crash can lose it.
#[must_use]
pub fn marked_name(display: &str, uid: &str) -> String {
    let shown: String = display.chars().take(63).collect();
    format!("{shown}{SEPARATOR}{}", marker(uid))
}

/// As [`marked_name`], as a host name of 15 characters.
#[must_use]
pub fn short_name(uid: &str) -> String {
    format!("{SHORT}{}", short_marker(uid))
}

/// As [`marked_name`], with at most 64 letters, digits and hyphens.
#[must_use]
pub fn pool_name(display: &str, uid: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let shown: String = display
        .chars()
        .map(fits)
        .take(64 - SEPARATOR.len() - UID_DIGITS)
        .collect();
    marked_name(&shown, uid)
}

/// The mark in a name of ours, whole or short; `None` for everybody else's names.
#[must_use]
pub fn marker_in(name: &str) -> Option<&str> {
    let hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if let Some(digits) = name.strip_prefix(SHORT).filter(|d| d.len() == SHORT_DIGITS) {
        return hex(digits).then_some(digits);
    }
    let start = name.len().checked_sub(UID_DIGITS)?;
    let digits = name.get(start..)?;
    (hex(digits) && name.get(..start)?.ends_with(SEPARATOR)).then_some(digits)
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
            let short = short_name(&uid);
            prop_assert_eq!(marker_in(&short), digits.get(..12));
            prop_assert_eq!(short.len(), 15);
        }

        #[test]
        fn no_other_name_is_taken_for_ours(name in "\\PC{0,60}") {
            prop_assume!(!name.contains("dsk"));
            prop_assert_eq!(marker_in(&name), None);
        }
    }

    #[test]
    fn names_that_almost_fit_are_not_ours() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert_eq!(marker_in(&format!("a-dsk{digits}")), Some(digits));
        assert_eq!(marker_in("dsk0123456789ab"), Some("0123456789ab"));
        for name in [
            digits.to_owned(),
            format!("a-dsk{}", &digits[1..]),
            format!("a-dsk{}", digits.to_uppercase()),
            "dsk0123456789a".to_owned(),
            "dsk0123456789ag".to_owned(),
            "dsk0123456789abc".to_owned(),
        ] {
            assert_eq!(marker_in(&name), None, "{name}");
        }
    }
}
