//! The front of the house: pages for people and the API for programs.
//!
//! A request passes `headers` (what every answer carries), its route's access check (`routes`), its handler, and on
//! the way back `problem`, the only place where an error becomes HTTP.

pub mod api;
pub mod attempts;
pub mod body;
pub mod headers;
pub mod live;
pub mod page;
pub mod problem;
pub mod routes;
pub mod session;
pub mod upload;

use std::{net::TcpListener, sync::Arc};

use actix_web::{App as Web, HttpServer, middleware, web};

use crate::{app::App, lifecycle::Lifecycle};

/// Largest request body: a directory of 10,000 agencies.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// Serves pages and API on a bound listener until the stop.
///
/// - `tls`: certificate and key; plain HTTP without.
pub fn serve(
    app: &Arc<App>,
    life: &Lifecycle,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
) -> std::io::Result<()> {
    let shared = web::Data::from(Arc::clone(app));
    // One count for all of actix's threads.
    let attempts = web::Data::new(attempts::Attempts::default());
    let server = HttpServer::new(move || {
        Web::new()
            .app_data(shared.clone())
            .app_data(attempts.clone())
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                let ja = "アドレスの ? から後を読めません。";
                problem::WebError::malformed(ja, format!("the query cannot be read: {error}")).into()
            }))
            .app_data(web::PathConfig::default().error_handler(|_, _| problem::WebError::NotFound.into()))
            .configure(routes::mount)
            .wrap(middleware::from_fn(problem::finish))
            .wrap(middleware::from_fn(headers::add))
            .wrap(middleware::Compress::default())
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(5)
    .client_request_timeout(std::time::Duration::from_secs(10));
    let server = match tls {
        Some(config) => server.listen_rustls_0_23(listener, config)?,
        None => server.listen(listener)?,
    };
    let server = server.run();
    let handle = server.handle();
    let (stop, hands_empty) = (life.soft().clone(), life.hands_empty());
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.pause().await;
        // The database's connections live on the threads of the server: it goes last.
        hands_empty.await;
        handle.stop(true).await;
    });
    life.server("web", server);
    Ok(())
}
