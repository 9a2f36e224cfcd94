//! Reading parameters, with the vendor's errors for those that are missing or wrong.

use std::ops::RangeInclusive;

use super::model::{Cluster, Image, Instance};
use crate::sim::vendor::{ApiError, Call};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// `Invalid<Name>`.
pub(crate) fn invalid(name: &str, why: &str) -> ApiError {
    ApiError::new(
        400,
        &format!("Invalid{name}"),
        &format!("The specified {name} is not valid: {why}."),
    )
}

/// An object's present state does not allow it.
pub(crate) fn wrong_state(id: &str, status: &str) -> ApiError {
    ApiError::new(
        403,
        "IncorrectInstanceStatus",
        &format!("The current status of {id}, {status}, does not support this operation."),
    )
}

impl Call {
    /// A parameter that is there and not empty.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.params
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be there and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.optional(name).ok_or_else(|| missing(name))
    }

    /// A parameter that must be there and may be empty.
    pub(crate) fn present(&self, name: &str) -> Result<&str> {
        self.params.get(name).map(String::as_str).ok_or_else(|| missing(name))
    }

    /// A boolean in any of the spellings that clients use; false when it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        self.flag_or(name, false)
    }

    /// A boolean with a default.
    pub(crate) fn flag_or(&self, name: &str, default: bool) -> Result<bool> {
        match self.optional(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(invalid(name, "want true or false")),
        }
    }

    /// A number within bounds.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(invalid(name, &format!("want {} to {}", range.start(), range.end()))),
        }
    }

    /// One of several words.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<&str>> {
        match self.optional(name) {
            Some(word) if !words.contains(&word) => Err(invalid(name, &format!("want one of {}", words.join(", ")))),
            word => Ok(word),
        }
    }

    /// One of several words that must be there.
    pub(crate) fn required_word(&self, name: &str, words: &[&str]) -> Result<&str> {
        self.word(name, words)?.ok_or_else(|| missing(name))
    }

    /// A name of 1 to 128 printable characters, if there is one.
    pub(crate) fn name(&self) -> Result<Option<&str>> {
        match self.optional("Name") {
            Some(name) if name.chars().count() > 128 || name.chars().any(char::is_control) => {
                Err(invalid("Name", "want 1 to 128 printable characters"))
            }
            name => Ok(name),
        }
    }

    /// A name that must be there.
    pub(crate) fn required_name(&self) -> Result<&str> {
        self.name()?.ok_or_else(|| missing("Name"))
    }

    /// Page number and size. A larger size than the vendor allows is cut down without a word.
    pub(crate) fn page(&self, default_size: usize) -> Result<(usize, usize)> {
        let read = |name: &str, default: usize| -> Result<usize> {
            let number = self.number(name, 1..=i64::from(i32::MAX))?;
            Ok(number
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default))
        };
        Ok((read("PageNumber", 1)?, read("PageSize", default_size)?.min(50)))
    }

    /// The cluster that `ClusterId` names.
    pub(crate) fn cluster<'w>(&self, world: &'w mut World) -> Result<&'w mut Cluster> {
        let id = self.required("ClusterId")?;
        world
            .gws
            .clusters
            .get_mut(id)
            .filter(|cluster| cluster.account == self.account)
            .ok_or_else(|| not_found("ClusterId", id))
    }

    /// The desktop that `InstanceId` names.
    pub(crate) fn instance<'w>(&self, world: &'w mut World) -> Result<&'w mut Instance> {
        let id = self.required("InstanceId")?;
        world
            .gws
            .instances
            .get_mut(id)
            .filter(|instance| instance.account == self.account)
            .ok_or_else(|| not_found("InstanceId", id))
    }

    /// The image of the caller's own that `ImageId` names.
    pub(crate) fn own_image<'w>(&self, world: &'w mut World) -> Result<&'w mut Image> {
        let id = self.required("ImageId")?;
        match world.gws.images.get_mut(id) {
            Some(image) if image.account.is_none() => Err(ApiError::new(
                403,
                "Forbidden.SystemImage",
                "System images cannot be changed.",
            )),
            Some(image) if image.account.as_deref() == Some(&self.account) => Ok(image),
            _ => Err(not_found("ImageId", id)),
        }
    }
}

/// `MissingParameter`.
pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::new(
        400,
        "MissingParameter",
        &format!("The input parameter {name} that is mandatory for processing this request is not supplied."),
    )
}

/// `Invalid<Name>.NotFound`.
pub(crate) fn not_found(name: &str, id: &str) -> ApiError {
    ApiError::new(
        404,
        &format!("Invalid{name}.NotFound"),
        &format!("The specified {name} {id} does not exist."),
    )
}
