//! Which points were cut, for whoever reads the output of the tests.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

/// What was cut, and what came of it.
#[derive(Default)]
pub struct Report {
    rows: BTreeSet<Row>,
    passed_by: usize,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    scene: String,
    number: usize,
    label: String,
    how: String,
}

impl Report {
    /// A point at which something happened and after which everything was as it should be.
    pub fn survived(&mut self, scene: &str, number: usize, label: &str, how: &str) {
        self.rows.insert(Row {
            scene: scene.to_owned(),
            number,
            label: label.to_owned(),
            how: how.to_owned(),
        });
    }

    /// The run had fewer requests than the reference and ended before the point came.
    pub fn passed_by(&mut self) {
        self.passed_by += 1;
    }

    /// How many different points there were.
    pub fn distinct(&self) -> usize {
        self.rows.len()
    }

    /// Shows the table also when the test succeeds, past the test harness that keeps what is printed to itself.
    pub fn show(&self, title: &str) {
        let mut text = format!("\n{title}: {} distinct points", self.distinct());
        if self.passed_by > 0 {
            let _ = write!(text, ", {} not reached", self.passed_by);
        }
        for row in &self.rows {
            let _ = write!(
                text,
                "\n  {:<8} {:>2}  {:<44} {}",
                row.scene, row.number, row.label, row.how
            );
        }
        text.push('\n');
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}
