//! From the socket to the vendor and back: the way of one request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::admin;
use super::capital_online;
use super::cloud_desktop;
use super::connection::Cut;
use super::fault::{self, Fault, FaultKind, When};
use super::gws::wire::Gateway;
use super::huawei::wire::Gateway as Huawei;
use super::ledger::{Entry, FaultMark, Outcome};
use super::rpc;
use super::vendor::{ApiError, Call, Done, Request, Vendor, redacted};
use super::wire::{self, Reply};
use super::world::{Held, World};

/// What the server's tasks and the handle share.
pub(crate) struct Shared {
    world: Mutex<World>,
    version: watch::Sender<u64>,
    parked: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    pub shutdown: CancellationToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the world was locked has failed its test already; those that clean up may still look.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            version: watch::Sender::new(0),
            parked: Mutex::default(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Looks at the world as it is now.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut world = lock(&self.world);
        let moved = world.advance();
        let seen = look(&world);
        drop(world);
        if moved {
            self.changed();
        }
        seen
    }

    /// Changes the world and wakes whoever waits for it.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        world.advance();
        let result = change(&mut world);
        drop(world);
        self.changed();
        result
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Resolves at every change from now on.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Lets a parked request go on; false when there is none of that number.
    pub fn release(&self, id: u64) -> bool {
        let parked = lock(&self.parked).remove(&id);
        self.change(|world| world.held.retain(|held| held.id != id));
        parked.is_some_and(|sender| sender.send(()).is_ok())
    }

    /// Parks a request until it is released; false when the simulator stops first.
    async fn park(&self, call: &Call, when: When) -> bool {
        let (sender, receiver) = oneshot::channel();
        self.change(|world| {
            let id = world.serial();
            lock(&self.parked).insert(id, sender);
            world.held.push(Held {
                id,
                account: call.account.clone(),
                action: call.action.clone(),
                params: redacted(&call.params),
                when,
            });
        });
        tokio::select! {
            released = receiver => released.is_ok(),
            () = self.shutdown.cancelled() => false,
        }
    }

    /// Makes state changes happen when they are due, also while nobody asks.
    pub async fn tick(&self) {
        let mut changes = self.watch();
        loop {
            let wait = self.read(|world| world.next_due().map(|due| world.clock.until(due)));
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                _ = changes.changed() => {}
                () = self.shutdown.cancelled() => return,
            }
        }
    }
}

/// The routes of a simulator.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    admin::routes().fallback(vendor_call).with_state(shared)
}

/// The vendor that a request is for: it lives at a path, and products of one vendor are told apart by their versions.
fn vendor_of(path: &str, request: &Request) -> Option<&'static dyn Vendor> {
    match path {
        "" | "/" if rpc::version(request).as_deref() == Some(cloud_desktop::wire::VERSION) => {
            Some(&cloud_desktop::wire::Gateway)
        }
        "" | "/" => Some(&Gateway),
        "/gcw" | "/gcw/" => Some(&capital_online::wire::Gateway),
        path if path.starts_with("/v2/") || path == "/v3/auth/tokens" => Some(&Huawei),
        _ => None,
    }
}

