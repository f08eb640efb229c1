//! `GET` and `POST /api/v1/receipts/{key}`: an SMS gateway tells what became of a message.
//!
//! The key of `sms.receipt_key` stands in the address and is the permit; any other is answered with 401. What the words
//! of a receipt mean stands in the configuration; a word that is not there changes nothing and is answered with 200, so
//! that a gateway does not send it for ever.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use reqwest::Url;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use crate::{
    app::App,
    operation,
    store::receipt::Fate,
    transport::{
        Transport,
        sms_gateway::{Receipts, Spot},
    },
    web::{body::Raw, problem::WebError},
};

/// Largest receipt.
const LARGEST: usize = 64 * 1024;
/// Longest id and word, in characters.
const LONGEST: usize = 200;

/// A gateway tells what became of a message, in its body.
#[utoipa::path(post, path = "/api/v1/receipts/{key}", tag = "receipts", request_body = Object,
    params(("key" = String, Path, description = "sms.receipt_key")),
    responses((status = 200, description = "heard"), (status = 401, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
    body: Raw,
) -> Result<HttpResponse, WebError> {
    hear(&request, &app, &key, &body.0).await
}

/// The same with everything in the address.
#[utoipa::path(get, path = "/api/v1/receipts/{key}", tag = "receipts",
    params(("key" = String, Path, description = "sms.receipt_key")),
    responses((status = 200, description = "heard"), (status = 401, body = crate::web::problem::ProblemDocument)))]
pub async fn get(request: HttpRequest, app: Data<App>, key: Path<String>) -> Result<HttpResponse, WebError> {
    hear(&request, &app, &key, b"").await
}

async fn hear(request: &HttpRequest, app: &App, key: &str, body: &[u8]) -> Result<HttpResponse, WebError> {
    let receipts = match app.transports.get("http_gateway") {
        Some(Transport::Sms(gateway)) => gateway.receipts(),
        _ => None,
    };
    let known = |receipts: &&Receipts| bool::from(receipts.key.0.as_bytes().ct_eq(key.as_bytes()));
    let receipts = receipts.filter(known).ok_or(WebError::SignIn)?;
    if body.len() > LARGEST {
        return Err(WebError::TooLarge);
    }
    let text = String::from_utf8_lossy(body);
    let fields = fields(request.query_string(), &text);
    let value = |spot: &Spot| {
        spot.find(&text, &fields).map(|value| value.trim().chars().take(LONGEST).collect::<String>())
    };
    let (Some(id), Some(word)) = (value(&receipts.id_at), value(&receipts.state_at)) else {
        return Err(WebError::Malformed(
            "the receipt says not whose message it is, or not how it stands (sms.receipt_id_at, sms.receipt_state_at)"
                .to_owned(),
        ));
    };
    let fate = if receipts.delivered.contains(&word) {
        Some(Fate::Delivered)
    } else {
        receipts.failed.contains(&word).then_some(Fate::Failed(word))
    };
    if let Some(fate) = fate {
        operation::receipt::take(app, &id, &fate).await?;
    }
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("OK\n"))
}

/// JSON as it is; otherwise the fields of form and address as one object.
fn fields(query: &str, text: &str) -> Value {
    if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        return json;
    }
    let mut fields = Map::new();
    for form in [query, text.trim()] {
        let Ok(mut url) = Url::parse("data:,") else { continue };
        url.set_query(Some(form));
        for (name, value) in url.query_pairs() {
            fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_from_address_form_and_json() {
        assert_eq!(fields("id=a%201&st=x", "")["id"], "a 1");
        assert_eq!(fields("", "id=a+1&st=DELIVRD")["st"], "DELIVRD");
        assert_eq!(fields("st=x", "id=1")["st"], "x");
        assert_eq!(fields("", r#"{"results": [{"id": 7}]}"#).pointer("/results/0/id"), Some(&Value::from(7)));
    }
}
