//! What the vendors are sent and how their answers are read, without Kubernetes.
