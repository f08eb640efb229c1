//! Answers that come at the same time share one commit: thousands a second are on disk before their replies.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    Actor, OperationError, Work,
    answer::{self, Known, Typed},
    doubt::Client,
};
use crate::{
    app::App,
    failpoint::reached,
    store::{self, StoreError, link::Link},
};

/// An answer by link, as it was typed.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The link that it came by.
    pub link: Link,
    /// Key of the option.
    pub option: String,
    /// Values by the names of the form's fields; `option.key` stands over `key`.
    pub values: BTreeMap<String, String>,
    /// Free words.
    pub note: String,
    /// What sent it, as far as can be told.
    pub client: Client,
}

impl Sent {
    fn value(&self, key: &str) -> Option<String> {
        let named = self.values.get(&format!("{}.{key}", self.option));
        named.or_else(|| self.values.get(key)).cloned()
    }
}

/// Takes these answers in one transaction; each has its own result, in the order they came.
///
/// One that cannot be taken keeps none of the others back. Where the database fails, all fail and nothing is stored.
pub async fn take(app: &App, sent: &[Sent]) -> Result<Vec<Result<(), OperationError>>, OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    let ids: Vec<Uuid> = sent.iter().map(|one| one.link.recipient_id).collect();
    let seen = store::recipient::several(&work.tx, ids.clone()).await?;
    work.enter(seen.iter().map(|row| row.incident_id)).await?;
    let mut known = Known::lock(&work, ids).await?;
    reached("answer.locked");
    let mut results = Vec::with_capacity(sent.len());
    for one in sent {
        work.actor = answer::actor(&one.link);
        let field = |key: &str| one.value(key);
        let typed = Typed { option: &one.option, field: &field, note: &one.note };
        match answer::answer(&mut work, &mut known, one, typed).await {
            Ok(()) => {
                reached("answer.taken");
                results.push(Ok(()));
            }
            // Whose recipient is gone is alone in that.
            Err(error @ OperationError::Store(StoreError::NotFound { .. })) => results.push(Err(error)),
            // Whatever the database did not do may have been half of it.
            Err(error @ OperationError::Store(_)) => return Err(error),
            // What cannot be taken is found out before anything is written.
            Err(error) => results.push(Err(error)),
        }
    }
    work.actor = Actor::system();
    known.conclude(&mut work).await?;
    reached("answer.concluded");
    work.commit().await?;
    reached("answer.committed");
    Ok(results)
}
