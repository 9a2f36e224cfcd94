//! What the API server makes of the CRDs: every rule and every bound has a wrong manifest that is refused by the name
//! of its field, and a right twin that is accepted. The CRDs themselves say which rules and bounds there are, so
//! none can be added without its two manifests.

mod bounds;
mod immutable;
mod manifests;
mod objects;
mod pool;
mod rules;
mod samples;
