//! Lengths, patterns, ranges, enumerations and required fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::manifests::{Kind, VENDORS, changed, printed, schema_path, vendor_of, walk};
use crate::harness::{Env, message};

/// Keywords of the schema that bound a value; `format` where the API server checks it.
const KEYWORDS: [&str; 10] = [
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "enum",
    "minItems",
    "maxItems",
    "maxProperties",
    "format",
];

/// Whether a keyword of a schema bounds its values.
fn bounds(schema: &Value, keyword: &str) -> bool {
    match keyword {
        "format" => schema["format"] == "date-time",
        _ => !schema[keyword].is_null(),
    }
}

/// One bound: where, which keyword, a value beyond it and one within it.
pub struct Bound {
    kind: Kind,
    path: &'static str,
    keyword: &'static str,
    wrong: Value,
    right: Value,
}

/// The bounds of one field.
pub struct Field {
    kind: Kind,
    path: &'static str,
    bounds: Vec<Bound>,
}

pub fn field(kind: Kind, path: &'static str) -> Field {
    Field {
        kind,
        path,
        bounds: Vec::new(),
    }
}

impl Field {
    pub fn bound(mut self, keyword: &'static str, wrong: Value, right: Value) -> Self {
        let Self { kind, path, .. } = self;
        self.bounds.push(Bound {
            kind,
            path,
            keyword,
            wrong,
            right,
        });
        self
    }

    /// Text of `min` to `max` characters.
    pub fn length(self, min: usize, max: usize) -> Self {
        let text = |n: usize| json!("1".repeat(n));
        self.bound("minLength", text(min - 1), text(min))
            .bound("maxLength", text(max + 1), text(max))
    }

    pub fn pattern(self, wrong: &str, right: &str) -> Self {
        self.bound("pattern", json!(wrong), json!(right))
    }

    pub fn range(self, min: i32, max: i32) -> Self {
        self.bound("minimum", json!(min - 1), json!(min))
            .bound("maximum", json!(max + 1), json!(max))
    }

    pub fn one_of(self, right: &str) -> Self {
        self.bound("enum", json!("Nonsense"), json!(right))
    }

    /// A point in time.
    pub fn time(self) -> Self {
        self.bound("format", json!("next year"), json!("2031-01-01T00:00:00Z"))
    }

    /// Where a vendor is reached instead of its own endpoint.
    fn endpoint(self) -> Self {
        self.bound("minLength", json!(""), json!("https://a"))
            .bound("maxLength", url(254), url(253))
            .pattern("https://user@host", "http://127.0.0.1:8080/")
    }

    fn region(self) -> Self {
        self.length(1, 32).pattern("cn_hangzhou", "cn-hangzhou")
    }

    /// A zone of the vendor.
    fn zone(self) -> Self {
        self.length(1, 64).pattern("zone_1", "cn-hangzhou-i")
    }

    /// An id of the vendor.
    pub fn id(self, max: usize) -> Self {
        self.length(1, max).pattern("a b", "A-b_c.9")
    }

    /// An IP address, roughly.
    fn address(self) -> Self {
        self.length(7, 45).pattern("host.example", "fd00::1:2")
    }
}

fn provider() -> Vec<Field> {
    let at = |path| field(Kind::Provider, path);
    let labels = |n: usize| Value::Object((0..n).map(|i| (format!("label{i}"), json!("x"))).collect());
    vec![
        at("spec.gws.region").region(),
        at("spec.gws.endpoint").endpoint(),
        at("spec.cloudDesktop.region").region(),
        at("spec.cloudDesktop.ownerId")
            .length(1, 64)
            .pattern("owner 1", "Owner_1-2"),
        at("spec.cloudDesktop.endpoint").endpoint(),
        at("spec.capitalOnline.siteId")
            .length(1, 64)
            .pattern("site_1", "649c38f8-4A1e"),
        at("spec.capitalOnline.area").one_of("America"),
        at("spec.capitalOnline.apiEdition").one_of("2022"),
        at("spec.capitalOnline.currency").one_of("CNY"),
        at("spec.capitalOnline.endpoint").endpoint(),
        at("spec.huaweiWorkspace.region").region(),
        at("spec.huaweiWorkspace.projectId")
            .length(32, 32)
            .pattern(&"F".repeat(32), &"f".repeat(32)),
        at("spec.huaweiWorkspace.endpoint").endpoint(),
        at("spec.huaweiWorkspace.iamEndpoint").endpoint(),
        at("spec.credentialsSecretRef.namespace").length(1, 63),
        at("spec.credentialsSecretRef.name").length(1, 253),
        at("spec.allowedNamespaces.matchLabels").bound("maxProperties", labels(17), labels(16)),
        at("spec.rateLimit.requestsPerSecond").range(1, 1000),
        at("spec.rateLimit.burst").range(1, 1000),
    ]
}

fn url(length: usize) -> Value {
    let host = "a".repeat(length - "https://".len());
    json!(format!("https://{host}"))
}

pub fn email(length: usize) -> Value {
    let name = "a".repeat(length - "@example.com".len());
    json!(format!("{name}@example.com"))
}

