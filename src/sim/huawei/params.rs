//! Reading paths, queries and bodies, with the vendor's errors for what is missing or wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::model::{Desktop, Image, Project, Volume};
use crate::sim::vendor::{ApiError, Call};
use crate::sim::world::World;

pub(super) type Result<T> = std::result::Result<T, ApiError>;

/// The request makes no sense: the vendor has one code for all of this, the same as for a pool that does not exist.
pub(super) fn invalid(why: &str) -> ApiError {
    ApiError::new(400, "WKS.0001", why)
}

/// There is no such object, for objects whose absence the document does not give another code.
pub(super) fn not_found(what: &str, id: &str) -> ApiError {
    ApiError::new(404, "WKS.0202", &format!("The {what} {id} does not exist."))
}

/// The object's present state does not allow it.
pub(super) fn conflict(why: &str) -> ApiError {
    ApiError::new(
        409,
        "WKS.00010032",
        &format!("The current status does not allow this operation: {why}."),
    )
}

/// The tenant may not have more of this.
pub(super) fn over_quota(resource: &str) -> ApiError {
    invalid(&format!("the quota of {resource} is used up"))
}

/// All parameters of a request under the names that tests and the ledger use: path, query, and the body with dots.
pub(super) fn flatten(path: Vec<(&'static str, String)>, query: &str, body: &Value) -> BTreeMap<String, String> {
    fn walk(into: &mut BTreeMap<String, String>, name: &str, value: &Value) {
        let child = |part: &str| {
            if name.is_empty() {
                part.to_owned()
            } else {
                format!("{name}.{part}")
            }
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(part, value)| walk(into, &child(part), value)),
            Value::Array(items) => {
                for (n, value) in items.iter().enumerate() {
                    walk(into, &child(&n.to_string()), value);
                }
            }
            Value::Null => {}
            Value::String(text) => {
                into.insert(name.to_owned(), text.clone());
            }
            other => {
                into.insert(name.to_owned(), other.to_string());
            }
        }
    }
    let mut params = BTreeMap::new();
    walk(&mut params, "", body);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        params
            .entry(name.into_owned())
            .and_modify(|earlier: &mut String| {
                earlier.push(',');
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    params.extend(path.into_iter().map(|(name, value)| (name.to_owned(), value)));
    params
}

impl Call {
    /// The project of the path.
    pub(super) fn project(&self) -> &str {
        self.params.get("project_id").map(String::as_str).unwrap_or_default()
    }

    /// Whether something of a project is the caller's.
    pub(super) fn owns(&self, project: &str) -> bool {
        self.project() == project
    }

    /// A parameter of path or query that is not empty.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.params
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A boolean of the query.
    pub(super) fn query_flag(&self, name: &str) -> Result<Option<bool>> {
        match self.asked(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid(&format!("{name} must be true or false"))),
        }
    }

    /// A parameter of the path.
    pub(super) fn path_param(&self, name: &str) -> String {
        self.params.get(name).cloned().unwrap_or_default()
    }

    /// The part of a list that was asked for.
    pub(super) fn slice<T>(
        &self,
        rows: Vec<T>,
        default: usize,
        limits: RangeInclusive<usize>,
    ) -> Result<(usize, Vec<T>)> {
        let number = |name: &str, default: usize, range: RangeInclusive<usize>| match self.asked(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| invalid(&format!("{name} must be {} to {}", range.start(), range.end()))),
        };
        let offset = number("offset", 0, 0..=2_147_483_647)?;
        let limit = number("limit", default, limits)?;
        let total = rows.len();
        Ok((total, rows.into_iter().skip(offset).take(limit).collect()))
    }

    /// The body, which must be an object with something in it.
    pub(super) fn object(&self) -> Result<&Map<String, Value>> {
        match &self.body {
            Value::Object(fields) if !fields.is_empty() => Ok(fields),
            Value::Null => Err(invalid("The request message input by the interface is empty.")),
            _ => Err(invalid("The request message is not an object with fields.")),
        }
    }

    /// The project of the caller.
    pub(super) fn tenant<'w>(&self, world: &'w World) -> Result<&'w Project> {
        world
            .huawei
            .projects
            .get(self.project())
            .ok_or_else(|| not_found("project", self.project()))
    }

    /// A desktop of the caller.
    pub(super) fn own_desktop<'w>(&self, world: &'w mut World, id: &str) -> Result<&'w mut Desktop> {
        let now = world.now();
        world
            .huawei
            .desktops
            .get_mut(id)
            .filter(|desktop| desktop.project == self.project() && desktop.visible_from <= now)
            .ok_or_else(|| not_found("desktop", id))
    }

    /// An image that the caller may use, of the type it says.
    pub(super) fn usable_image<'w>(&self, world: &'w World, id: &str, kind: &str) -> Result<&'w Image> {
        let image = world
            .huawei
            .images
            .get(id)
            .filter(|image| image.project.as_deref().is_none_or(|project| self.owns(project)))
            .ok_or_else(|| invalid(&format!("the image {id} does not exist")))?;
        if image.kind() != kind {
            return Err(invalid(&format!("the image {id} is not of type {kind}")));
        }
        Ok(image)
    }
}

