//! The create protocol: at most one vendor object per resource, whatever crashes and whatever answer is lost.
//!
//! Before a call that costs money its intent is written to status with a resourceVersion precondition. As long as an
//! intent is open nothing else is created; the object is looked for, adopted on sight, and only a settle time and
//! several complete listings without it allow another attempt.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Limits, after, readable, until};
use crate::api::common::{CreateIntent, CreatePhase};

/// Complete listings that must not show the object before it is taken for never created.
pub const EMPTY_LISTINGS: i32 = 3;

/// What is known when a creation is decided on.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The recorded intent.
    pub intent: Option<&'a CreateIntent>,
    /// This process is sending it at this moment.
    pub in_flight: bool,
    /// When the latest complete listing was begun.
    pub listing_started: Option<Timestamp>,
    /// Vendor objects that carry our mark, or appeared where a nameless one was expected; none claimed by another
    /// resource.
    pub candidates: &'a [String],
    /// How a lost answer is found again.
    pub identity: Identity,
    /// Whether a lost answer may mean a paid subscription.
    pub prepaid: bool,
    /// Attempt number a human allowed to be followed by another.
    pub allowed_by_human: Option<i32>,
    /// Limits.
    pub limits: &'a Limits,
    /// Now.
    pub now: Timestamp,
}

/// How a lost answer is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The object carries our mark, or is the only one of its kind: it is ours whenever it is seen.
    Marked,
    /// Objects cannot be told apart: exactly one candidate is expected, and only while an intent is open.
    Nameless,
    /// The same call sent again is answered again, as long as the intent lasts.
    Token {
        /// How long an answer is waited for before the call is sent again.
        resend: Duration,
    },
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send this attempt, after its intent is written.
    Attempt(i32),
    /// Send the open attempt once more, word for word.
    Resend,
    /// Ask how far the task of the open attempt got.
    Poll(String),
    /// The object is there: record its id. Further ones carry the same mark.
    Adopt {
        /// The one to record.
        id: String,
        /// The others.
        duplicates: Vec<String>,
    },
    /// Look again; the intent as it is to be kept, and what is waited for.
    Wait {
        /// The intent, with what this pass learned.
        intent: Option<CreateIntent>,
        /// Plain words.
        message: String,
        /// When to look again at the latest.
        again: Duration,
    },
    /// Only a human can decide.
    Stall {
        /// The intent, with what this pass learned.
        intent: CreateIntent,
        /// Plain words: what happened, what to do.
        message: String,
    },
}

/// Decides.
#[must_use]
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let Inputs { limits, now, .. } = *inputs;
    let open = inputs.intent.filter(|i| i.phase == CreatePhase::Open);
    // Once it is answered the intent is not open any more, and what the answer was stands in the status.
    if inputs.in_flight && open.is_some() {
        return Decision::Wait {
            intent: inputs.intent.cloned(),
            message: "The creation is being sent.".into(),
            again: limits.fast,
        };
    }
    if let Identity::Token { resend } = inputs.identity {
        return by_token(inputs, open, resend);
    }
    let Some(listing_started) = inputs.listing_started else {
        return Decision::Wait {
            intent: inputs.intent.cloned(),
            message: "Waiting for a complete listing of what exists at the vendor.".into(),
            again: limits.fast,
        };
    };
    // A nameless object can only be recognised while its own intent is open.
    let nameless = inputs.identity == Identity::Nameless;
    if !nameless || open.is_some() {
        match inputs.candidates {
            [] => {}
            [first, rest @ ..] if rest.is_empty() || !nameless => {
                return Decision::Adopt {
                    id: first.clone(),
                    duplicates: rest.to_vec(),
                };
            }
            several => {
                if let Some(intent) = open {
                    return Decision::Stall {
                        intent: intent.clone(),
                        message: format!(
                            "The answer to the creation was lost and {} new objects appeared since ({}). Delete this \
                             object and adopt the right one with spec.existingId.",
                            several.len(),
                            several.join(", ")
                        ),
                    };
                }
            }
        }
    }
    let Some(intent) = open else {
        return Decision::Attempt(inputs.intent.map_or(0, |i| i.attempt).saturating_add(1));
    };
    if let Some(task_id) = &intent.task_id
        && now <= after(intent.start_time.0, limits.task_deadline)
    {
        // The vendor is making it, in so many words: nothing is in doubt yet.
        return Decision::Poll(task_id.clone());
    }
    unresolved(inputs, intent, listing_started, now)
}

/// Nothing can be searched, and nothing has to be: the vendor knows the attempt by its token.
fn by_token(inputs: &Inputs<'_>, open: Option<&CreateIntent>, resend: Duration) -> Decision {
    let Some(intent) = open else {
        return Decision::Attempt(inputs.intent.map_or(0, |i| i.attempt).saturating_add(1));
    };
    let now = inputs.now;
    let due = after(intent.start_time.0, resend);
    let begun = intent.first_start_time.as_ref().unwrap_or(&intent.start_time);
    // How long the vendor remembers a token is not documented.
    if now >= after(begun.0, inputs.limits.settle) {
        return in_doubt(inputs, intent.clone());
    }
    if now < due {
        return Decision::Wait {
            intent: Some(intent.clone()),
            message: format!(
                "The answer to creation attempt {} was lost; it is asked for again with the same token.",
                intent.attempt
            ),
            again: until(now, due).max(inputs.limits.fast),
        };
    }
    Decision::Resend
}

