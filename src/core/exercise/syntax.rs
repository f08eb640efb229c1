//! Reads an exercise file. References inside of it and into the playbook are looked at while reading.

use std::collections::BTreeSet;

use super::{
    Aar, Between, Cast, Clock, Consent, Disclosure, Egress, Evaluation, Exercise, ExerciseKind, Objective,
    OnEnd, Pin, Rating, Safety, Stretch, Survey,
};
use crate::{
    document::{self, Kind},
    playbook::{PartyRef, Playbook},
    problem::Problem,
    rule::Needs,
    text::Text,
    time::Timestamp,
    yaml::{
        Limits, Problems,
        fields::{Fields, Spot, did_you_mean},
    },
};

mod play;

/// Reads an exercise: the value where there is no error, and every problem in the order of the file.
pub fn read(source: &[u8]) -> (Option<Exercise>, Vec<Problem>) {
    check(source, None)
}

/// Reads an exercise as [`read`] does, and looks up what it names of its playbook, where that is known.
pub fn check(source: &[u8], playbook: Option<&Playbook>) -> (Option<Exercise>, Vec<Problem>) {
    let problems = Problems::default();
    let exercise = document::tree(source, Limits::PLAYBOOK, &problems).and_then(|(_, root)| {
        let fields = document::head(&root, Kind::Exercise, &problems)?;
        let exercise = exercise(fields, playbook, &problems);
        exercise.filter(|_| !problems.has_errors())
    });
    (exercise, problems.into_sorted())
}

/// Reads every block, whatever is wrong.
#[cfg(test)]
pub(crate) fn read_only(fields: Fields<'_>, problems: &Problems) {
    exercise(fields, None, problems);
}

/// The key of the playbook that an exercise pins; `None` where the file does not say.
pub fn pinned_playbook(source: &[u8]) -> Option<String> {
    let problems = Problems::default();
    let (_, root) = document::tree(source, Limits::PLAYBOOK, &problems)?;
    Some(root.get("playbook")?.get("key")?.as_str()?.to_owned())
}

/// What references inside of the exercise, and into its playbook, may name.
struct Known<'k> {
    objectives: BTreeSet<String>,
    faults: BTreeSet<String>,
    playbook: Option<&'k Playbook>,
}

fn exercise(fields: Fields<'_>, playbook: Option<&Playbook>, problems: &Problems) -> Option<Exercise> {
    let whole = fields.spot.clone();
    let faults = whole.child("faults").map(|spot| spot.elements()).unwrap_or_default();
    let objectives = whole.child("objectives").map(|spot| spot.children()).unwrap_or_default();
    let pinned = whole.descend(&["playbook", "key"]).and_then(|spot| spot.words());
    let known = Known {
        objectives: objectives.into_iter().map(|(key, _)| key).collect(),
        faults: faults.iter().filter_map(|fault| Some(fault.child("key")?.words()?.to_owned())).collect(),
        playbook: playbook.filter(|playbook| Some(playbook.key.as_str()) == pinned),
    };
    let metadata = fields.need("metadata").and_then(|spot| metadata(&spot));
    let pin = fields.need("playbook").and_then(|spot| pin(&spot));
    let objectives = fields.need("objectives").map(|spot| {
        spot.some_entries().into_iter().filter_map(|(key, spot)| objective(key, &spot)).collect()
    });
    let clock = fields.need("clock").and_then(|spot| clock(&spot));
    let cast = fields.need("cast").and_then(|spot| cast(&spot, &known));
    let safety = fields.need("safety").and_then(|spot| safety(&spot, &known));
    let seed = fields.need("seed").and_then(|spot| {
        let seed = u64::try_from(spot.int()?).ok();
        if seed.is_none() {
            let help = Text::both("20261205 のような 0 以上の整数です。", "Write a whole number from 0 on.");
            spot.not_a(spot.words().unwrap_or_default(), "種", "a seed", help);
        }
        seed
    });
    let responders = fields.get("simulated_responders").map(|spot| play::responders(&spot, &known));
    let faults = fields.get("faults").map(|spot| play::faults(&spot, &known)).unwrap_or_default();
    let msel = fields.get("msel").map(|spot| play::msel(&spot, &known)).unwrap_or_default();
    let expectations = fields.need("expectations").map(|spot| play::expectations(&spot, &known));
    let rating = fields.get("rating").and_then(|spot| rating(&spot));
    let evaluation = fields.get("evaluation").and_then(|spot| evaluation(&spot));
    let waive = document::waivers(&fields, Kind::Exercise);
    fields.finish();
    // The rules whose breach an exercise can waive are not looked at here.
    document::waive(&waive, problems, |needs| needs != Needs::File);
    let (key, version, title, kind, disclosure) = metadata?;
    Some(Exercise {
        key,
        version,
        title,
        kind,
        disclosure,
        playbook: pin?,
        objectives: objectives?,
        clock: clock?,
        cast: cast?,
        safety: safety?,
        seed: seed?,
        responders: responders.unwrap_or_default(),
        faults,
        msel,
        expectations: expectations?,
        rating: rating.unwrap_or_default(),
        evaluation: evaluation.unwrap_or_default(),
        waive: waive.into_iter().map(|waiver| waiver.value).collect(),
    })
}

