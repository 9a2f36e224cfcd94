//! What holds for the repository itself: generated files, module directions.

mod docs;