impl Image {
    /// `gold` for the vendor's own, `private` for the tenant's.
    pub(super) fn kind(&self) -> &'static str {
        if self.project.is_some() { "private" } else { "gold" }
    }
}

/// A text field that may be missing; anything else in its place is an error.
pub(super) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(&format!("{name} must be a text"))),
    }
}

/// A text field that must be there and not be empty.
pub(super) fn required<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str> {
    text(body, name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(&format!("{name} is required")))
}

/// One of several words that must be there.
pub(super) fn word<'a>(body: &'a Map<String, Value>, name: &str, words: &[&str]) -> Result<&'a str> {
    let word = required(body, name)?;
    if words.contains(&word) {
        Ok(word)
    } else {
        Err(invalid(&format!("{name} must be one of {}", words.join(", "))))
    }
}

/// A boolean field.
pub(super) fn flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(invalid(&format!("{name} must be true or false"))),
    }
}

/// A number within bounds.
pub(super) fn number(body: &Map<String, Value>, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| invalid(&format!("{name} must be {} to {}", range.start(), range.end()))),
    }
}

/// A list of objects; empty when it is missing.
pub(super) fn objects<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Vec<&'a Map<String, Value>>> {
    let wrong = || invalid(&format!("{name} must be a list of objects"));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_object().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

/// A list of texts; empty when it is missing.
pub(super) fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>> {
    let wrong = || invalid(&format!("{name} must be a list of texts"));
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// Ids of desktops: 1 to `most`, none twice.
pub(super) fn desktop_ids(body: &Map<String, Value>, most: usize) -> Result<Vec<String>> {
    let ids = texts(body, "desktop_ids")?;
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    if ids.is_empty() || ids.len() > most || unique.len() != ids.len() {
        return Err(invalid(&format!("desktop_ids must be 1 to {most}, none twice")));
    }
    Ok(ids)
}

/// A disk as it is asked for.
pub(super) fn volume(body: &Map<String, Value>, least: i64, id: String) -> Result<Volume> {
    let size = number(body, "size", least..=32_760)?
        .filter(|size| size % 10 == 0)
        .ok_or_else(|| invalid(&format!("size must be {least} to 32760, in tens")))?;
    let kind = word(body, "type", &["SAS", "SSD", "GPSSD", "SATA", "ESSD"])?.to_owned();
    Ok(Volume { id, kind, size })
}

/// The system disk that must be asked for, and the data disks that may be.
pub(super) fn volumes(world: &mut World, body: &Map<String, Value>) -> Result<(Volume, Vec<Volume>)> {
    let root = body
        .get("root_volume")
        .and_then(Value::as_object)
        .ok_or_else(|| invalid("root_volume is required"))?;
    let root = volume(root, 80, uuid(world))?;
    let data = objects(body, "data_volumes")?;
    if data.len() > 10 {
        return Err(invalid("data_volumes must be 10 at most"));
    }
    let data: Result<Vec<Volume>> = data.into_iter().map(|data| volume(data, 10, uuid(world))).collect();
    Ok((root, data?))
}

/// Tags: 20 at most, keys unique and not the vendor's own.
pub(super) fn tags(body: &Map<String, Value>, name: &str) -> Result<BTreeMap<String, String>> {
    let rows = objects(body, name)?;
    let count = rows.len();
    let tags: Result<BTreeMap<String, String>> = rows.into_iter().map(tag).collect();
    let tags = tags?;
    if tags.len() != count || count > 20 {
        return Err(invalid("tags must be 20 at most, with keys of their own"));
    }
    Ok(tags)
}

/// One tag.
pub(super) fn tag(row: &Map<String, Value>) -> Result<(String, String)> {
    let key = required(row, "key")?;
    let value = text(row, "value")?.unwrap_or_default();
    let fits = |text: &str, most: usize| {
        text.chars().count() <= most
            && text.trim() == text
            && text.chars().all(|c| c.is_alphanumeric() || " _.:=+-@/".contains(c))
    };
    if !fits(key, 128) || !fits(value, 43) || key.starts_with("_sys_") {
        return Err(invalid("a tag's key or value has characters that are not allowed"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Names of desktops: 1 to 15 places, where a Chinese character takes two; letters, digits and hyphens, which stand
/// neither first nor last.
pub(super) fn check_computer_name(name: &str) -> Result<()> {
    let places: usize = name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    let inside = name.chars().all(|c| c.is_alphanumeric() || c == '-');
    if (1..=15).contains(&places) && inside && !name.starts_with('-') && !name.ends_with('-') {
        Ok(())
    } else {
        Err(invalid("the computer name is not allowed"))
    }
}

/// A fresh id in the vendor's form.
pub(super) fn uuid(world: &mut World) -> String {
    let n = world.serial();
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{n:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xFFFF,
        (mixed >> 4) & 0xFFF,
        mixed & 0xFFF,
    )
}