type Metadata = (String, String, Text, ExerciseKind, Disclosure);

fn metadata(spot: &Spot<'_>) -> Option<Metadata> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let version = fields.need("version").and_then(|spot| spot.string().map(str::to_owned));
    let title = fields.need("title").and_then(|spot| spot.text());
    let kind = fields.need("type").and_then(|spot| {
        spot.one_of(&[
            ("seminar", ExerciseKind::Seminar),
            ("tabletop", ExerciseKind::Tabletop),
            ("drill", ExerciseKind::Drill),
            ("functional", ExerciseKind::Functional),
            ("full_scale", ExerciseKind::FullScale),
        ])
    });
    let disclosure = match fields.get("disclosure") {
        Some(spot) => spot.one_of(&[("announced", Disclosure::Announced), ("blind", Disclosure::Blind)]),
        None => Some(Disclosure::Announced),
    };
    fields.finish();
    Some((key?, version?, title?, kind?, disclosure?))
}

fn pin(spot: &Spot<'_>) -> Option<Pin> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let version = fields.need("version").and_then(|spot| spot.string().map(str::to_owned));
    fields.finish();
    Some(Pin { key: key?, version: version? })
}

fn objective(key: String, spot: &Spot<'_>) -> Option<Objective> {
    let fields = spot.fields()?;
    let title = fields.need("title").and_then(|spot| spot.text());
    let capability = fields.get("capability").and_then(|spot| spot.string().map(str::to_owned));
    let weight = fields.need("weight").and_then(|spot| spot.count());
    fields.finish();
    Some(Objective { key, title: title?, capability, weight: weight? })
}

fn moment(spot: &Spot<'_>) -> Option<Timestamp> {
    let words = spot.string()?;
    let moment = Timestamp::parse_rfc3339(words);
    if moment.is_none() {
        let help = Text::both(
            "2026-12-05T09:00:00+09:00 のように書いてください。",
            "Write it like 2026-12-05T09:00:00+09:00.",
        );
        spot.not_a(words, "日時", "a moment", help);
    }
    moment
}

fn clock(spot: &Spot<'_>) -> Option<Clock> {
    let fields = spot.fields()?;
    let start_at = fields.need("start_at").and_then(|spot| moment(&spot));
    let scenario_start = match fields.get("scenario_start") {
        Some(spot) => moment(&spot),
        None => start_at,
    };
    let speed = fields.get("speed").map(|spot| spot.items().iter().filter_map(stretch).collect());
    let end_after = fields.need("end_after").and_then(|spot| spot.span());
    let pausable = fields.get("pausable").map_or(Some(true), |spot| spot.flag());
    fields.finish();
    Some(Clock {
        start_at: start_at?,
        scenario_start: scenario_start?,
        speed: speed.unwrap_or_default(),
        end_after: end_after?,
        pausable: pausable?,
    })
}

