//! Lost answers and kills.
