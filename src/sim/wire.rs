//! Answers as they leave, whole or spoilt.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream::{self, StreamExt};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// An answer, or none.
pub(crate) enum Reply {
    /// An HTTP response.
    Http(Response),
    /// The connection is reset.
    Reset,
}

impl Reply {
    /// The same with more headers; a value that cannot be a header is left out.
    pub(crate) fn with_headers(mut self, headers: &[(&'static str, String)]) -> Self {
        if let Self::Http(response) = &mut self {
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
        }
        self
    }
}

/// A page as a proxy in front of the vendor would send it.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head>\
                    <body><h1>The server could not answer</h1></body></html>\n";

fn response(status: u16, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer; of a `null` nothing but the status.
pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    Reply::Http(response(status, "application/json;charset=utf-8", Body::from(text)))
}

/// A gateway's page, or nothing but a status.
pub(crate) fn page(status: u16, with_body: bool) -> Reply {
    let body = if with_body { Body::from(PAGE) } else { Body::empty() };
    Reply::Http(response(status, "text/html", body))
}

/// Half of an answer that promises the whole of it.
pub(crate) fn truncated(status: u16, body: &Value) -> Reply {
    let bytes = Bytes::from(body.to_string());
    let whole = bytes.len();
    let half = stream::once(std::future::ready(Ok(bytes.slice(..whole / 2))));
    let end = stream::once(async {
        // hyper sends what it has when the body makes it wait; an error at once would take the first half along.
        tokio::task::yield_now().await;
        Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    let mut response = response(
        status,
        "application/json;charset=utf-8",
        Body::from_stream(half.chain(end)),
    );
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
    Reply::Http(response)
}

/// An answer of more than a mebibyte.
pub(crate) fn oversize(status: u16, mut body: Value) -> Reply {
    if let Some(fields) = body.as_object_mut() {
        fields.insert("Padding".to_owned(), Value::String("x".repeat(3 << 19)));
    }
    json_reply(status, &body)
}

/// An answer that trickles, twenty pieces a second at most.
pub(crate) fn slow(status: u16, body: &Value, bytes_per_second: u64) -> Reply {
    const PIECES: u64 = 20;
    let rate = bytes_per_second.max(1);
    let size = usize::try_from(rate.div_ceil(PIECES)).unwrap_or(usize::MAX);
    let pause = Duration::from_micros(1_000_000_u64.saturating_mul(size as u64) / rate);
    let bytes = Bytes::from(body.to_string());
    let length = bytes.len();
    let pieces = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    let mut response = response(status, "application/json;charset=utf-8", Body::from_stream(pieces));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Reply::Http(response)
}

/// The same, with more in every object but those that only wrap a list.
pub(crate) fn more_fields(mut value: Value) -> Value {
    add_fields(&mut value);
    if let Value::Object(fields) = &mut value {
        fields.insert("_novelty".to_owned(), json!([[]]));
    }
    value
}

fn add_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_fields);
            if fields.len() > 1 {
                fields.insert("Novelty".to_owned(), json!({"Since": 2027, "Parts": [null, true, "x"]}));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(add_fields),
        _ => {}
    }
}

/// The same keys with values of other types.
pub(crate) fn wrong_types(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let wrong = match value {
                    Value::Null => json!(["null"]),
                    Value::Bool(_) => json!({"maybe": true}),
                    Value::Number(_) => json!("a number"),
                    Value::String(_) => json!([{"text": 1}]),
                    Value::Array(_) | Value::Object(_) => json!(7),
                };
                (name.clone(), wrong)
            })
            .collect(),
        _ => json!({"Value": []}),
    }
}