fn stretch(spot: &Spot<'_>) -> Option<Stretch> {
    let fields = spot.fields()?;
    let from = fields.need("from").and_then(|spot| spot.span());
    let to = fields.get("to").and_then(|spot| {
        let to = spot.span()?;
        if from.is_some_and(|from| to <= from) {
            spot.error(
                "R02",
                Text::both(
                    "区間の終わりが始まりより後ではありません。",
                    "The end is not after the beginning.",
                ),
                Text::both("to を from より後にしてください。", "Make \"to\" later than \"from\"."),
            );
        }
        Some(to)
    });
    let x = fields.need("x").and_then(|spot| spot.count());
    fields.finish();
    Some(Stretch { from: from?, to, x: x? })
}

fn cast(spot: &Spot<'_>, known: &Known<'_>) -> Option<Cast> {
    let fields = spot.fields()?;
    let list = |name| fields.get(name).map(|spot| parties(&spot, known)).unwrap_or_default();
    let cast = Cast {
        controllers: list("controllers"),
        evaluators: list("evaluators"),
        players: list("players"),
        observers: list("observers"),
    };
    fields.finish();
    Some(cast)
}

fn parties(spot: &Spot<'_>, known: &Known<'_>) -> Vec<PartyRef> {
    spot.items().iter().filter_map(|spot| party(spot, known)).collect()
}

/// Somebody: `agency:…`, `role:…` of the playbook, `roster.…`.
fn party(spot: &Spot<'_>, known: &Known<'_>) -> Option<PartyRef> {
    let words = spot.string()?;
    let makes: [(&str, fn(String) -> PartyRef); 3] =
        [("agency:", PartyRef::Agency), ("role:", PartyRef::Role), ("roster.", PartyRef::Roster)];
    let found = makes.iter().find_map(|(prefix, make)| {
        let key = words.strip_prefix(prefix).filter(|key| !key.is_empty())?;
        Some(make(key.to_owned()))
    });
    match &found {
        None => spot.not_a(
            words,
            "ここに書ける宛先",
            "somebody who can be named here",
            Text::both(
                "\"agency:…\"、\"role:…\"、roster.… の形で書いてください。",
                "Write \"agency:…\", \"role:…\" or roster.….",
            ),
        ),
        Some(PartyRef::Role(key)) => known.look_up(spot, "role", "役割", key, |playbook| {
            playbook.roles.iter().map(|role| role.key.as_str()).collect()
        }),
        Some(_) => {}
    }
    found
}

impl Known<'_> {
    /// Tells a key that the playbook does not have.
    fn look_up(
        &self,
        spot: &Spot<'_>,
        what: &str,
        what_ja: &str,
        key: &str,
        keys: fn(&Playbook) -> Vec<&str>,
    ) {
        let Some(playbook) = self.playbook else { return };
        leads_somewhere(spot, what, what_ja, key, keys(playbook).into_iter());
    }
}

/// Tells a key that is not among those known.
fn leads_somewhere<'n>(
    spot: &Spot<'_>,
    what: &str,
    what_ja: &str,
    key: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) {
    if known.clone().any(|name| name == key) {
        return;
    }
    let (hint_ja, hint_en) = did_you_mean(key, known);
    let key = crate::yaml::fields::shortened(key);
    spot.error(
        "R01",
        Text::both(
            format!("{what_ja}「{key}」はありません。{hint_ja}"),
            format!("There is no {what} \"{key}\".{hint_en}"),
        ),
        Text::both("名前を直すか、定義してください。", "Correct the name, or define it."),
    );
}

