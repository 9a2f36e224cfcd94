//! Who calls: checks of the SDK-HMAC-SHA256 signature, written from its description and not from the operator's
//! signer, and of tokens.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::sim::vendor::{ApiError, Request};
use crate::sim::world::World;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How far a client's clock may be off.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

const ALGORITHM: &str = "SDK-HMAC-SHA256";

type Result<T> = std::result::Result<T, ApiError>;

/// The gateway does not know who calls.
fn unauthorized(why: &str) -> ApiError {
    ApiError::new(
        401,
        "APIGW.0301",
        &format!("Incorrect IAM authentication information: {why}"),
    )
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The path with every segment encoded anew and a slash at the end.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<String> = path
        .split('/')
        .map(|segment| encode(&percent_decode_str(segment).decode_utf8_lossy()))
        .collect();
    if segments.last().is_some_and(|last| !last.is_empty()) {
        segments.push(String::new());
    }
    segments.join("/")
}

/// The query, sorted by name and then by value, encoded anew.
fn canonical_query(query: &str) -> String {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// The text that a request must have been signed over, of the headers it names.
fn canonical_request(request: &Request, signed: &[&str]) -> Result<String> {
    let mut lines = String::new();
    for name in signed {
        let value = header(&request.headers, name)
            .ok_or_else(|| unauthorized(&format!("the signed header {name} is missing")))?;
        lines.push_str(name);
        lines.push(':');
        lines.push_str(value);
        lines.push('\n');
    }
    let hash = match header(&request.headers, "x-sdk-content-sha256") {
        Some(declared) if signed.contains(&"x-sdk-content-sha256") => {
            if declared != "UNSIGNED-PAYLOAD" && declared != hex::encode(Sha256::digest(&request.body)) {
                return Err(unauthorized("the body is not what its hash says"));
            }
            declared.to_owned()
        }
        _ => hex::encode(Sha256::digest(&request.body)),
    };
    Ok(format!(
        "{}\n{}\n{}\n{lines}\n{}\n{hash}",
        request.method,
        canonical_path(&request.path),
        canonical_query(&request.query),
        signed.join(";"),
    ))
}

/// Whether `signature` is that of `canonical` at `date` under `secret`. Compares in constant time, as a server should.
fn signed_by(secret: &str, date: &str, canonical: &str, signature: &str) -> bool {
    let Ok(given) = hex::decode(signature) else {
        return false;
    };
    let text = format!("{ALGORITHM}\n{date}\n{}", hex::encode(Sha256::digest(canonical)));
    // HMAC takes keys of any length, so this does not fail; a failure would refuse the request.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    mac.update(text.as_bytes());
    mac.verify_slice(&given).is_ok()
}

/// What an `Authorization` header says: access key, signed headers, signature.
fn parse(authorization: &str) -> Option<(&str, Vec<&str>, &str)> {
    let rest = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let mut parts = rest.split(',').map(str::trim);
    let access = parts.next()?.strip_prefix("Access=")?;
    let signed = parts.next()?.strip_prefix("SignedHeaders=")?;
    let signature = parts.next()?.strip_prefix("Signature=")?;
    Some((access, signed.split(';').collect(), signature))
}

/// The account of the key that signed a request.
fn by_signature(world: &World, request: &Request, authorization: &str, now: Timestamp) -> Result<String> {
    let (access, signed, signature) =
        parse(authorization).ok_or_else(|| unauthorized("the Authorization header has another form"))?;
    if !signed.is_sorted()
        || signed
            .iter()
            .any(|name| *name != name.to_ascii_lowercase() || name.contains('_'))
    {
        return Err(unauthorized(
            "SignedHeaders must be sorted, in small letters, without underscores",
        ));
    }
    if !["host", "x-sdk-date"].iter().all(|name| signed.contains(name)) {
        return Err(unauthorized("host and x-sdk-date must be signed"));
    }
    let date = header(&request.headers, "x-sdk-date").ok_or_else(|| unauthorized("x-sdk-date is missing"))?;
    let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .ok()
        .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
        .ok_or_else(|| unauthorized("x-sdk-date is no date"))?
        .timestamp();
    if now.duration_since(signed_at).abs() > SKEW {
        return Err(unauthorized("x-sdk-date is too far from now"));
    }
    let key = world
        .key(access)
        .ok_or_else(|| unauthorized("the access key does not exist"))?;
    if !key.active {
        return Err(unauthorized("the access key is disabled"));
    }
    let canonical = canonical_request(request, &signed)?;
    if !signed_by(&key.secret, date, &canonical, signature) {
        return Err(unauthorized("verify aksk signature fail"));
    }
    Ok(key.account.clone())
}

/// The account a token was given to; it is good for one project.
fn by_token(world: &World, token: &str, project: &str) -> Result<String> {
    let known = world
        .huawei
        .tokens
        .get(token)
        .ok_or_else(|| unauthorized("decrypt token fail"))?;
    if known.until <= world.now() {
        return Err(unauthorized("The token must be updated."));
    }
    if known.project != project {
        return Err(forbidden("the token is for another project"));
    }
    Ok(known.account.clone())
}

fn forbidden(why: &str) -> ApiError {
    ApiError::new(
        403,
        "APIGW.0302",
        &format!("Incorrect IAM authentication information: {why}"),
    )
}

/// The account that sent a request for a project, or why it is refused.
pub(super) fn admit(world: &World, request: &Request, project: &str) -> Result<String> {
    let account = if let Some(token) = header(&request.headers, "x-auth-token") {
        by_token(world, token, project)?
    } else if let Some(authorization) = header(&request.headers, "authorization") {
        by_signature(world, request, authorization, Timestamp::now())?
    } else {
        return Err(unauthorized("neither a token nor a signature"));
    };
    if header(&request.headers, "x-project-id").is_some_and(|named| named != project) {
        return Err(forbidden("x-project-id is not the project of the path"));
    }
    match world.huawei.projects.get(project) {
        Some(known) if known.account == account => Ok(account),
        _ => Err(forbidden("no permission on the project")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::{HeaderName, HeaderValue, Method};

    use super::*;

    fn request(method: &str, url: &str, headers: &[(&'static str, &str)], body: &str) -> Request {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Request {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// What the published client computed for four requests.
    #[test]
    fn vectors() {
        const HOST: (&str, &str) = ("host", "workspace.cn-north-4.myhuaweicloud.com");
        const DATE: (&str, &str) = ("x-sdk-date", "20261123T080000Z");
        const PROJECT: (&str, &str) = ("x-project-id", "0bec5db98280d2d02fd6c00c2de791ce");
        const JSON: (&str, &str) = ("content-type", "application/json");
        let pool = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktop-pools/a130ab3a-72bf-4b71-baa9-af4987c8e338";
        let desktops = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktops?is_share_desktop=true&limit=10&pool_id=p%2Cq\
                        &tag=k%3D%E4%B8%AD%20%E6%96%87%2A~&user_name=b&user_name=a";
        let pools = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktop-pools";
        let cases = [
            (
                request("GET", pool, &[HOST, DATE], ""),
                "f2a13dc5b08c1021284a961f5983ee9bfd10cbbc6e990a50d89f11c9285b962c",
            ),
            (
                request("GET", desktops, &[HOST, DATE, PROJECT, JSON], ""),
                "206ac2b230e35af4fe33d3a58e78e7f75b4bd76e4b67de23945bc27d049fa193",
            ),
            (
                request(
                    "POST",
                    pools,
                    &[HOST, DATE, PROJECT, JSON],
                    r#"{"name":"pool-1","type":"STATIC","size":2}"#,
                ),
                "d71d513b53e7ee3a70c0bd6a06aaec1d5f8a8923e1a3f29865fe58d327ef95cc",
            ),
            (
                request("GET", pool, &[HOST, DATE, PROJECT, ("x-security-token", "tok")], ""),
                "645b9056ad1c01e340e0790faeb95735a670848638e035d6fdea29aafe7750a9",
            ),
        ];
        for (request, signature) in cases {
            let mut signed: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
            signed.sort_unstable();
            let canonical = canonical_request(&request, &signed).unwrap();
            assert!(
                signed_by("testsecret", "20261123T080000Z", &canonical, signature),
                "{canonical}"
            );
            assert!(!signed_by("other", "20261123T080000Z", &canonical, signature));
        }
    }

    /// The canonical request of the vendor's signing guide, whose hash it prints.
    #[test]
    fn published_example() {
        let url = "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0";
        let headers = [
            ("content-type", "application/json"),
            ("host", "service.region.example.com"),
            ("x-sdk-date", "20191115T033655Z"),
        ];
        let canonical = canonical_request(
            &request("GET", url, &headers, ""),
            &["content-type", "host", "x-sdk-date"],
        )
        .unwrap();
        assert_eq!(
            hex::encode(Sha256::digest(canonical)),
            "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"
        );
    }

    #[test]
    fn an_authorization_header_is_taken_apart() {
        let header = "SDK-HMAC-SHA256 Access=ak, SignedHeaders=host;x-sdk-date, Signature=00ff";
        assert_eq!(parse(header), Some(("ak", vec!["host", "x-sdk-date"], "00ff")));
        for odd in [
            "",
            "SDK-HMAC-SHA256",
            "Bearer ak",
            "SDK-HMAC-SHA256 Access=ak, Signature=00",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
