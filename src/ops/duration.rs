//! Durations as they are written on the command line.

use std::time::Duration;

/// Parses `500ms`, `30s`, `10m`, `1h30m` or ISO 8601.
pub fn duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text
        .parse()
        .map_err(|e| format!("not a duration such as 30s or 10m: {e}"))?;
    Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read = ["500ms", "30s", "10m", "1h30m", "PT1H"].map(|text| duration(text).unwrap().as_millis());
        assert_eq!(read, [500, 30_000, 600_000, 5_400_000, 3_600_000]);
        for text in ["", "10", "ten minutes", "-1s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