fn safety(spot: &Spot<'_>, known: &Known<'_>) -> Option<Safety> {
    let fields = spot.fields()?;
    let egress = match fields.get("egress") {
        Some(spot) => spot.one_of(&[
            ("simulated", Egress::Simulated),
            ("consented", Egress::Consented),
            ("allowlist", Egress::Allowlist),
        ]),
        None => Some(Egress::Simulated),
    };
    fields.get("mark").map(|spot| spot.one_of(&[("inherit", ())]));
    let arm = match fields.get("arm") {
        Some(spot) => spot.one_of(&[("one_person", false), ("two_person", true)]),
        None => Some(false),
    };
    let words = |name| -> Vec<String> {
        let list = fields.get(name).map(|spot| spot.strings()).unwrap_or_default();
        list.into_iter().map(|word| word.value).collect()
    };
    let stop_words = words("stop_words");
    let allowlist = words("allowlist");
    let watch = fields.get("real_event").and_then(|spot| {
        let fields = spot.fields()?;
        let sources = ["jma.earthquake", "jma.tsunami", "jma.warning", "cap", "playbook.any_real_incident"];
        let watch = fields.need("watch").map(|spot| {
            spot.some_items()
                .iter()
                .filter_map(|spot| spot.one_of(&sources.map(|word| (word, word))))
                .collect::<Vec<_>>()
        });
        fields.need("then").map(|spot| spot.one_of(&[("abort_and_purge", ())]));
        fields.finish();
        Some(watch?.into_iter().map(str::to_owned).collect())
    });
    let stop_when =
        fields.get("stop_when").map(|spot| spot.items().iter().filter_map(stop_condition).collect());
    let on_end = fields.get("on_end").and_then(|spot| on_end(&spot, known));
    let consents = fields
        .get("consents")
        .map(|spot| spot.items().iter().filter_map(|spot| consent(spot, known)).collect());
    fields.finish();
    Some(Safety {
        egress: egress?,
        two_person_arm: arm?,
        stop_words,
        watch: watch.unwrap_or_default(),
        stop_when: stop_when.unwrap_or_default(),
        on_end: on_end.unwrap_or_default(),
        allowlist,
        consents: consents.unwrap_or_default(),
    })
}

/// A source with its conditions, which differ by source.
fn stop_condition(spot: &Spot<'_>) -> Option<serde_json::Value> {
    let fields = spot.fields()?;
    let sources = ["jma.earthquake", "jma.tsunami", "jma.warning", "cap"].map(|word| (word, ()));
    fields.need("source").map(|spot| spot.one_of(&sources));
    for name in ["max_intensity", "area_in", "kind_in"] {
        fields.get(name);
    }
    fields.finish();
    Some(spot.node.to_json())
}

fn on_end(spot: &Spot<'_>, known: &Known<'_>) -> Option<OnEnd> {
    let fields = spot.fields()?;
    let send = fields.get("send").and_then(|spot| {
        let key = spot.string()?;
        // The service's own words, where the playbook has no alert for it.
        if key != "end_notice" {
            known.look_up(&spot, "alert", "通知", key, |playbook| {
                playbook.alerts.iter().map(|alert| alert.key.as_str()).collect()
            });
        }
        Some(key.to_owned())
    });
    let flag = |name| fields.get(name).and_then(|spot| spot.flag()).unwrap_or(false);
    let on_end = OnEnd {
        send,
        purge_scheduled: flag("purge_scheduled"),
        verify_empty_outbox: flag("verify_empty_outbox"),
    };
    fields.finish();
    Some(on_end)
}

fn consent(spot: &Spot<'_>, known: &Known<'_>) -> Option<Consent> {
    let fields = spot.fields()?;
    let recipient = fields.need("recipient").and_then(|spot| party(&spot, known));
    let by = fields.need("by").and_then(|spot| spot.string().map(str::to_owned));
    let given_on = fields.need("given_on").and_then(|spot| spot.date());
    let scope = fields.need("scope").and_then(|spot| spot.text());
    let expires_on = fields.need("expires_on").and_then(|spot| spot.date());
    fields.finish();
    Some(Consent {
        recipient: recipient?,
        by: by?,
        given_on: given_on?,
        scope: scope?,
        expires_on: expires_on?,
    })
}

/// `1m..3m`, or one length of time.
fn between(spot: &Spot<'_>) -> Option<Between> {
    let words = spot.string()?;
    let (from, to) = words.split_once("..").unwrap_or((words, words));
    let bounds = from.trim().parse().ok().zip(to.trim().parse().ok());
    let Some((from, to)) = bounds.filter(|(from, to)| from <= to) else {
        let help = Text::both("1m..3m か 2m のように書いてください。", "Write it like 1m..3m or 2m.");
        spot.not_a(words, "時間の幅", "a range of time", help);
        return None;
    };
    Some(Between { from, to })
}

