//! Scripted misbehaviour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a fault strikes before or after the request takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// The request has no effect.
    Before,
    /// The request has taken effect; only its answer is spoilt.
    AfterCommit,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// Too many calls (HTTP 429).
    Throttle {
        /// How long the vendor asks to wait.
        #[serde(default)]
        retry_after_ms: Option<u64>,
    },
    /// An error in the vendor's own form.
    Code {
        /// HTTP status.
        http: u16,
        /// Error code.
        code: String,
        /// Message.
        message: String,
    },
    /// A gateway's answer: a status with a page, or with nothing at all.
    Status {
        /// HTTP status.
        http: u16,
        /// Whether there is an HTML page.
        #[serde(default)]
        page: bool,
    },
    /// An HTML page with status 200.
    Html,
    /// The answer ends in the middle and the connection with it.
    Truncated,
    /// The answer is valid JSON with the right keys and the wrong types.
    WrongTypes,
    /// The answer has, in each of its objects, fields that no document knows; what only wraps a list stays as it is.
    MoreFields,
    /// The answer is more than a mebibyte long.
    Oversize,
    /// The answer trickles.
    Slow {
        /// Speed.
        bytes_per_second: u64,
    },
    /// No answer, and the connection stays open.
    Timeout,
    /// No answer, and the connection is reset.
    Reset,
    /// The request waits until it is released.
    Hold,
    /// The task that the request starts never finishes.
    NeverFinishTask,
    /// The object that the request makes is not listed for a while.
    LateVisibility {
        /// How long.
        ms: u64,
    },
    /// An error that repeats a given text everywhere it can: header, message, host.
    Echo {
        /// The text.
        text: String,
    },
}

impl FaultKind {
    /// When the fault strikes unless the script says otherwise: what concerns the answer strikes afterwards.
    const fn usual(&self) -> When {
        match self {
            Self::Truncated
            | Self::WrongTypes
            | Self::MoreFields
            | Self::Oversize
            | Self::Slow { .. }
            | Self::NeverFinishTask
            | Self::LateVisibility { .. } => When::AfterCommit,
            _ => When::Before,
        }
    }

    /// Name as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Throttle { .. } => "throttle",
            Self::Code { .. } => "code",
            Self::Status { .. } => "status",
            Self::Html => "html",
            Self::Truncated => "truncated",
            Self::WrongTypes => "wrongTypes",
            Self::MoreFields => "moreFields",
            Self::Oversize => "oversize",
            Self::Slow { .. } => "slow",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Hold => "hold",
            Self::NeverFinishTask => "neverFinishTask",
            Self::LateVisibility { .. } => "lateVisibility",
            Self::Echo { .. } => "echo",
        }
    }
}

/// Where a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPoint {
    /// Only this account's requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Only this action; `*` is any.
    action: String,
    /// Only requests with these parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, String>,
    /// How many such requests pass first.
    #[serde(default)]
    skip: u32,
    /// How many are then struck.
    #[serde(default = "once")]
    times: u32,
    /// Before or after the effect; the kind decides when this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<When>,
}

const fn once() -> u32 {
    1
}

/// A scripted fault: where, and what. Written `Fault::on("CreateInstance").after_commit().reset()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten)]
    pub point: FaultPoint,
    /// What.
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl Fault {
    /// Begins a fault that strikes the next request of an action; `*` is any action.
    #[must_use]
    pub fn on(action: &str) -> FaultPoint {
        FaultPoint {
            account: None,
            action: action.to_owned(),
            params: BTreeMap::new(),
            skip: 0,
            times: 1,
            when: None,
        }
    }

    /// When it strikes.
    #[must_use]
    pub fn when(&self) -> When {
        // A task or an object exists only once the request has taken effect.
        match self.kind {
            FaultKind::NeverFinishTask | FaultKind::LateVisibility { .. } => When::AfterCommit,
            _ => self.point.when.unwrap_or_else(|| self.kind.usual()),
        }
    }
}

