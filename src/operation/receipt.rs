//! What others tell of a letter after they took it: a gateway's receipt, a receiver that has been taken down.

use entity::delivery;
use noroshi_core::{
    id::DeliveryId,
    ladder::Input,
    playbook::{PartyRef, Urgency},
    rights::Role,
    text::Text,
    time::Timestamp,
};

use super::{
    Actor, OperationError, Work,
    delivery::settle,
    errand::{Errand, Matter},
    recipients::Recipients,
    scene::{Scene, Scenes, text},
};
use crate::{
    app::App,
    store::{self, StoreError, receipt::Fate},
};

/// Takes a receipt: `id` is the gateway's own for the message, or the delivery's.
///
/// One that comes before we know whose message it is waits for that. Returns whether a delivery was found.
pub async fn take(app: &App, id: &str, fate: &Fate) -> Result<bool, OperationError> {
    let ours: Option<DeliveryId> = id.parse().ok();
    loop {
        let known = match ours {
            Some(id) => Some(id),
            None => store::receipt::delivery(app.store.read(), id).await?,
        };
        let mut work = Work::begin(app, Actor::system()).await?;
        let row = match known {
            None => None,
            Some(id) => match store::delivery::get(&work.tx, id).await {
                Ok(row) if row.transport == "http_gateway" => Some(row),
                Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            },
        };
        work.enter(row.iter().map(|row| row.incident_id)).await?;
        if ours.is_none() {
            let told = store::receipt::tell(&work.tx, id, fate, work.now).await?;
            // Recorded between our look and our lock: once more, this time with its incident.
            if row.is_none() && told.is_some() {
                continue;
            }
        }
        let Some(row) = row else {
            work.commit().await?;
            return Ok(false);
        };
        // Read again behind the lock.
        let mut row = store::delivery::get(&work.tx, DeliveryId::new(row.id)).await?;
        let at = work.now;
        let mut rows = Recipients::lock(&work, row.recipient_id.into_iter().collect()).await?;
        if let Some(input) = apply(&mut row, fate, at) {
            settle(&mut work, &mut Scenes::default(), &mut rows, &mut row, input, at).await?;
            rows.save(&work).await?;
        }
        work.commit().await?;
        return Ok(true);
    }
}

/// What a receipt makes of a delivery, and what the ladder of its recipient hears; `None` where it is no news.
///
/// - Arrived is arrived, whatever was known before; what is queued for a second time is not sent any more.
/// - A message that was taken and will not arrive is as good as refused: the next step is taken at once. After it has
///   arrived, or has failed otherwise, it is no news.
pub(super) fn apply(delivery: &mut delivery::Model, fate: &Fate, at: Timestamp) -> Option<Option<Input>> {
    match fate {
        Fate::Delivered if delivery.state == "delivered" => None,
        Fate::Delivered => {
            // One that is being handed over once more is written when that has ended.
            if delivery.state != "leased" {
                delivery.state = "delivered".into();
                delivery.reason = None;
                delivery.ended_at_ms = Some(at.0);
            }
            Some(Some(Input::Delivered { at }))
        }
        Fate::Failed(word) if delivery.state == "accepted" => {
            delivery.state = "refused".into();
            delivery.reason = Some(format!("receipt: {word}"));
            delivery.ended_at_ms = Some(at.0);
            let letter = delivery.letter.and_then(|letter| u16::try_from(letter).ok());
            Some(letter.map(|letter| Input::Failed { letter, at }))
        }
        Fate::Failed(_) => None,
    }
}

/// A receiver has been taken down for good: whoever keeps the directory has to know.
pub(super) async fn tell_owner(
    work: &mut Work<'_>,
    scene: &Scene,
    delivery: &delivery::Model,
) -> Result<(), OperationError> {
    let name = text(&delivery.name);
    let (ja, en) = (name.get(noroshi_core::text::Language::Ja), name.get(noroshi_core::text::Language::En));
    let via = &delivery.via;
    let about = Errand::Notice {
        subject: Text::both(format!("宛先の廃止 {ja}（{via}）"), format!("Address taken down: {en} ({via})")),
        body: Text::both(
            format!(
                "{ja} の {via} の受け手が「もう存在しない」(410) と答えました。この宛先へはもう送りません。連絡先台帳で宛先を直すか、確認済みにしてください。"
            ),
            format!(
                "The receiver of {en} by {via} says that it is gone (410). Nothing more is sent there. Correct the address in the directory, or mark it as looked into."
            ),
        ),
        matter: Matter::Address { contact: delivery.contact.clone() },
        options: Vec::new(),
        severity: Urgency::High,
    };
    let points = work.points_of_accounts(scene, &[Role::Admin]).await?;
    work.write_letters(scene, Urgency::High, &PartyRef::Role("admin".into()), &about, points);
    Ok(())
}
