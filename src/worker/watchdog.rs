//! Looks once a second whether every loop goes round. One that stands is told; one that stands twice as long ends the
//! process with failure, so that its supervisor starts it again.
//!
//! It is a thread of its own: a runtime in which nothing moves any more cannot keep it from looking.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use tracing::error;

use crate::{app::App, lifecycle::Lifecycle};

/// How often it looks; [`crate::watch::Standing::seconds`] counts looks.
const LOOK: Duration = Duration::from_secs(1);
/// An orderly end that a failed loop began takes at most thirty seconds; a runtime that stands never gets there.
const END: u32 = 45;

/// Starts looking.
pub(super) fn start(app: &Arc<App>, life: &Lifecycle) {
    let (app, life) = (Arc::downgrade(app), life.clone());
    let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&app, &life));
    if let Err(cause) = thread {
        error!(error = &cause as &dyn std::error::Error, "The watchdog could not be started");
    }
}

fn watch(app: &Weak<App>, life: &Lifecycle) {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut ending = 0;
    loop {
        thread::sleep(LOOK);
        let Some(app) = app.upgrade() else { return };
        app.watch.look();
        let standing = app.watch.standing(app.worker_patience);
        for loop_ in &standing {
            if told.insert(loop_.name.clone()) {
                error!(
                    worker = loop_.name,
                    "The loop {} has not gone round for {} s; this node is not ready",
                    loop_.name,
                    loop_.seconds
                );
            }
        }
        told.retain(|name| standing.iter().any(|loop_| loop_.name == *name));
        if let Some(dead) = standing.iter().find(|loop_| loop_.seconds >= 2 * app.worker_patience) {
            if ending == 0 {
                life.fail(&dead.name, format!("has not gone round for {} s", dead.seconds));
            }
            ending += 1;
            if ending > END {
                error!("The process does not come to its end; it is ended");
                std::process::exit(1);
            }
        }
    }
}