fn cluster() -> Vec<Field> {
    let at = |path| field(Kind::Cluster, path);
    let groups = |n: usize| json!(vec!["sg-1"; n]);
    vec![
        at("spec.providerRef.name").length(1, 253),
        at("spec.displayName")
            .length(1, 63)
            .pattern(" Office", "Office 2, 3rd floor"),
        at("spec.existingId").id(128),
        at("spec.network.vpcId").id(128),
        at("spec.network.subnetId").id(128),
        at("spec.network.nat.id").id(128),
        at("spec.network.nat.eip").address(),
        at("spec.gws.clusterType")
            .length(1, 64)
            .pattern("GWS", "gws.s1.standard"),
        at("spec.cloudDesktop.zoneId").zone(),
        at("spec.capitalOnline.gatewayId").id(128),
        at("spec.huaweiWorkspace.availabilityZone").zone(),
        at("spec.huaweiWorkspace.securityGroups").bound("maxItems", groups(17), groups(16)),
        at("spec.huaweiWorkspace.securityGroups.0").length(1, 64),
        at("spec.directory.domainName")
            .length(1, 253)
            .pattern("-corp", "corp.example.com"),
        at("spec.directory.dnsIp").address(),
        at("spec.directory.admin").length(1, 128),
        at("spec.directory.passwordSecretRef.name").length(1, 253),
        at("spec.directory.passwordSecretRef.key").length(1, 253),
        at("spec.policy.clipboard").one_of("DesktopToClient"),
        at("spec.policy.localDrive").one_of("ReadWrite"),
        at("spec.policyEnforcement").one_of("BestEffort"),
        at("spec.deletionPolicy").one_of("Retain"),
    ]
}

fn desktop() -> Vec<Field> {
    let at = |path| field(Kind::Desktop, path);
    let applications = |n: usize| json!(vec![json!({"name": "a", "path": "b"}); n]);
    let mut all = vec![
        at("spec.clusterRef.name").length(1, 253),
        at("spec.displayName").length(1, 63).pattern("Alice ", "Alice (2)"),
        at("spec.existingId").id(128),
        at("spec.flavor").id(128),
        at("spec.image.id").id(128),
        at("spec.image.ref.name").length(1, 253),
        at("spec.systemDisk.category").id(64),
        at("spec.systemDisk.sizeGiB").range(20, 500),
        at("spec.workMode").one_of("Application"),
        at("spec.applications")
            .bound("minItems", applications(0), applications(1))
            .bound("maxItems", applications(11), applications(10)),
        at("spec.applications.0.name").length(1, 128),
        at("spec.applications.0.path").length(1, 512),
        at("spec.applications.0.args").length(1, 1024),
        at("spec.network.subnetId").id(128),
        at("spec.network.publicAddress.chargeType").one_of("PayByBandwidth"),
        at("spec.network.publicAddress.bandwidthIn").range(1, 100),
        at("spec.network.publicAddress.bandwidthOut").range(1, 100),
        at("spec.user.name").length(1, 128).pattern("alice b", "alice.b"),
        at("spec.user.uid").length(1, 19).pattern("12a", "12"),
        at("spec.user.email")
            .bound("minLength", json!("a@"), json!("a@b"))
            .bound("maxLength", email(129), email(128))
            .pattern("alice.example.com", "alice@example.com"),
        at("spec.user.group").one_of("Administrators"),
        at("spec.power").one_of("Unmanaged"),
        at("spec.billing.mode").one_of("Subscription"),
        at("spec.billing.period.count").range(1, 60),
        at("spec.billing.period.unit").one_of("Week"),
        at("spec.billing.paidUntil").time(),
        at("spec.billing.onDelete").one_of("DeleteNow"),
        at("spec.onImageChange").one_of("Report"),
        at("spec.onLoss").one_of("Recreate"),
        at("spec.deletionPolicy").one_of("Retain"),
    ];
    all.extend(schedule(
        Kind::Desktop,
        [
            "spec.powerSchedule.timeZone",
            "spec.powerSchedule.start",
            "spec.powerSchedule.stop",
            "spec.powerSchedule.whenConnected",
        ],
    ));
    all
}

