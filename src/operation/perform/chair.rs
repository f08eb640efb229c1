//! What the core wishes about a chair becomes rows: the chair itself, letters, its timer, lines.

use noroshi_core::{
    playbook::{PartyRef, Urgency},
    rights::Role,
    role::{Chair, Fact, Wish},
    text::Text,
    time::Timestamp,
};

use crate::{
    operation::{
        OperationError, Work,
        errand::{Errand, Matter},
        scene::{Scene, text},
        telling,
    },
    store::{self, to_json},
};

impl Work<'_> {
    /// Puts a chair as it stands now into its row and into the scene, and performs the wishes that came with it.
    pub(in crate::operation) async fn seat(
        &mut self,
        scene: &mut Scene,
        key: &str,
        chair: &Chair,
        wishes: Vec<Wish>,
    ) -> Result<(), OperationError> {
        let mut roles = std::mem::take(&mut scene.roles);
        if let Some(row) = roles.iter_mut().find(|role| role.key == key) {
            let name = |person: &Option<String>| {
                let person = scene.directory.people.get(person.as_deref()?)?;
                Some(to_json(&person.name))
            };
            if row.person != chair.holder {
                row.since_ms = self.now.0;
                row.accepted_at_ms = row.accepted_at_ms.or(chair.holder.is_some().then_some(self.now.0));
            }
            let asked = chair.offer.is_some();
            if u32::try_from(row.offer_number) != Ok(chair.number) || !asked {
                row.offered_at_ms = asked.then_some(self.now.0);
                row.offered_by = (asked && self.actor.id != "system").then(|| self.actor.name.clone());
            }
            let before = (row.person.clone(), row.name.clone());
            store::role::set_chair(row, chair);
            // Whoever sits there keeps their name, though the directory may no longer know them.
            let kept = before.1.filter(|_| before.0 == row.person && row.person.is_some());
            row.name = name(&row.person).or(kept);
            row.offered_name = name(&row.offered_to);
            store::role::save(&self.tx, row).await?;
        }
        scene.seat(roles);
        for wish in wishes {
            self.grant(scene, key, chair, wish).await?;
        }
        self.changed(scene.id(), "role");
        Ok(())
    }

    async fn grant(
        &mut self,
        scene: &Scene,
        key: &str,
        chair: &Chair,
        wish: Wish,
    ) -> Result<(), OperationError> {
        let Some(row) = scene.role(key) else { return Ok(()) };
        let role = PartyRef::Role(key.to_owned());
        match wish {
            Wish::Ask => {
                let Some(offer) = &chair.offer else { return Ok(()) };
                let until = scene.timeline.real_time_of(offer.until).unwrap_or(self.now);
                let about = Errand::Offer { role_id: row.id, number: chair.number, until };
                let points = self.letter_points(scene, &offer.to);
                self.write_letters(scene, Urgency::Critical, &role, &about, points);
            }
            Wish::SetTimer(due) => {
                let step = u16::try_from(row.offer_number).unwrap_or(0);
                self.time(scene, "role", row.id, step, Some(due.0));
            }
            Wish::DropTimer => {
                self.gathered.timers.insert(row.id, None);
            }
            Wish::WithdrawOffer { number } => {
                self.gathered.withdrawn_offers.push((row.id, i32::try_from(number).unwrap_or(i32::MAX)));
            }
            Wish::TellVacant => {
                let title = text(&row.title);
                let about = Errand::Notice {
                    subject: Text::both(
                        format!("空席 {}", title.ja),
                        format!("Nobody holds the role {}", english(&title)),
                    ),
                    body: Text::both(
                        format!("{}を引き受ける人がいません。誰かに頼んでください。", title.ja),
                        format!("Nobody has taken the role {}. Please ask somebody.", english(&title)),
                    ),
                    matter: Matter::Chair { key: key.to_owned() },
                    options: Vec::new(),
                    severity: Urgency::Critical,
                };
                let mut points = self.points_of_accounts(scene, &[Role::Admin, Role::Commander]).await?;
                if let Some(leader) = scene.leader(self.now) {
                    points.extend(self.letter_points(scene, &leader));
                }
                points.sort_by(|a, b| (&a.contact, &a.transport).cmp(&(&b.contact, &b.transport)));
                points.dedup();
                self.write_letters(scene, Urgency::Critical, &role, &about, points);
            }
            Wish::TellHolder => {
                let title = text(&row.title);
                let about = Errand::Notice {
                    subject: Text::both(
                        format!("引継ぎは承諾されませんでした {}", title.ja),
                        format!("The role {} was not taken over", english(&title)),
                    ),
                    body: Text::both(
                        format!("{}は引き続きあなたが務めます。別の人に頼むこともできます。", title.ja),
                        format!("You still hold the role {}. You can ask somebody else.", english(&title)),
                    ),
                    matter: Matter::Chair { key: key.to_owned() },
                    options: Vec::new(),
                    severity: Urgency::High,
                };
                self.write_to_role(scene, Urgency::High, &role, about).await?;
            }
            Wish::Record(fact) => {
                let told = told(self, scene, &fact);
                let line = match &self.actor.id {
                    id if id == "system" => telling::line("role", text(&row.title), told, self.now),
                    _ => telling::by(&self.actor, "role", text(&row.title), told, self.now),
                };
                self.line(scene.id(), line);
            }
        }
        Ok(())
    }
}

fn english(text: &Text) -> &str {
    text.en.as_deref().unwrap_or(&text.ja)
}

/// What happened to a chair, for the chronology.
fn told(work: &Work<'_>, scene: &Scene, fact: &Fact) -> Text {
    let name = |person: &str| {
        scene.directory.people.get(person).map_or_else(|| Text::plain(person), |found| found.name.clone())
    };
    let say = |person: &str, ja: &str, en: &str| {
        let name = name(person);
        Text::both(format!("{}{ja}", name.ja), format!("{}{en}", english(&name)))
    };
    match fact {
        Fact::Offered { to, until } => {
            let until: Timestamp = scene.timeline.real_time_of(*until).unwrap_or(work.now);
            let clock = crate::operation::letter::clock(work.app, until);
            say(to, &format!(" に打診（{clock}まで）"), &format!(" is asked to take it (until {clock})"))
        }
        Fact::Accepted { by, after: None } => say(by, " が就任", " has taken it"),
        Fact::Accepted { by, after: Some(former) } => {
            let former = name(former);
            say(
                by,
                &format!(" が {} から引継ぎ", former.ja),
                &format!(" has taken over from {}", english(&former)),
            )
        }
        Fact::Declined { by } => say(by, " は引き受けられない", " cannot take it"),
        Fact::Expired { by } => say(by, " から返事がない", " has not answered"),
        Fact::Undelivered { by } => say(by, " に打診が届かない", " could not be reached"),
        Fact::Withdrawn { from } => say(from, " への打診を取りやめ", " is no longer asked"),
        Fact::Released { by } => say(by, " が退任", " has released it"),
        Fact::Vacant => Text::both("空席。引き受ける人がいない", "Vacant: nobody has taken it"),
    }
}
