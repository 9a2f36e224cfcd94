//! The operator against a real Kubernetes API server and the simulated vendor.
