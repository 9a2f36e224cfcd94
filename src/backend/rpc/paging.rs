//! Complete listings, page by page.

use std::collections::HashSet;

use super::{Client, Params};
use crate::backend::Result;
use crate::backend::decode::{Fields, Odd};
use crate::backend::error::{BackendError, ErrorClass};

/// Rows asked for at a time: what GWS's sister product allows, and half of what CloudDesktop does.
const PAGE_SIZE: usize = 50;
/// Listings that are begun before giving up on one that keeps changing.
const ATTEMPTS: u32 = 3;
/// More pages than any account fills; a server that never comes to an end is stopped here.
const MAX_PAGES: usize = 2000;

/// What a product calls the parts of a page.
pub(crate) struct Names {
    /// How many rows there are in all pages.
    pub(crate) total: &'static str,
    /// Number of the page asked for.
    pub(crate) number: &'static str,
    /// Rows asked for.
    pub(crate) size: &'static str,
}

/// How the rows of a listing are found and read.
pub(crate) trait Row: Sized {
    /// The action that lists.
    const ACTION: &'static str;
    /// The field that holds the rows.
    const ROWS: &'static str;
    /// Fields of a row that can be the only one it has.
    const OWN: &'static [&'static str];
    /// What the product calls the parts of a page.
    const PAGES: Names;

    /// Reads one row; `None` for one that stands for nothing.
    fn read(fields: Fields<'_>) -> std::result::Result<Option<Self>, Odd>;

    /// Id of the row.
    fn id(&self) -> &str;
}

/// One page.
pub(crate) struct Page<T> {
    rows: Vec<T>,
    total: Option<usize>,
}

pub(crate) fn page<T: Row>(fields: Fields<'_>) -> std::result::Result<Page<T>, Odd> {
    let name = T::PAGES.total;
    let total = match fields.int(name)? {
        Some(total) => Some(usize::try_from(total).map_err(|_| Odd::missing(name))?),
        None => None,
    };
    let rows = match fields.rows(T::ROWS, T::OWN)? {
        Some(rows) => rows,
        // No list is an empty one only if the vendor says so.
        None if total == Some(0) => Vec::new(),
        None => return Err(Odd::missing(T::ROWS)),
    };
    let read: std::result::Result<Vec<Option<T>>, Odd> = rows.into_iter().map(T::read).collect();
    Ok(Page {
        rows: read?.into_iter().flatten().collect(),
        total,
    })
}

impl Client {
    /// Every row there is, or an error: the pages must add up to the total they name and no row may come twice.
    pub(crate) async fn list<T: Row>(&self, params: &Params) -> Result<Vec<T>> {
        for _ in 0..ATTEMPTS {
            if let Some(rows) = self.list_once(params).await? {
                return Ok(rows);
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            T::ACTION,
            "the listing changed while it was read",
        ))
    }

    /// `None` when the pages do not fit together.
    async fn list_once<T: Row>(&self, params: &Params) -> Result<Option<Vec<T>>> {
        let mut rows: Vec<T> = Vec::new();
        let mut ids = HashSet::new();
        let mut expected = None;
        for number in 1..=MAX_PAGES {
            let params = params
                .clone()
                .set(T::PAGES.number, &number)
                .set(T::PAGES.size, &PAGE_SIZE);
            let page: Page<T> = self.read(T::ACTION, &params, page).await?;
            // A total that grows is rows added while reading, which at the end do no harm and elsewhere come twice.
            // One that shrinks has moved a row that was not read yet onto a page that was.
            let shrunk = number > 1 && page.total < expected;
            let empty = page.rows.is_empty();
            let unique = page.rows.iter().all(|row| ids.insert(row.id().to_owned()));
            if shrunk || !unique {
                return Ok(None);
            }
            expected = page.total;
            rows.extend(page.rows);
            match expected {
                Some(total) if rows.len() > total => return Ok(None),
                Some(total) if rows.len() == total => return Ok(Some(rows)),
                Some(_) if empty => return Ok(None),
                // Without a total the end shows only by a page behind it, and nothing at all shows nothing.
                None if empty && rows.is_empty() => break,
                None if empty => return Ok(Some(rows)),
                _ => {}
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            T::ACTION,
            "the answers do not say how long the listing is",
        ))
    }
}