/// The fields of a power schedule: its time zone, both moments, and whether it waits.
pub fn schedule(kind: Kind, [zone, start, stop, when]: [&'static str; 4]) -> Vec<Field> {
    // Minutes of every hour, as long a list of them as fits.
    let minutes = |length: usize| json!(format!("{} * * * *", "1".repeat(length - 8)));
    let moments = |path| {
        field(kind, path)
            .bound("minLength", json!("* * * * "), json!("* * * * *"))
            .bound("maxLength", minutes(129), minutes(128))
            .pattern("0 0 8 * * 1-5", "*/5 8,20 1-15 * MON-FRI")
    };
    vec![
        field(kind, zone)
            .bound("minLength", json!(""), json!("Z"))
            .bound("maxLength", json!("a".repeat(65)), json!("a".repeat(64)))
            .pattern("Asia Shanghai", "America/Argentina/Buenos_Aires"),
        moments(start),
        moments(stop),
        field(kind, when).one_of("Stop"),
    ]
}

fn image() -> Vec<Field> {
    let at = |path| field(Kind::Image, path);
    vec![
        at("spec.providerRef.name").length(1, 253),
        at("spec.capture.desktopRef.name").length(1, 253),
        at("spec.capture.power").one_of("AsIs"),
        at("spec.existingId").id(128),
        at("spec.filter.name").length(1, 128),
        at("spec.filter.namePrefix").length(1, 128),
        at("spec.filter.owner").one_of("Vendor"),
        at("spec.displayName").length(1, 63).pattern(" Golden", "Golden (2)"),
        at("spec.deletionPolicy").one_of("Retain"),
    ]
}

fn all() -> Vec<Bound> {
    let fields = [provider(), cluster(), desktop(), image(), super::pool::bounds()];
    fields.into_iter().flatten().flat_map(|field| field.bounds).collect()
}

#[tokio::test]
async fn every_bound_is_kept() {
    let env = Env::shared().await;
    for bound in all() {
        let Bound {
            kind,
            path,
            keyword,
            wrong,
            right,
        } = bound;
        let at = format!("{} {path} {keyword}", kind.name());
        let manifest = |value| changed(kind.full_at(vendor_of(path), "bounds"), &[(path, value)]).to_string();

        let refusal = match env.dry_run(&manifest(wrong.clone())).await {
            Ok(_) => panic!("{at}: {wrong} was accepted"),
            Err(error) => message(&error),
        };
        assert!(
            refusal.contains(&printed(path)),
            "{at}: the refusal does not name the field: {refusal}"
        );

        if let Err(error) = env.dry_run(&manifest(right.clone())).await {
            panic!("{at}: {right} was refused: {}", message(&error));
        }
    }
}

#[tokio::test]
async fn every_required_field_is_required() {
    let env = Env::shared().await;
    for kind in Kind::ALL {
        for vendor in VENDORS {
            let full = kind.full_at(vendor, "required");
            if let Err(error) = env.dry_run(&full.to_string()).await {
                panic!("the full {} of {vendor} was refused: {}", kind.name(), message(&error));
            }
        }
        for path in required(kind) {
            let path: &'static str = path.replace('*', "0").leak();
            let full = kind.full_at(vendor_of(path), "required");
            let manifest = changed(full, &[(path, Value::Null)]).to_string();
            let refusal = match env.dry_run(&manifest).await {
                Ok(_) => panic!("{} was accepted without {path}", kind.name()),
                Err(error) => message(&error),
            };
            // What tells the entries of a list apart is missed before anything else is looked at.
            let name = path.rsplit('.').next().unwrap();
            let missed = [
                format!("{}: Required value", printed(path)),
                format!("an element that omits all key fields [{name:?}]"),
            ];
            assert!(missed.iter().any(|m| refusal.contains(m)), "without {path}: {refusal}");
        }
    }
}

/// The table above speaks of exactly the bounds of the CRDs.
#[test]
fn no_bound_is_without_its_two_manifests() {
    let key = |kind: Kind, path: &str, keyword: &str| format!("{} {path} {keyword}", kind.name());
    let tried: BTreeSet<String> = all()
        .iter()
        .map(|b| key(b.kind, &schema_path(b.path), b.keyword))
        .collect();
    let mut declared = BTreeSet::new();
    for kind in Kind::ALL {
        walk(&kind.spec_schema(), "spec", &mut |path, schema| {
            declared.extend(
                KEYWORDS
                    .iter()
                    .filter(|k| bounds(schema, k))
                    .map(|k| key(kind, path, k)),
            );
        });
    }
    let untried: Vec<_> = declared.difference(&tried).collect();
    let unknown: Vec<_> = tried.difference(&declared).collect();
    assert!(
        untried.is_empty() && unknown.is_empty(),
        "not tried: {untried:#?}\nnot in the CRDs: {unknown:#?}"
    );
}

/// Every text, list and map of a spec has a greatest length, and every number a range.
#[test]
fn everything_is_bounded() {
    let mut unbounded = Vec::new();
    for kind in Kind::ALL {
        walk(&kind.spec_schema(), "spec", &mut |path, schema| {
            let bounds: &[&str] = match schema["type"].as_str() {
                Some("string") if schema["enum"].is_null() && !bounds(schema, "format") => &["maxLength"],
                Some("array") => &["maxItems"],
                Some("integer" | "number") => &["minimum", "maximum"],
                Some("object") if schema["additionalProperties"].is_object() => &["maxProperties"],
                _ => &[],
            };
            let lacking = bounds.iter().filter(|bound| schema[**bound].is_null());
            unbounded.extend(lacking.map(|bound| format!("{} {path} {bound}", kind.name())));
        });
    }
    assert!(unbounded.is_empty(), "{unbounded:#?}");
}

fn required(kind: Kind) -> Vec<String> {
    let mut paths = Vec::new();
    walk(&kind.spec_schema(), "spec", &mut |path, schema| {
        let names = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        paths.extend(names.map(|name| format!("{path}.{name}")));
    });
    assert!(!paths.is_empty());
    paths
}