impl FaultPoint {
    /// Only requests of one account.
    #[must_use]
    pub fn by(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Only requests with this parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Strikes the `n`th such request from now, counted from 1.
    #[must_use]
    pub const fn nth(mut self, n: u32) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Strikes so many times.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Strikes until it is cleared.
    #[must_use]
    pub const fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Strikes before the request takes effect.
    #[must_use]
    pub const fn before_commit(mut self) -> Self {
        self.when = Some(When::Before);
        self
    }

    /// Strikes after the request has taken effect.
    #[must_use]
    pub const fn after_commit(mut self) -> Self {
        self.when = Some(When::AfterCommit);
        self
    }

    /// Completes the fault.
    #[must_use]
    pub const fn kind(self, kind: FaultKind) -> Fault {
        Fault { point: self, kind }
    }

    /// Too many calls, with the wait the vendor asks for.
    #[must_use]
    pub const fn throttle(self, retry_after_ms: u64) -> Fault {
        self.kind(FaultKind::Throttle {
            retry_after_ms: Some(retry_after_ms),
        })
    }

    /// An error in the vendor's own form.
    #[must_use]
    pub fn code(self, http: u16, code: &str, message: &str) -> Fault {
        self.kind(FaultKind::Code {
            http,
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    /// An HTTP status with an empty body.
    #[must_use]
    pub const fn status(self, http: u16) -> Fault {
        self.kind(FaultKind::Status { http, page: false })
    }

    /// An HTTP status with an HTML page.
    #[must_use]
    pub const fn status_page(self, http: u16) -> Fault {
        self.kind(FaultKind::Status { http, page: true })
    }

    /// An HTML page with status 200.
    #[must_use]
    pub const fn html(self) -> Fault {
        self.kind(FaultKind::Html)
    }

    /// An answer that ends in the middle.
    #[must_use]
    pub const fn truncated(self) -> Fault {
        self.kind(FaultKind::Truncated)
    }

    /// Right keys, wrong types.
    #[must_use]
    pub const fn wrong_types(self) -> Fault {
        self.kind(FaultKind::WrongTypes)
    }

    /// Fields that no document knows.
    #[must_use]
    pub const fn more_fields(self) -> Fault {
        self.kind(FaultKind::MoreFields)
    }

    /// An answer of more than a mebibyte.
    #[must_use]
    pub const fn oversize(self) -> Fault {
        self.kind(FaultKind::Oversize)
    }

    /// An answer that trickles.
    #[must_use]
    pub const fn slow(self, bytes_per_second: u64) -> Fault {
        self.kind(FaultKind::Slow { bytes_per_second })
    }

    /// No answer; the connection stays open.
    #[must_use]
    pub const fn timeout(self) -> Fault {
        self.kind(FaultKind::Timeout)
    }

    /// No answer; the connection is reset.
    #[must_use]
    pub const fn reset(self) -> Fault {
        self.kind(FaultKind::Reset)
    }

    /// The request waits for [`super::Sim::release`].
    #[must_use]
    pub const fn hold(self) -> Fault {
        self.kind(FaultKind::Hold)
    }

    /// The task never finishes.
    #[must_use]
    pub const fn never_finish_task(self) -> Fault {
        self.kind(FaultKind::NeverFinishTask)
    }

    /// The new object is not listed for so many milliseconds.
    #[must_use]
    pub const fn late_visibility(self, ms: u64) -> Fault {
        self.kind(FaultKind::LateVisibility { ms })
    }

    /// An error that repeats `text` everywhere it can.
    #[must_use]
    pub fn echo(self, text: &str) -> Fault {
        self.kind(FaultKind::Echo { text: text.to_owned() })
    }
}

/// A fault waiting to strike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// Requests that it let pass.
    pub passed: u32,
    /// Requests that it struck.
    pub struck: u32,
}

impl Armed {
    /// Arms a fault.
    pub(crate) const fn new(fault: Fault) -> Self {
        Self {
            fault,
            passed: 0,
            struck: 0,
        }
    }

    fn matches(&self, account: &str, action: &str, params: &BTreeMap<String, String>) -> bool {
        let point = &self.fault.point;
        self.struck < point.times
            && (point.action == "*" || point.action == action)
            && point.account.as_deref().is_none_or(|wanted| wanted == account)
            && point.params.iter().all(|(name, value)| params.get(name) == Some(value))
    }
}

/// The fault that strikes a request, if any: the first that is armed for it. Those behind it do not count the request.
pub(crate) fn strike(
    faults: &mut [Armed],
    account: &str,
    action: &str,
    params: &BTreeMap<String, String>,
) -> Option<Fault> {
    for armed in faults.iter_mut().filter(|armed| armed.matches(account, action, params)) {
        if armed.passed < armed.fault.point.skip {
            armed.passed += 1;
        } else {
            armed.struck = armed.struck.saturating_add(1);
            return Some(armed.fault.clone());
        }
    }
    None
}
