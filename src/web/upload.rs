//! A file that a page without script, or a program, sends: `multipart/form-data`, or the body itself.

use std::{future::Future, pin::Pin};

use actix_multipart::Multipart;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use futures_util::StreamExt;

use super::{
    body::{Raw, check_session, check_token, get},
    problem::WebError,
    session::Caller,
};

/// Most bytes of a text in a form: a playbook that is too large is told so by its checker, in its own words.
const LONGEST_TEXT: usize = 4 * 1024 * 1024;

/// A file that came: as the body itself, or in a form that was posted.
#[derive(Debug)]
pub struct Upload {
    /// Its name, where a form gave one.
    pub name: String,
    /// Its media type, as its sender says.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
    fields: Vec<(String, String)>,
}

impl Upload {
    /// The first value of the form under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        get(&self.fields, name)
    }
}

impl FromRequest for Upload {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    /// Whoever comes with a session's cookie shows its form token: in the header, or in the form before the file.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_lowercase();
        if !media_type.starts_with("multipart/form-data") {
            let checked = check_session(request);
            let bytes = Raw::from_request(request, payload);
            return Box::pin(async move {
                checked?;
                Ok(Self { name: String::new(), media_type, bytes: bytes.await?.0.into(), fields: Vec::new() })
            });
        }
        let form = Multipart::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let form =
                form.await.map_err(|_| WebError::malformed("フォームとして読めません。", "not a form"))?;
            read_form(&request, form).await
        })
    }
}

async fn read_form(request: &HttpRequest, mut form: Multipart) -> Result<Upload, WebError> {
    const MOST_FIELDS: usize = 20;
    let broken = || WebError::malformed("フォームが途中で終わっています。", "the form ends before its time");
    let csrf = request.extensions().get::<Caller>().and_then(|caller| caller.csrf.clone());
    let mut upload =
        Upload { name: String::new(), media_type: String::new(), bytes: Vec::new(), fields: Vec::new() };
    let mut is_trusted = csrf.is_none() || check_session(request).is_ok();
    let mut left = super::LARGEST_BODY;
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|_| broken())?;
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.content_disposition().and_then(|it| it.get_filename()).map(str::to_owned);
        let media_type = field.content_type().map(ToString::to_string).unwrap_or_default();
        if file.is_some() && !is_trusted {
            return Err(WebError::Csrf);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.next().await {
            let chunk = chunk.map_err(|_| broken())?;
            left = left.checked_sub(chunk.len()).ok_or(WebError::TooLarge)?;
            if file.is_none() && bytes.len() + chunk.len() > LONGEST_TEXT {
                return Err(WebError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        match file {
            Some(file) => {
                // The first file is the one; a form has no more.
                if upload.bytes.is_empty() {
                    (upload.name, upload.media_type, upload.bytes) = (file, media_type, bytes);
                }
            }
            None => {
                if upload.fields.len() >= MOST_FIELDS {
                    return Err(WebError::TooLarge);
                }
                let value = String::from_utf8(bytes)
                    .map_err(|_| WebError::malformed("UTF-8 で送ってください。", "not UTF-8"))?;
                if name == "csrf"
                    && let Some(csrf) = &csrf
                {
                    check_token(request, csrf, value.as_bytes())?;
                    is_trusted = true;
                }
                upload.fields.push((name, value));
            }
        }
    }
    if is_trusted { Ok(upload) } else { Err(WebError::Csrf) }
}
