//! Region ids, which become parts of host names.

/// A region id that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region id consists of at most 32 small letters, digits and hyphens, such as cn-hangzhou")]
pub struct InvalidRegion;

/// The region, if it can be part of a host name.
pub fn check(region: &str) -> Result<&str, InvalidRegion> {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (1..=32).contains(&region.len())
        && region.bytes().all(known)
        && !region.starts_with('-')
        && !region.ends_with('-');
    if fits { Ok(region) } else { Err(InvalidRegion) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_part_of_a_host_name_is_refused() {
        assert_eq!(check("cn-hangzhou"), Ok("cn-hangzhou"));
        for region in ["", "-a", "a-", "A", "a.b", "a@b", "a/b", "a b", "é", &"a".repeat(33)] {
            assert_eq!(check(region), Err(InvalidRegion), "{region}");
        }
    }
}
