//! `desktop-sim`: the vendors on the wire, with a ledger as ground truth. For the demo and the tests.
