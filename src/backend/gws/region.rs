//! Where a region of GWS is reached.

/// A region id that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region id consists of at most 32 small letters, digits and hyphens, such as cn-hangzhou")]
pub struct InvalidRegion;

/// Host name of the vendor's endpoint for a region.
pub fn host(region: &str) -> Result<String, InvalidRegion> {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(1..=32).contains(&region.len())
        || !region.bytes().all(known)
        || region.starts_with('-')
        || region.ends_with('-')
    {
        return Err(InvalidRegion);
    }
    Ok(match region {
        // The two exceptions in the vendor's own list of endpoints.
        "ap-southeast-3" => "gws.ap-northeast-3.aliyuncs.com".to_owned(),
        "cn-hangzhou-finance" => "ecd.cn-hangzhou-finance.aliyuncs.com".to_owned(),
        region => format!("gws.{region}.aliyuncs.com"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(host("cn-hangzhou").unwrap(), "gws.cn-hangzhou.aliyuncs.com");
        assert_eq!(host("ap-southeast-3").unwrap(), "gws.ap-northeast-3.aliyuncs.com");
        assert_eq!(
            host("cn-hangzhou-finance").unwrap(),
            "ecd.cn-hangzhou-finance.aliyuncs.com"
        );
        for region in ["", "-a", "a-", "A", "a.b", "a@b", "a/b", "a b", "é", &"a".repeat(33)] {
            assert_eq!(host(region), Err(InvalidRegion), "{region}");
        }
    }
}
