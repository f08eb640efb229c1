//! What every answer carries.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use crate::app::App;

/// A page may load our own files and nothing else.
const POLICY: &str = super::page::frame::POLICY;

/// Adds the security headers that are missing. A handler that set one of its own keeps it.
///
/// HEAD is answered as GET is; the server leaves the body out (RFC 9110 section 9.3.2).
pub async fn add(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let secure = request.app_data::<web::Data<App>>().is_some_and(|app| app.secure_cookies);
    let is_file = request.path().starts_with("/static/");
    // A token in the path must not travel on in a Referer; elsewhere our own pages may see where one comes from.
    let secret = ["/a/", "/r/", "/setup/"].iter().any(|prefix| request.path().starts_with(prefix));
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(header::REFERRER_POLICY, if secret { "no-referrer" } else { "same-origin" });
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if !is_file {
        put(header::CACHE_CONTROL, "no-store");
    }
    if secure {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    Ok(answer)
}
