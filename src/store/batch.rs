//! One statement that changes many rows, each to values of its own.

use sea_orm::{
    ConnectionTrait, EntityTrait, ModelTrait,
    sea_query::{Alias, Expr, ExprTrait, IntoIden, Query, TableRef, ValueTuple},
};

use super::StoreError;

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

/// What a row is to get in the column at this place of the list.
pub(super) fn new(place: usize) -> Expr {
    // Behind the id.
    nth(place + 2)
}

const NEW: &str = "new";

/// Both databases call the columns of a list of values `column1`, `column2` ….
fn nth(number: usize) -> Expr {
    Expr::col((Alias::new(NEW), Alias::new(format!("column{number}"))))
}
