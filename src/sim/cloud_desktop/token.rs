//! Client tokens: a request that is sent again does nothing again.

use std::collections::BTreeMap;

use super::model::{Remembered, TokenKey};
use crate::sim::rpc::invalid;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// How long a token is remembered, in milliseconds. The document does not say; a day is the custom of the vendor's
/// other products.
const MEMORY: u64 = 24 * 60 * 60 * 1000;

/// What differs from one sending of the same request to the next.
const PER_SENDING: [&str; 5] = [
    "Signature",
    "SignatureNonce",
    "Timestamp",
    "AccessKeyId",
    "SecurityToken",
];

/// What a request is about, whoever sent it and when.
fn own(call: &Call) -> BTreeMap<String, String> {
    call.params
        .iter()
        .filter(|(name, _)| !PER_SENDING.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Carries out a request once for each token, and answers it the same way every time after. Only success is
/// remembered: what was refused may be corrected and sent again.
pub(super) fn once(
    world: &mut World,
    call: &Call,
    carry_out: impl FnOnce(&mut World, &Call) -> Result<Done, ApiError>,
) -> Result<Done, ApiError> {
    let Some(token) = call.optional("ClientToken") else {
        return carry_out(world, call);
    };
    if token.len() > 64 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("ClientToken", "want at most 64 printable ASCII characters"));
    }
    let key: TokenKey = (call.account.clone(), call.action.clone(), token.to_owned());
    let (params, now) = (own(call), world.now());
    if let Some(known) = world.cloud_desktop.tokens.get(&key).filter(|known| known.until > now) {
        if known.params != params {
            return Err(ApiError::new(
                400,
                "IdempotentParameterMismatch",
                "The request uses the same client token as a previous, but non-identical request.",
            ));
        }
        return Ok(Done {
            body: known.body.clone(),
            ids: known.ids.clone(),
            ..Done::default()
        });
    }
    let done = carry_out(world, call)?;
    let remembered = Remembered {
        params,
        body: done.body.clone(),
        ids: done.ids.clone(),
        until: now.saturating_add(MEMORY),
    };
    world.cloud_desktop.tokens.insert(key, remembered);
    Ok(done)
}
