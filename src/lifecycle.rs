//! How the process ends: two stop tokens, one tracker, one place for signals.
//!
//! 1. Everything long-lived is started by [`Lifecycle::worker`] and listens to the soft token: at a soft stop it takes
//!    nothing new, finishes what it has in hand, and returns.
//! 2. The first SIGINT or SIGTERM is the soft stop. The second, or thirty seconds, is the hard stop: what still runs is
//!    dropped where it waits. Leases run out by themselves.
//! 3. A worker that ends on its own, or panics, stops the whole process with failure, so that the supervisor
//!    (systemd, Kubernetes) notices and starts it again.

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::{error, info, warn};

/// How long a soft stop may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The life of one process. Cheap to clone: all clones are the same life.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    hands: TaskTracker,
    failure: Arc<OnceLock<Failure>>,
}

/// Why the process has to be started again.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// A part that has to run until the end did not.
    #[error("{name} {how}")]
    WorkerEnded {
        /// The part's name, as given to [`Lifecycle::worker`].
        name: String,
        /// What happened to it.
        how: String,
    },
    /// The operating system gives no signals.
    #[error("could not listen to signals")]
    Signals(#[source] std::io::Error),
}

/// The operating system's wishes that the process ends. Made before anybody can see that the process lives: a signal
/// before that would end it on the spot.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> Result<Self, LifecycleError> {
        let listen = |kind| signal(kind).map_err(LifecycleError::Signals);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[derive(Debug)]
struct Failure {
    name: String,
    how: String,
}

impl Lifecycle {
    /// A life that has just begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when nothing new is to be begun.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when everything is dropped; [`Lifecycle::worker`] sees to it by itself.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Whether a stop has begun.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Begins a soft stop, as the first signal does.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Starts a part that has to run until the soft stop. An end before that, an error or a panic stops the process.
    pub fn worker<E>(&self, name: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: fmt::Display + Send + 'static,
    {
        let hand = self.hands.token();
        self.server(name, async move {
            let _hand = hand;
            work.await
        });
    }

    /// A [`Lifecycle::worker`] that the others work upon: it is told to end by itself, after [`Lifecycle::hands_empty`].
    pub fn server<E>(&self, name: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: fmt::Display + Send + 'static,
    {
        let life = self.clone();
        let work = AbortOnDropHandle::new(tokio::spawn(work));
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                ended = work => ended,
                () = life.hard.cancelled() => return,
            };
            let how = match ended {
                Ok(Ok(())) if life.is_stopping() => return,
                Ok(Ok(())) => "ended on its own".to_owned(),
                Ok(Err(cause)) => format!("failed: {cause:#}"),
                Err(join) if join.is_panic() => "met a bug and panicked".to_owned(),
                Err(_) => "was cancelled".to_owned(),
            };
            life.fail(name, how);
        });
    }

    /// A part does no longer what it has to: the process stops with failure.
    pub fn fail(&self, name: &str, how: String) {
        error!(worker = name, "{name} {how}; the process stops");
        // The first failure is the cause; what falls over afterwards is its consequence.
        let _ = self.failure.set(Failure { name: name.to_owned(), how });
        self.soft.cancel();
    }

    /// Starts a short piece of work that a soft stop waits for and a hard stop drops.
    pub fn task(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (hard, hand) = (self.hard.clone(), self.hands.token());
        self.tasks.spawn(async move {
            let _hand = hand;
            tokio::select! {
                () = work => (),
                () = hard.cancelled() => (),
            }
        });
    }

    /// Waits, after a stop has begun, until workers and tasks have finished what they had in hand.
    pub fn hands_empty(&self) -> impl Future<Output = ()> + Send + 'static {
        let (soft, hands) = (self.soft.clone(), self.hands.clone());
        async move {
            soft.cancelled().await;
            hands.close();
            hands.wait().await;
        }
    }

    /// Waits for signals and for the end of everything that was started.
    pub async fn run(self, mut signals: Signals) -> Result<(), LifecycleError> {
        self.run_with(async move || signals.next().await, PATIENCE).await
    }

    async fn run_with(
        self,
        mut next_signal: impl AsyncFnMut() -> &'static str,
        patience: Duration,
    ) -> Result<(), LifecycleError> {
        tokio::select! {
            name = next_signal() => {
                info!("{name}: finishing what is in hand; a second signal stops at once");
                self.soft.cancel();
            }
            () = self.soft.cancelled() => (),
        }
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => (),
            name = next_signal() => warn!("{name} again: stopping at once"),
            () = tokio::time::sleep(patience) => warn!("not finished after {} s: stopping at once", patience.as_secs()),
        }
        self.hard.cancel();
        self.tasks.wait().await;
        match self.failure.get() {
            Some(Failure { name, how }) => {
                Err(LifecycleError::WorkerEnded { name: name.clone(), how: how.clone() })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::pending};

    use super::*;

    /// Runs a life that gets no signal, within a deadline that only a bug reaches.
    async fn run(life: Lifecycle, patience: Duration) -> Result<(), LifecycleError> {
        let silence = async || pending::<&'static str>().await;
        tokio::time::timeout(Duration::from_secs(10), life.run_with(silence, patience))
            .await
            .expect("it ends")
    }

    #[tokio::test]
    async fn a_soft_stop_waits_for_what_is_in_hand() {
        let life = Lifecycle::new();
        let soft = life.soft().clone();
        life.worker::<Infallible>("deliver", async move {
            soft.cancelled().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(())
        });
        life.stop();
        assert!(run(life, PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn what_does_not_end_is_dropped_when_patience_is_over() {
        let life = Lifecycle::new();
        life.worker::<Infallible>("deliver", pending());
        life.task(pending());
        life.stop();
        assert!(run(life, Duration::from_millis(20)).await.is_ok());
    }

    #[tokio::test]
    async fn a_second_signal_stops_at_once() {
        let life = Lifecycle::new();
        life.worker::<Infallible>("deliver", pending());
        let signals = async || "SIGTERM";
        let ended = tokio::time::timeout(Duration::from_secs(10), life.run_with(signals, PATIENCE)).await;
        assert!(ended.expect("it does not wait for patience").is_ok());
    }

    #[tokio::test]
    async fn a_worker_that_ends_on_its_own_stops_the_process_with_failure() {
        let life = Lifecycle::new();
        let soft = life.soft().clone();
        life.worker::<Infallible>("timers", async { Ok(()) });
        life.worker::<Infallible>("deliver", async move {
            soft.cancelled().await;
            Ok(())
        });
        assert_eq!(run(life, PATIENCE).await.unwrap_err().to_string(), "timers ended on its own");
    }

    #[tokio::test]
    async fn a_worker_that_fails_or_panics_is_named() {
        let life = Lifecycle::new();
        life.worker("timers", async { Err("the database is gone") });
        assert_eq!(run(life, PATIENCE).await.unwrap_err().to_string(), "timers failed: the database is gone");

        let life = Lifecycle::new();
        life.worker::<Infallible>("deliver", async { panic!("on purpose") });
        assert_eq!(run(life, PATIENCE).await.unwrap_err().to_string(), "deliver met a bug and panicked");
    }
}
