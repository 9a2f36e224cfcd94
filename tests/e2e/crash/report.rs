//! Which points were cut, for whoever reads the output of the tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// What was cut, and that it was survived.
#[derive(Default)]
pub struct Report {
    /// By scene, number of the request and what was done to it; with the words for the request.
    points: BTreeMap<(String, usize, String), String>,
    passed_by: usize,
}

impl Report {
    /// A point at which something happened and after which everything was as it should be.
    pub fn survived(&mut self, scene: &str, number: usize, label: &str, how: &str) {
        let point = (scene.to_owned(), number, how.to_owned());
        self.points.insert(point, label.to_owned());
    }

    /// The run had fewer requests than the reference and ended before the point came.
    pub fn passed_by(&mut self) {
        self.passed_by += 1;
    }

    /// How many different points there were.
    pub fn distinct(&self) -> usize {
        self.points.len()
    }

    /// Shows the table also when the test succeeds, past the test harness that keeps what is printed to itself.
    pub fn show(&self, title: &str) {
        let mut text = format!("\n{title}: {} distinct points", self.distinct());
        if self.passed_by > 0 {
            let _ = write!(text, ", {} not reached", self.passed_by);
        }
        for ((scene, number, how), label) in &self.points {
            let _ = write!(text, "\n  {scene:<20} {number:>2}  {label:<44} {how}");
        }
        text.push('\n');
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}
