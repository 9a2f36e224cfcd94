//! Pure decisions: what is wanted and what is observed in, at most one action and the status out.
