//! Many rows in one statement: added, changed each to values of its own, or looked up each beside what is known of it.

use futures_util::future::join;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait, QueryTrait, Select,
    sea_query::{Alias, Expr, ExprTrait, IntoIden, OnConflict, Query, TableRef, ValueTuple},
};
use uuid::Uuid;

use super::{CHUNK, StoreError};

/// Adds rows, in as few statements as there are chunks. While the database works on one, the next is written.
///
/// - `known`: what is done with one that is there already; without it that is an error.
pub(super) async fn insert_all<E>(
    db: &impl ConnectionTrait,
    rows: Vec<E::Model>,
    known: Option<OnConflict>,
) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E>,
{
    let backend = db.get_database_backend();
    let mut rows = rows.into_iter();
    let mut next = || {
        (rows.len() > 0).then(|| {
            let chunk = rows.by_ref().take(CHUNK).map(IntoActiveModel::into_active_model);
            let insert = E::insert_many(chunk);
            match &known {
                Some(known) => insert.on_conflict(known.clone()).build(backend),
                None => insert.build(backend),
            }
        })
    };
    let mut statement = next();
    while let Some(insert) = statement {
        // In this order: the statement is on its way when the next one is begun.
        let (done, following) = join(db.execute_raw(insert), async { next() }).await;
        done?;
        statement = following;
    }
    Ok(())
}

/// Writes these columns of each of these rows, which are found by their `id`. Returns how many there were.
///
/// `UPDATE … FROM (VALUES …)`, which both databases know; it carries no more than what is to be written.
///
/// - `and`: what has to be true of a row besides; [`new`] is what it is to get.
pub(super) async fn update_each<'a, E>(
    db: &impl ConnectionTrait,
    id: E::Column,
    columns: &[E::Column],
    rows: impl Iterator<Item = &'a E::Model>,
    and: Option<Expr>,
) -> Result<u64, StoreError>
where
    E: EntityTrait,
    E::Model: 'a,
{
    let values = |row: &E::Model| [id].iter().chain(columns).map(|column| row.get(*column)).collect();
    let values: Vec<ValueTuple> = rows.map(|row| ValueTuple::Many(values(row))).collect();
    let mut change = Query::update();
    change.table(E::default()).from(TableRef::ValuesList(values, Alias::new(NEW).into_iden()));
    for (place, column) in columns.iter().enumerate() {
        change.value(*column, new(place));
    }
    change.and_where(Expr::col((E::default(), id)).eq(nth(1)));
    if let Some(and) = and {
        change.and_where(and);
    }
    Ok(db.execute(&change).await?.rows_affected())
}

/// Keeps the rows whose `id` stands in this list, each beside the number that is listed with it: [`new`] of place 0.
pub(super) fn beside<E: EntityTrait>(
    mut query: Select<E>,
    id: E::Column,
    list: impl IntoIterator<Item = (Uuid, i32)>,
) -> Select<E> {
    QueryTrait::query(&mut query)
        .from_values(list, Alias::new(NEW))
        .and_where(Expr::col((E::default(), id)).eq(nth(1)));
    query
}

/// What a row is to get in the column at this place of the list, or what is listed beside it there.
pub(super) fn new(place: usize) -> Expr {
    // Behind the id.
    nth(place + 2)
}

const NEW: &str = "new";

/// Both databases call the columns of a list of values `column1`, `column2` ….
fn nth(number: usize) -> Expr {
    Expr::col((Alias::new(NEW), Alias::new(format!("column{number}"))))
}