async fn vendor_call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    };
    let Some(vendor) = vendor_of(uri.path(), &request) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // In a task of its own: a vendor goes on with what it was asked although the client has hung up.
    let processed = tokio::spawn(async move { process(&shared, vendor, &request).await }).await;
    match processed {
        Ok(Reply::Http(response)) => response,
        Ok(Reply::Reset) => {
            connection.now();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An answer before any fault.
struct Answer {
    status: u16,
    body: Value,
    request_id: String,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    fn reply(&self) -> Reply {
        wire::json_reply(self.status, &self.body).with_headers(&self.headers)
    }
}

async fn process(shared: &Shared, vendor: &dyn Vendor, request: &Request) -> Reply {
    let (call, fault) = match shared.change(|world| admit(world, vendor, request)) {
        Ok(admitted) => admitted,
        Err(answer) => return answer.reply(),
    };
    if let Some(fault) = fault.as_ref().filter(|fault| fault.when() == When::Before) {
        if fault.kind != FaultKind::Hold {
            let answer = shared.change(|world| stopped(world, vendor, &call, fault));
            return spoil(shared, vendor, &fault.kind, answer).await;
        }
        if !shared.park(&call, When::Before).await {
            return Reply::Reset;
        }
    }
    let answer = shared.change(|world| execute(world, vendor, &call, fault.as_ref()));
    match fault.filter(|fault| fault.when() == When::AfterCommit) {
        None => answer.reply(),
        Some(fault) => {
            if fault.kind == FaultKind::Hold && !shared.park(&call, When::AfterCommit).await {
                return Reply::Reset;
            }
            spoil(shared, vendor, &fault.kind, answer).await
        }
    }
}

/// Lets a request in, with the fault that will strike it, or answers why not.
fn admit(world: &mut World, vendor: &dyn Vendor, request: &Request) -> Result<(Call, Option<Fault>), Answer> {
    match vendor.admit(world, request) {
        Ok(call) => {
            let fault = fault::strike(&mut world.faults, &call.account, &call.action, &call.params);
            Ok((call, fault))
        }
        Err(refusal) => {
            let call = Call {
                account: String::new(),
                action: refusal.action,
                params: refusal.params,
                body: Value::Null,
            };
            let request_id = world.request_id();
            record(world, &call, Err(&refusal.error), None);
            Err(Answer {
                status: refusal.error.http,
                body: vendor.error(&request_id, &refusal.error),
                headers: vendor.headers(&request_id),
                request_id,
            })
        }
    }
}

/// Records a request that a fault stops, with an answer that tells nothing.
fn stopped(world: &mut World, vendor: &dyn Vendor, call: &Call, fault: &Fault) -> Answer {
    let request_id = world.request_id();
    let mut entry = entry(world, call, Outcome::Faulted, 0);
    entry.fault = Some(mark(fault));
    world.ledger.push(entry);
    Answer {
        status: 200,
        body: vendor.success(world, &request_id, &Done::default()),
        headers: vendor.headers(&request_id),
        request_id,
    }
}

/// Carries out a call and records it.
fn execute(world: &mut World, vendor: &dyn Vendor, call: &Call, fault: Option<&Fault>) -> Answer {
    let request_id = world.request_id();
    match vendor.execute(world, call) {
        Ok(done) => {
            match fault.map(|fault| &fault.kind) {
                Some(FaultKind::NeverFinishTask) => {
                    if let Some(task) = &done.task {
                        vendor.never_finish(world, task);
                    }
                }
                Some(FaultKind::LateVisibility { ms }) => {
                    if let Some((_, id)) = &done.made {
                        let until = world.now().saturating_add(*ms);
                        vendor.hide(world, id, until);
                    }
                }
                _ => {}
            }
            record(world, call, Ok(&done), fault);
            let mut headers = vendor.headers(&request_id);
            headers.extend(done.headers.iter().cloned());
            Answer {
                status: done.status.unwrap_or(200),
                body: vendor.success(world, &request_id, &done),
                headers,
                request_id,
            }
        }
        Err(error) => {
            record(world, call, Err(&error), fault);
            Answer {
                status: error.http,
                body: vendor.error(&request_id, &error),
                headers: vendor.headers(&request_id),
                request_id,
            }
        }
    }
}

fn mark(fault: &Fault) -> FaultMark {
    FaultMark {
        when: fault.when(),
        kind: fault.kind.name().to_owned(),
    }
}

fn entry(world: &World, call: &Call, outcome: Outcome, status: u16) -> Entry {
    let at = world.now();
    Entry {
        seq: world.ledger.next(),
        time: world.clock.date(at),
        at,
        account: call.account.clone(),
        action: call.action.clone(),
        params: redacted(&call.params),
        outcome,
        fault: None,
        status,
        code: None,
        ids: Vec::new(),
    }
}

fn record(world: &mut World, call: &Call, result: Result<&Done, &ApiError>, fault: Option<&Fault>) {
    let mut entry = match result {
        Ok(done) => {
            let outcome = if done.wrote { Outcome::Committed } else { Outcome::Read };
            let mut entry = entry(world, call, outcome, done.status.unwrap_or(200));
            entry.ids.clone_from(&done.ids);
            entry
        }
        Err(error) => {
            let mut entry = entry(world, call, Outcome::Refused, error.http);
            entry.code = Some(error.code.clone());
            entry
        }
    };
    entry.fault = fault.map(mark);
    world.ledger.push(entry);
}

/// Turns an answer into what the fault makes of it.
async fn spoil(shared: &Shared, vendor: &dyn Vendor, kind: &FaultKind, answer: Answer) -> Reply {
    let Answer {
        status,
        body,
        request_id,
        headers,
    } = answer;
    let reply = match kind {
        FaultKind::Throttle { retry_after_ms } => {
            let error = vendor.throttled();
            let body = vendor.error(&request_id, &error);
            match retry_after_ms {
                Some(wait) => wire::json_reply(error.http, &body).with_headers(&[vendor.retry_after(*wait)]),
                None => wire::json_reply(error.http, &body),
            }
        }
        FaultKind::Code { http, code, message } => {
            let error = ApiError::new(*http, code, message);
            wire::json_reply(*http, &vendor.error(&request_id, &error))
        }
        // A gateway in front of the vendor answers these and knows none of its headers.
        FaultKind::Status { http, page } => return wire::page(*http, *page),
        FaultKind::Html => return wire::page(200, true),
        FaultKind::Truncated => wire::truncated(status, &body),
        FaultKind::WrongTypes => wire::json_reply(status, &wire::wrong_types(&body)),
        FaultKind::MoreFields => wire::json_reply(status, &wire::more_fields(body)),
        FaultKind::Oversize => wire::oversize(status, body),
        FaultKind::Slow { bytes_per_second } => wire::slow(status, &body, *bytes_per_second),
        FaultKind::Timeout => {
            shared.shutdown.cancelled().await;
            Reply::Reset
        }
        FaultKind::Reset => Reply::Reset,
        FaultKind::Hold | FaultKind::NeverFinishTask | FaultKind::LateVisibility { .. } => {
            wire::json_reply(status, &body)
        }
        FaultKind::Echo { text } => {
            let error = ApiError::new(400, "InvalidParameter", text);
            let mut body = vendor.error(&request_id, &error);
            if let Some(fields) = body.as_object_mut() {
                for (_, value) in fields
                    .iter_mut()
                    .filter(|(name, _)| !matches!(name.as_str(), "Code" | "RequestId" | "error_code"))
                {
                    *value = json!(text);
                }
            }
            wire::json_reply(400, &body).with_headers(&[("x-acs-message", text.clone())])
        }
    };
    reply.with_headers(&headers)
}

/// What `/_sim/state` shows.
pub(crate) fn state(world: &World) -> Value {
    let faults: Vec<_> = world.faults.iter().collect();
    let census: BTreeMap<_, _> = [
        ("clusters", world.gws.clusters.len()),
        ("instances", world.gws.instances.len()),
        ("images", world.gws.images.len()),
        ("huaweiDesktops", world.huawei.desktops.len()),
        ("huaweiPools", world.huawei.pools.len()),
        ("requests", world.ledger.entries().len()),
    ]
    .into();
    json!({
        "now": world.now(),
        "date": world.clock.date(world.now()),
        "census": census,
        "gws": world.gws,
        "huawei": world.huawei,
        "cloudDesktop": world.cloud_desktop,
        "capitalOnline": world.capital_online,
        "held": world.held,
        "faults": faults,
    })
}