fn rating(spot: &Spot<'_>) -> Option<Rating> {
    let fields = spot.fields()?;
    let [p, s, m, u] = ["P", "S", "M", "U"].map(|name| fields.need(name).and_then(|spot| percentage(&spot)));
    fields.finish();
    let rating = Rating { p: p?, s: s?, m: m?, u: u? };
    if !(rating.p > rating.s && rating.s > rating.m && rating.m > rating.u) {
        spot.error(
            "R02",
            Text::both("評価の境目が大きい順になっていません。", "The bounds of the ratings do not descend."),
            Text::both("P > S > M > U にしてください。", "Write P > S > M > U."),
        );
    }
    Some(rating)
}

fn percentage(spot: &Spot<'_>) -> Option<u32> {
    let number = spot.int()?;
    let fits = u32::try_from(number).ok().filter(|number| *number <= 100);
    if fits.is_none() {
        let help = Text::both("0 から 100 までの整数です。", "Write a whole number from 0 to 100.");
        spot.not_a(&number.to_string(), "百分率", "a percentage", help);
    }
    fits
}

fn evaluation(spot: &Spot<'_>) -> Option<Evaluation> {
    let fields = spot.fields()?;
    let words = |fields: &Fields<'_>, name| -> Vec<String> {
        let list = fields.get(name).map(|spot| spot.strings()).unwrap_or_default();
        list.into_iter().map(|word| word.value).collect()
    };
    let notes = fields.get("evaluator_notes").and_then(|spot| {
        let fields = spot.fields()?;
        fields
            .get("per")
            .map(|spot| spot.one_of(&[("objective", ()), ("expectation", ()), ("exercise", ())]));
        let columns = words(&fields, "fields");
        let photo = fields.get("photo").and_then(|spot| spot.flag()).unwrap_or(false);
        fields.finish();
        Some((columns, photo))
    });
    let hotwash = fields.get("hotwash").and_then(|spot| {
        let fields = spot.fields()?;
        fields.get("at").map(|spot| spot.one_of(&[("end", ())]));
        let within = fields.get("within").and_then(|spot| spot.span());
        let prompts = fields.get("prompts").map(|spot| spot.items().iter().filter_map(Spot::text).collect());
        fields.finish();
        Some((prompts.unwrap_or_default(), within))
    });
    let survey = fields.get("survey").and_then(|spot| survey(&spot));
    let aar = fields.get("aar").and_then(|spot| {
        let fields = spot.fields()?;
        let chosen = |name, choices: &[(&str, &'static str)]| -> Vec<String> {
            let list = fields.get(name).map(|spot| spot.items()).unwrap_or_default();
            list.iter().filter_map(|spot| spot.one_of(choices)).map(str::to_owned).collect()
        };
        let formats = chosen("formats", &["md", "html", "csv"].map(|word| (word, word)));
        let parts = ["timeline", "ack_board", "expectation_results", "notes", "survey"];
        let include = chosen("include", &parts.map(|word| (word, word)));
        let improvement_fields = fields.get("improvement_plan").and_then(|spot| {
            let fields = spot.fields()?;
            let columns = words(&fields, "fields");
            fields.finish();
            Some(columns)
        });
        fields.finish();
        Some(Aar { formats, include, improvement_fields: improvement_fields.unwrap_or_default() })
    });
    fields.finish();
    Some(Evaluation { notes, hotwash, survey, aar })
}

fn survey(spot: &Spot<'_>) -> Option<Survey> {
    let fields = spot.fields()?;
    let cast = ["controllers", "evaluators", "players", "observers"].map(|word| (word, word));
    let to = fields
        .get("to")
        .map(|spot| spot.items().iter().filter_map(|spot| spot.one_of(&cast)).collect::<Vec<_>>());
    let anonymous = fields.get("anonymous").and_then(|spot| spot.flag()).unwrap_or(false);
    let close_after = fields.get("close_after").and_then(|spot| spot.span());
    let questions =
        fields.need("questions").map(|spot| spot.some_items().iter().filter_map(question).collect());
    fields.finish();
    let to = to.unwrap_or_default().into_iter().map(str::to_owned).collect();
    Some(Survey { to, anonymous, close_after, questions: questions? })
}

fn question(spot: &Spot<'_>) -> Option<(String, bool, Text)> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let is_scale = fields.need("type").and_then(|spot| spot.one_of(&[("scale5", true), ("text", false)]));
    let text = fields.need("text").and_then(|spot| spot.text());
    fields.finish();
    Some((key?, is_scale?, text?))
}
