//! A form with a file, as a page without script sends it: `multipart/form-data`.

use std::{future::Future, pin::Pin};

use actix_multipart::Multipart;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::TryStreamExt;

use super::{body::check_token, problem::WebError, session::Caller};

/// Largest form with its file: a little more than the largest file, so that the verb can say what is too large.
const LARGEST: usize = 12 * 1024 * 1024;

/// A form with a file that a signed-in person posted; its token is checked.
#[derive(Debug, Default)]
pub struct Upload {
    /// The name that the file had; empty where none was chosen.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl FromRequest for Upload {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = Multipart::from_request(request, payload);
        let caller = request.extensions().get::<Caller>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let malformed = |_| WebError::Malformed("not a form with a file".into());
            let mut parts = parts.await.map_err(|_| WebError::Malformed("not a form with a file".into()))?;
            let mut upload = Self::default();
            let mut token = Vec::new();
            let mut size = 0;
            while let Some(mut part) = parts.try_next().await.map_err(malformed)? {
                let file = part.content_disposition().and_then(|it| it.get_filename()).map(str::to_owned);
                let is_token = part.name() == Some("csrf");
                let mut bytes = Vec::new();
                while let Some(chunk) = part.try_next().await.map_err(malformed)? {
                    size += chunk.len();
                    if size > LARGEST {
                        return Err(WebError::TooLarge);
                    }
                    bytes.extend_from_slice(&chunk);
                }
                match file {
                    Some(name) => {
                        upload.name = name;
                        upload.bytes = bytes;
                    }
                    None if is_token => token = bytes,
                    None => {}
                }
            }
            let csrf = caller.and_then(|caller| caller.csrf).ok_or(WebError::SignIn)?;
            check_token(&request, &csrf, &token)?;
            Ok(upload)
        })
    }
}
