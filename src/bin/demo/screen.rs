//! What is written to the terminal: a story that scrolls, and below it a table that is redrawn in place.
//!
//! Where there is no terminal the table becomes one line per change, so that a log of the demo reads as well.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use crate::board::{Board, Row, TITLES, Told};

/// Standard output, and what stands on it.
#[derive(Debug)]
pub struct Screen {
    live: bool,
    started: Instant,
    rows: Vec<Row>,
    /// Lines the table takes up at the moment.
    drawn: usize,
}

impl Screen {
    /// The process's standard output.
    pub fn new() -> Self {
        Self {
            live: io::stdout().is_terminal(),
            started: Instant::now(),
            rows: Vec::new(),
            drawn: 0,
        }
    }

    /// Time since the beginning, in seconds.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// A headline of the story.
    pub fn headline(&mut self, text: &str) -> io::Result<()> {
        let text = if self.live {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        };
        self.say(&format!("\n{text}"))
    }

    /// A part of the story; stays where it is.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        let mut out = self.erase();
        out.push_str(text);
        out.push('\n');
        self.print_table(&mut out);
        flush(&out)
    }

    /// Something the operator told.
    pub fn told(&mut self, told: &Told) -> io::Result<()> {
        let mark = if told.warning { "!" } else { " " };
        let line = format!("{:6.1}s {mark} {}: {}", self.seconds(), told.about, told.note);
        self.say(&if self.live {
            format!("\x1b[36m{line}\x1b[0m")
        } else {
            line
        })
    }

    /// Shows the table as it now is.
    pub fn show(&mut self, board: &Board) -> io::Result<()> {
        let rows = board.rows();
        if rows == self.rows {
            return Ok(());
        }
        let mut out = String::new();
        if self.live {
            out = self.erase();
            self.rows = rows;
            self.print_table(&mut out);
        } else {
            self.print_changes(&mut out, &rows);
            self.rows = rows;
        }
        flush(&out)
    }

    /// Leaves the table where it is: what follows is written below it.
    pub fn settle(&mut self) {
        self.drawn = 0;
        self.rows.clear();
    }

    fn erase(&mut self) -> String {
        let lines = std::mem::take(&mut self.drawn);
        if lines == 0 {
            String::new()
        } else {
            format!("\x1b[{lines}A\x1b[J")
        }
    }

    fn print_table(&mut self, out: &mut String) {
        if !self.live || self.rows.is_empty() {
            return;
        }
        let widths = widths(&self.rows);
        // Without automatic wrapping a long message is cut at the edge, and a row stays one line.
        out.push_str("\x1b[?7l\n");
        let _ = writeln!(out, "\x1b[1m{}\x1b[0m", line(&TITLES.map(str::to_owned), &widths, ""));
        for row in &self.rows {
            let colour = match row.cells[2].as_str() {
                "True" => "\x1b[32m",
                "False" => "\x1b[33m",
                _ => "",
            };
            let _ = writeln!(out, "{}", line(&row.cells, &widths, colour));
        }
        out.push_str("\x1b[?7h");
        self.drawn = self.rows.len() + 2;
    }

    fn print_changes(&self, out: &mut String, rows: &[Row]) {
        let widths = [15, 15, 7, 14, 5];
        for row in rows.iter().filter(|row| !self.rows.contains(row)) {
            let _ = writeln!(out, "{:6.1}s   {}", self.seconds(), line(&row.cells, &widths, ""));
        }
        let is_gone = |row: &&Row| !rows.iter().any(|r| r.cells[..2] == row.cells[..2]);
        for row in self.rows.iter().filter(is_gone) {
            let _ = writeln!(
                out,
                "{:6.1}s   {:<15}  {:<15}  gone",
                self.seconds(),
                row.cells[0],
                row.cells[1]
            );
        }
    }
}

fn flush(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Widths of all columns but the last.
fn widths(rows: &[Row]) -> [usize; 5] {
    std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row.cells[column].chars().count());
        cells.chain([TITLES[column].len()]).max().unwrap_or_default()
    })
}

/// One line of the table; `colour` is for the third column.
fn line(cells: &[String; 6], widths: &[usize; 5], colour: &str) -> String {
    let mut text = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let _ = match (column, colour) {
            (2, colour) if !colour.is_empty() => write!(text, "{colour}{cell:<width$}\x1b[0m  "),
            _ => write!(text, "{cell:<width$}  "),
        };
    }
    text + &cells[5]
}
