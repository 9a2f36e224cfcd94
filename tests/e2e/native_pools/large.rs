//! Two hundred desktops.
