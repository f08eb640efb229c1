//! `POST /api/v1/hooks/{key}`: a program rings, and signs its call (Standard Webhooks 1.0).
//!
//! `{key}` is the key of a webhook trigger; every playbook in force that has one of this key, and whose secret verifies
//! the call, hears it. A call that nobody's secret verifies is answered like one to a hook that does not exist: 401.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use noroshi_core::{
    playbook::{Hook, Source},
    time::{Span, Timestamp},
    trigger::Event,
};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{
    list::List,
    trigger::{EventView, views},
};
use crate::{
    app::App,
    operation::{
        Actor, Work,
        trigger::{Report, take},
    },
    signature::HookSecret,
    store,
    web::{
        body::{self, Raw},
        problem::WebError,
    },
};

/// Largest call.
const LARGEST: usize = 256 * 1024;
/// How far a call's clock may be from ours, either way: an old call is somebody's recording.
const TOLERANCE: Span = Span::minutes(5);

/// A call as it came, checked for form and time, not yet for its signature.
struct Call<'r> {
    id: &'r str,
    at: &'r str,
    signatures: &'r str,
    body: &'r [u8],
}

/// A program rings.
#[utoipa::path(post, path = "/api/v1/hooks/{key}", tag = "triggers", request_body = Object,
    params(("key" = String, Path, description = "key of a webhook trigger"),
        ("webhook-id" = String, Header), ("webhook-timestamp" = i64, Header), ("webhook-signature" = String, Header)),
    responses((status = 200, body = List<EventView>), (status = 401, body = crate::web::problem::ProblemDocument)))]
pub async fn ring(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
    body: Raw,
) -> Result<HttpResponse, WebError> {
    if body.0.len() > LARGEST {
        return Err(WebError::TooLarge);
    }
    let call = Call::read(&request, &body.0, app.clock.wall()).ok_or(WebError::Unsigned)?;
    // Triggers that read the body alike share an event.
    let mut heard: Vec<(Hook, Vec<(String, String)>)> = Vec::new();
    let db = app.store.read();
    for version in store::playbook::all_latest(db).await? {
        let playbook = app.library.playbook(db, version.id).await?;
        for trigger in playbook.triggers.iter().filter(|trigger| trigger.key == **key) {
            let Some(hook) = trigger.webhook.as_ref().filter(|_| trigger.source == Source::Webhook) else {
                continue;
            };
            let secrets = app.hooks.get(&hook.secret.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
            if !call.is_signed_by(secrets) {
                continue;
            }
            let ear = (playbook.key.clone(), trigger.key.clone());
            match heard.iter_mut().find(|(known, _)| known.map == hook.map) {
                Some((_, ears)) => ears.push(ear),
                None => heard.push((hook.clone(), vec![ear])),
            }
        }
    }
    if heard.is_empty() {
        return Err(WebError::Unsigned);
    }
    let content: Value = serde_json::from_slice(call.body).map_err(|error| body::not_json(&error))?;
    let mut items = Vec::new();
    for (hook, ears) in heard {
        let names = ears.iter().map(|(playbook, _)| playbook.as_str()).collect::<Vec<_>>().join(" ");
        let report = Report {
            event: Event {
                source: Source::Webhook,
                trigger: Some(key.clone()),
                id: call.id.to_owned(),
                values: values(&hook, &content),
            },
            drill: false,
            occurred_at: None,
            once: Some(format!("hook {} {} {names}", *key, call.id)),
            late_by: None,
        };
        let actor = Actor {
            id: format!("hook:{}", *key),
            name: format!("webhook {}", *key),
            role: None,
            acting: None,
            person: None,
        };
        let mut work = Work::begin(&app, actor).await?;
        let (row, new) = take(&mut work, report, Some(&ears)).await?;
        if new {
            items.extend(views(&app, &work.tx, vec![row]).await?);
            work.commit().await?;
        } else {
            items.extend(views(&app, &work.tx, vec![row]).await?);
        }
    }
    Ok(HttpResponse::Ok().json(List { items, next: None }))
}

/// The values that a hook takes out of a call's body (RFC 6901).
fn values(hook: &Hook, content: &Value) -> BTreeMap<String, Value> {
    let found = hook.map.iter().filter_map(|(name, pointer)| {
        let value = content.pointer(pointer).filter(|value| !value.is_null())?;
        Some((name.clone(), value.clone()))
    });
    found.collect()
}

impl<'r> Call<'r> {
    fn read(request: &'r HttpRequest, body: &'r [u8], now: Timestamp) -> Option<Self> {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let id = header("webhook-id").filter(|id| (1..=200).contains(&id.len()))?;
        let at = header("webhook-timestamp")?;
        let seconds: i64 = at.parse().ok()?;
        let away = now - Timestamp(seconds.checked_mul(1000)?);
        (away.0.abs() <= TOLERANCE.0).then_some(())?;
        Some(Self { id, at, signatures: header("webhook-signature")?, body })
    }

    /// Whether any of the signatures is by any of the secrets. Every pair is compared, and in constant time.
    fn is_signed_by(&self, secrets: &[HookSecret]) -> bool {
        let given: Vec<&[u8]> = self
            .signatures
            .split(' ')
            .take(16)
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .map(str::as_bytes)
            .collect();
        let mut signed = false;
        for secret in secrets {
            let ours = secret.sign(self.id, self.at, self.body);
            for theirs in &given {
                signed |= bool::from(ours.as_bytes().ct_eq(theirs));
            }
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_signed_by_whoever_holds_one_of_the_secrets() {
        let secret = HookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let call = Call {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at: "1614265330",
            signatures: "v0,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            body: br#"{"test": 2432232314}"#,
        };
        assert!(call.is_signed_by(std::slice::from_ref(&secret)));
        assert!(call.is_signed_by(&[HookSecret(vec![7; 32]), secret.clone()]), "one of several");
        assert!(!call.is_signed_by(&[HookSecret(vec![7; 32])]));
        assert!(!call.is_signed_by(&[]));
        let other = Call { body: br#"{"test": 2432232315}"#, ..call };
        assert!(!other.is_signed_by(&[secret]));
    }
}
