//! The files every page shares, inside the binary, with a content hash in their address so that they may be cached
//! for ever.

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web::Path};
use sha2::{Digest, Sha256};

use crate::web::problem::WebError;

/// One file under `/static/`.
#[derive(Debug)]
pub struct Asset {
    /// The last part of its address.
    pub name: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
    /// Its media type.
    pub content_type: &'static str,
    /// `/static/noroshi.css?v=1f3c…`.
    pub address: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset_of("noroshi.css", include_bytes!("../static/noroshi.css"), "text/css; charset=utf-8"),
        asset_of("icon.svg", include_bytes!("../static/icon.svg"), "image/svg+xml"),
        asset_of("app.js", include_bytes!("../static/app.js"), "text/javascript; charset=utf-8"),
    ]
});

fn asset_of(name: &'static str, bytes: &'static [u8], content_type: &'static str) -> Asset {
    let hash = Sha256::digest(bytes);
    let version: String = hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    Asset { name, bytes, content_type, address: format!("/static/{name}?v={version}") }
}

/// The file of this name, for the route `/static/{file}`.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// `GET /static/{file}`.
pub async fn get(file: Path<String>) -> Result<HttpResponse, WebError> {
    let asset = asset(&file).ok_or(WebError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        // A file with other content has another address.
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}

/// The address of a file that exists.
pub fn address(name: &str) -> &'static str {
    &asset(name).expect("templates name only files of this table (page tests)").address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_file_names_its_content() {
        let css = asset("noroshi.css").unwrap();
        assert!(css.address.starts_with("/static/noroshi.css?v="));
        assert_eq!(css.address.len(), "/static/noroshi.css?v=".len() + 10);
        assert!(asset("../Cargo.toml").is_none());
    }
}
