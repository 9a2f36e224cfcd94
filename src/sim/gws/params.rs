//! Reading the parameters that name objects of GWS.

use super::model::{Cluster, Image, Instance};
pub(super) use crate::sim::rpc::{invalid, missing, not_found};
use crate::sim::vendor::{ApiError, Call};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// An object's present state does not allow it.
pub(crate) fn wrong_state(id: &str, status: &str) -> ApiError {
    ApiError::new(
        403,
        "IncorrectInstanceStatus",
        &format!("The current status of {id}, {status}, does not support this operation."),
    )
}

impl Call {
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
