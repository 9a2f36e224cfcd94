//! What the drafts of plans for everything that is made at a vendor have in common.

/// What a draft says and asks, over its `inputs`, `status`, `notices` and `pace`. `$noun` is what is made, in plain words.
macro_rules! drafting {
    ($noun:literal) => {
        fn stamp(&self) -> $crate::api::condition::Stamp {
            $crate::api::condition::Stamp {
                generation: self.inputs.generation,
                now: self.inputs.now,
            }
        }

        /// Whether a call may be sent now.
        fn turn(&mut self, action: &str) -> $crate::plan::managed::Turn {
            let (generation, limits, now) = (self.inputs.generation, self.inputs.limits, self.inputs.now);
            $crate::plan::managed::Managed::parts(&mut self.status).turn(action, generation, limits, now)
        }

        fn set(&mut self, kind: &str, truth: $crate::api::condition::Truth, reason: &str, message: &str) {
            self.stamp()
                .set(&mut self.status.conditions, kind, truth, reason, message);
        }

        fn clear(&mut self, kind: &str) {
            $crate::api::condition::clear(&mut self.status.conditions, kind);
        }

        /// Work is going on.
        fn working(&mut self, reason: &str, message: &str) {
            self.stamp().working(&mut self.status.conditions, reason, message);
            self.pace = $crate::plan::Pace::Fast;
        }

        /// Nothing more happens until a human changes something.
        fn stalled(&mut self, reason: &'static str, message: &str) {
            if self.stamp().stalled(&mut self.status.conditions, reason, message) {
                self.notices
                    .push($crate::plan::Notice::warning(reason, message.to_owned()));
            }
        }

        /// Deletion goes on.
        fn deleting(&mut self, message: &str) {
            self.clear($crate::api::condition::DELETION_BLOCKED);
            self.working("Deleting", message);
        }

        /// Deletion cannot go on: says why.
        fn blocked(&mut self, reason: &'static str, message: &str) {
            if self
                .stamp()
                .deletion_blocked(&mut self.status.conditions, reason, message)
            {
                self.notices
                    .push($crate::plan::Notice::warning("DeletionBlocked", message.to_owned()));
            }
        }

        /// The recorded id belongs to another resource: a restored backup, or an object created again under its name.
        fn foreign_binding(&mut self) -> bool {
            let Some(binding) = self.status.binding.as_ref().filter(|b| b.uid != self.inputs.uid) else {
                return false;
            };
            let message = format!(
                "status.id was recorded for another object (uid {}), so it is not used. To take over {} {}, delete this \
                 object and create it again with spec.existingId.",
                binding.uid,
                $noun,
                self.status.id.as_deref().unwrap_or("-"),
            );
            self.stalled("ForeignStatus", &message);
            true
        }
    };
}

pub(crate) use drafting;
