//! A real Kubernetes control plane and everything around it, for the demo and the tests.
