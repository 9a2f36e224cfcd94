//! Complete listings.

use std::collections::HashSet;

use super::client::{Ask, Client};
use crate::backend::Result;
use crate::backend::decode::{Fields, Odd};
use crate::backend::error::{BackendError, ErrorClass};

/// Rows asked for at a time: what every listing allows, and few enough for an answer of a mebibyte.
const LIMIT: usize = 100;
/// Listings that are begun before giving up on one that keeps changing.
const ATTEMPTS: u32 = 3;
/// More pages than any account fills; a server that never comes to an end is stopped here.
const MAX_PAGES: usize = 1000;

/// How the rows of a listing are found and read.
pub(super) trait Row: Sized {
    /// The field that holds the rows.
    const ROWS: &'static str;
    /// Fields of a row that can be the only one it has.
    const OWN: &'static [&'static str];
    /// Whether `total_count` says how many rows there are. In the document's example of a listing of images it does
    /// not: such a listing ends with its first empty page.
    const COUNTED: bool = true;

    /// Reads one row.
    fn read(fields: Fields<'_>) -> std::result::Result<Self, Odd>;

    /// Id of the row.
    fn id(&self) -> &str;
}

/// One page.
pub(super) struct Page<T> {
    rows: Vec<T>,
    total: Option<usize>,
}

pub(super) fn page<T: Row>(fields: Fields<'_>) -> std::result::Result<Page<T>, Odd> {
    let total = match fields.int("total_count")? {
        Some(total) => Some(usize::try_from(total).map_err(|_| Odd::not("total_count", "not a count"))?),
        None => None,
    };
    let rows = match fields.rows(T::ROWS, T::OWN)? {
        Some(rows) => rows,
        // No list is an empty one only if the vendor says so.
        None if total == Some(0) => Vec::new(),
        None => return Err(Odd::missing(T::ROWS)),
    };
    let rows: std::result::Result<Vec<T>, Odd> = rows.into_iter().map(T::read).collect();
    Ok(Page { rows: rows?, total })
}

impl Client {
    /// Every row there is, or an error: the pages must add up to the total they name and no row may come twice.
    pub(super) async fn list<T: Row>(&self, ask: &Ask) -> Result<Vec<T>> {
        for _ in 0..ATTEMPTS {
            if let Some(rows) = self.list_once(ask).await? {
                return Ok(rows);
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            ask.action,
            "the listing changed while it was read",
        ))
    }

    /// `None` when the pages do not fit together.
    async fn list_once<T: Row>(&self, ask: &Ask) -> Result<Option<Vec<T>>> {
        let mut rows: Vec<T> = Vec::new();
        let mut ids = HashSet::new();
        let mut expected = None;
        for number in 0..MAX_PAGES {
            let ask = ask.clone().with("limit", &LIMIT).with("offset", &rows.len());
            let page: Page<T> = self.send(&ask, |fields, _| page(fields)).await?;
            // A total that grows is rows added while reading, which at the end do no harm and elsewhere come twice.
            // One that shrinks has moved a row that was not read yet onto a page that was.
            let shrunk = T::COUNTED && number > 0 && page.total < expected;
            let empty = page.rows.is_empty();
            let unique = page.rows.iter().all(|row| ids.insert(row.id().to_owned()));
            if shrunk || !unique {
                return Ok(None);
            }
            expected = page.total.filter(|_| T::COUNTED);
            rows.extend(page.rows);
            match expected {
                Some(total) if rows.len() > total => return Ok(None),
                Some(total) if rows.len() == total => return Ok(Some(rows)),
                Some(_) if empty => return Ok(None),
                // Without a total the end shows only by a page behind it.
                None if empty => return Ok(Some(rows)),
                _ => {}
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            ask.action,
            "the answers do not say how long the listing is",
        ))
    }
}
