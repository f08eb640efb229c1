//! The chairs of a start: offered, accepted, left empty, by the very [`advance`] that runs an incident.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answers, Entry, PlannedRole, WINDOW, What, course::Walk};
use crate::{
    playbook::{PartyRef, Role},
    role::{Chair, Fact, Input, View, Wish, advance},
    time::Timestamp,
};

/// Who holds a role or is asked to, by role: person; from each moment on.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Vec<(Timestamp, BTreeMap<String, String>)>);

impl Seats {
    /// As they stand at `now`.
    pub(super) fn at(&self, now: Timestamp) -> &BTreeMap<String, String> {
        static NOBODY: BTreeMap<String, String> = BTreeMap::new();
        self.0.iter().rev().find(|(from, _)| *from <= now).map_or(&NOBODY, |(_, seats)| seats)
    }

    fn change(&mut self, now: Timestamp, role: &str, chair: &Chair) {
        let mut seats = self.at(now).clone();
        let person = chair.holder.as_ref().or(chair.offer.as_ref().map(|offer| &offer.to));
        match person {
            Some(person) => drop(seats.insert(role.to_owned(), person.clone())),
            None => drop(seats.remove(role)),
        }
        match self.0.last_mut().filter(|(from, _)| *from == now) {
            Some((_, last)) => *last = seats,
            None => self.0.push((now, seats)),
        }
    }
}

/// A chair with its one timer.
struct Seat<'r> {
    role: &'r Role,
    chair: Chair,
    timer: Option<Timestamp>,
}

impl Walk<'_> {
    /// Offers every role as a start does, one after the other, until somebody has accepted or nobody is left.
    pub(super) fn chairs(&mut self) -> Vec<PlannedRole> {
        let plan = self.plan;
        let mut seats: Vec<Seat<'_>> = Vec::new();
        for role in &plan.playbook.roles {
            let mut seat = Seat { role, chair: Chair::default(), timer: None };
            self.sit(&mut seat, Input::Begun { starter: plan.starter }, plan.at);
            if plan.answers == Answers::All
                && let Some(asked) = seat.chair.offer.clone()
            {
                self.sit(&mut seat, Input::Accepted { by: &asked.to }, plan.at);
            }
            seats.push(seat);
        }
        let roles = seats.iter().map(|seat| self.planned(seat)).collect();
        let until = plan.at + WINDOW;
        loop {
            let next = seats.iter_mut().filter(|seat| seat.timer.is_some_and(|due| due <= until));
            let Some(seat) = next.min_by_key(|seat| seat.timer) else { break };
            // Each firing sets a later timer or none, so this ends.
            let Some(due) = seat.timer.take() else { break };
            let number = seat.chair.number;
            self.sit(seat, Input::TimerFired { number }, due);
            if plan.answers == Answers::All
                && let Some(asked) = seat.chair.offer.clone()
            {
                self.sit(seat, Input::Accepted { by: &asked.to }, due);
            }
        }
        roles
    }

    fn sit(&mut self, seat: &mut Seat<'_>, input: Input<'_>, now: Timestamp) {
        let key = &seat.role.key;
        let who = self.who(now);
        let fill = who.fill(key, now);
        let askable: Vec<String> =
            fill.iter().filter(|person| !self.letter_points(person).is_empty()).cloned().collect();
        let view = View {
            fill: &fill,
            askable: &askable,
            accept_within: seat.role.accept_within,
            now,
            next_change: self.plan.directory.next_change(who.rosters(key), now),
        };
        // What is refused changes nothing.
        let Ok((chair, wishes)) = advance(&view, &seat.chair, input) else { return };
        self.seats.change(now, key, &chair);
        for wish in wishes {
            match wish {
                Wish::Ask => {
                    let person = chair.offer.as_ref().map(|offer| offer.to.clone());
                    let entry = self.of_chair(seat.role, person.clone(), now, What::Offer);
                    self.entries.push(entry.clone());
                    self.letters_to_each(&entry, person.as_slice());
                }
                Wish::Record(Fact::Accepted { by, .. }) => {
                    let entry = self.of_chair(seat.role, Some(by), now, What::Accept);
                    self.entries.push(entry);
                }
                Wish::TellVacant => {
                    let entry = self.of_chair(seat.role, None, now, What::Vacant);
                    self.entries.push(entry.clone());
                    let told = self.told_of_vacancy();
                    self.letters_to_each(&entry, &told);
                }
                Wish::SetTimer(due) => seat.timer = Some(due),
                Wish::DropTimer => seat.timer = None,
                Wish::WithdrawOffer { .. } | Wish::TellHolder | Wish::Record(_) => {}
            }
        }
        seat.chair = chair;
    }

    /// Administrators, commanders and whoever leads, each once.
    fn told_of_vacancy(&self) -> Vec<String> {
        let first = || self.plan.playbook.roles.first().map(|role| &role.key);
        let leading = self.plan.playbook.close.approve.as_ref().or_else(first);
        let leader = leading.map(|key| PartyRef::Role(key.clone()).to_string()).and_then(|key| {
            let sat = self.entries.iter().rev().find(|it| it.what == What::Accept && it.recipient == key);
            sat?.person.clone()
        });
        let accounts = self.plan.admins.iter().chain(self.plan.commanders).cloned();
        accounts.chain(leader).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn of_chair(&self, role: &Role, person: Option<String>, now: Timestamp, what: What) -> Entry {
        let party = PartyRef::Role(role.key.clone());
        Entry {
            line: self.plan.playbook.lines.of("roles", &role.key),
            person_name: person.as_deref().and_then(|person| self.name_of(person)),
            person,
            by: Some(party.clone()),
            ..self.entry(None, party.to_string(), role.title.clone(), now, what)
        }
    }

    fn planned(&self, seat: &Seat<'_>) -> PlannedRole {
        let (role, at) = (seat.role, self.plan.at);
        // Whoever sits there or is asked comes first.
        let people = self.who(at).people(&PartyRef::Role(role.key.clone()), at);
        PlannedRole {
            role: role.key.clone(),
            title: role.title.clone(),
            name: people.first().and_then(|person| self.name_of(person)),
            behind: people.len().saturating_sub(1),
            person: people.into_iter().next(),
            line: self.plan.playbook.lines.of("roles", &role.key),
        }
    }
}
