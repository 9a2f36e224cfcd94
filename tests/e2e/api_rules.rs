//! What the API server makes of the CRDs.
