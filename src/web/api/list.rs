//! Lists: `limit` and `after` in, `{items, next}` out.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most so many items: 1 to 10,000; 100 where absent. More is cut, not refused.
    pub limit: Option<u64>,
    /// Items after this one: the `next` of the page before.
    pub after: Option<String>,
}

impl Page {
    /// The limit in force.
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(100).clamp(1, 10_000)
    }
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// `after` of the next page; null at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A page of items that were asked for with one more than the limit.
    pub fn cut(mut items: Vec<T>, limit: u64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}