/// An open intent, and nothing to adopt.
fn unresolved(inputs: &Inputs<'_>, intent: &CreateIntent, listing_started: Timestamp, now: Timestamp) -> Decision {
    let limits = inputs.limits;
    let mut intent = intent.clone();
    let earliest = intent
        .last_empty_listing_time
        .as_ref()
        .map_or(intent.not_after_time.0, |last| after(last.0, limits.empty_listing_gap));
    if listing_started > earliest && intent.empty_listings < EMPTY_LISTINGS {
        intent.empty_listings = intent.empty_listings.saturating_add(1);
        intent.last_empty_listing_time = Some(Time(listing_started));
    }
    let settled_at = after(intent.not_after_time.0, limits.settle);
    if now < settled_at || intent.empty_listings < EMPTY_LISTINGS {
        let message = format!(
            "The answer to creation attempt {} was lost. The vendor is searched for it; not before {} is it taken for \
             never created.",
            intent.attempt,
            readable(settled_at)
        );
        let again = until(now, settled_at).clamp(limits.fast, limits.empty_listing_gap.max(limits.fast));
        return Decision::Wait {
            intent: Some(intent),
            message,
            again,
        };
    }
    in_doubt(inputs, intent)
}

/// Everything was tried that finds out what became of an attempt.
fn in_doubt(inputs: &Inputs<'_>, intent: CreateIntent) -> Decision {
    // Complete listings without the object are evidence; an answer that does not come is none.
    let (listed, found) = match inputs.identity {
        Identity::Marked | Identity::Nameless => (true, "nothing appeared at the vendor"),
        Identity::Token { .. } => (false, "asking for it with the same token brought none"),
    };
    let retry = inputs.limits.retry_unknown_create && !inputs.prepaid && listed;
    if inputs.allowed_by_human == Some(intent.attempt) || retry {
        return Decision::Attempt(intent.attempt.saturating_add(1));
    }
    let message = format!(
        "The answer to creation attempt {} was lost and {found}. Because a second one would cost money, a human \
         decides: look into the vendor's console, then either annotate this object with \
         desktop-operator.io/retry-create={} to try again, or delete it.",
        intent.attempt, intent.attempt
    );
    Decision::Stall { intent, message }
}

/// The intent of an attempt that is about to be sent.
#[must_use]
pub fn intent(
    attempt: i32,
    name: Option<String>,
    known_ids: Vec<String>,
    writer: String,
    limits: &Limits,
    now: Timestamp,
) -> CreateIntent {
    CreateIntent {
        attempt,
        name,
        known_ids,
        start_time: Time(now),
        not_after_time: Time(after(now, limits.intent_lifetime)),
        writer,
        phase: CreatePhase::Open,
        first_start_time: None,
        task_id: None,
        empty_listings: 0,
        last_empty_listing_time: None,
    }
}

/// Whether a deleted object's creation is settled: nothing was made and nothing can appear any more.
#[must_use]
pub fn settled_empty(intent: &CreateIntent, limits: &Limits, now: Timestamp) -> bool {
    intent.phase == CreatePhase::Failed
        || (now >= after(intent.not_after_time.0, limits.settle) && intent.empty_listings >= EMPTY_LISTINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
        Limits {
            intent_lifetime: 30 * second,
            settle: 10 * minute,
            empty_listing_gap: minute,
            retry_unknown_create: true,
            backoff_base: minute,
            backoff_max: 30 * minute,
            task_deadline: 30 * minute,
            resend: 30 * second,
            fast: 3 * second,
            slow: minute,
            expiry_warning: 60 * minute,
        }
    }

    /// What is decided on a first attempt that was sent `minutes` ago and never answered.
    fn unanswered(minutes: u64, allowed_by_human: Option<i32>) -> Decision {
        let (limits, sent) = (limits(), Timestamp::UNIX_EPOCH);
        let open = intent(1, None, Vec::new(), "me".into(), &limits, sent);
        decide(&Inputs {
            intent: Some(&open),
            in_flight: false,
            listing_started: None,
            candidates: &[],
            identity: Identity::Token { resend: limits.resend },
            prepaid: false,
            allowed_by_human,
            limits: &limits,
            now: after(sent, Duration::from_mins(minutes)),
        })
    }

    #[test]
    fn a_token_is_sent_again_until_nobody_knows_what_it_would_do() {
        assert!(matches!(unanswered(0, None), Decision::Wait { .. }));
        assert_eq!(unanswered(1, None), Decision::Resend);
        assert_eq!(unanswered(9, None), Decision::Resend);
        for minutes in [10, 60, 100_000] {
            let Decision::Stall { message, .. } = unanswered(minutes, None) else {
                panic!("{minutes}: bought again without a human")
            };
            assert!(message.contains("retry-create=1"), "{message}");
        }
        assert_eq!(unanswered(10, Some(1)), Decision::Attempt(2));
        assert!(matches!(unanswered(10, Some(2)), Decision::Stall { .. }));
    }
}
