//! Takes answers, all that have gathered while the last ones were written in one transaction, and tells each who waits
//! when its answer is on disk.

use std::{convert::Infallible, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    app::App,
    lifecycle::Lifecycle,
    measure,
    operation::{
        OperationError,
        answers::{self, Sent},
    },
    store::StoreError,
};

/// Answers in one transaction.
const TOGETHER: usize = 128;
/// Answers that may wait for their turn before the next one has to wait to be asked.
const QUEUE: usize = 4096;

/// Where answers are handed in.
#[derive(Debug)]
pub struct Answers {
    door: mpsc::Sender<Asked>,
    queue: std::sync::Mutex<Option<mpsc::Receiver<Asked>>>,
}

/// An answer, and who waits for it.
#[derive(Debug)]
struct Asked {
    sent: Sent,
    done: oneshot::Sender<Result<(), OperationError>>,
}

impl Default for Answers {
    fn default() -> Self {
        let (door, queue) = mpsc::channel(QUEUE);
        Self { door, queue: std::sync::Mutex::new(Some(queue)) }
    }
}

impl Answers {
    /// Takes an answer; returns when it is stored, or cannot be.
    pub async fn take(&self, sent: Sent) -> Result<(), OperationError> {
        let (done, stored) = oneshot::channel();
        if self.door.send(Asked { sent, done }).await.is_err() {
            return Err(OperationError::stopping());
        }
        stored.await.unwrap_or_else(|_| Err(OperationError::stopping()))
    }
}

/// Starts taking.
pub(super) fn start(app: &Arc<App>, life: &Lifecycle) {
    let queue = app.answers.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(queue) = queue {
        life.worker("answers", run(Arc::clone(app), queue, life.soft().clone()));
    }
}

async fn run(
    app: Arc<App>,
    mut queue: mpsc::Receiver<Asked>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let turns = app.watch.begin("answers");
    let mut asked = Vec::with_capacity(TOGETHER);
    loop {
        tokio::select! {
            biased;
            _ = turns.waiting(queue.recv_many(&mut asked, TOGETHER)) => {}
            // What has been handed in is taken before the end.
            () = stop.cancelled() => return Ok(()),
        }
        let (sent, done): (Vec<Sent>, Vec<_>) =
            asked.drain(..).map(|one: Asked| (one.sent, one.done)).unzip();
        let results = match answers::take(&app, &sent).await {
            Ok(results) => results,
            Err(error) if sent.len() > 1 => {
                // One of them may be the cause: each is taken for itself.
                warn!(
                    error = &error as &dyn std::error::Error,
                    "{} answers could not be taken together",
                    sent.len()
                );
                let is_doubtful = matches!(error, OperationError::Store(StoreError::Doubtful { .. }));
                let mut results = Vec::with_capacity(sent.len());
                for one in &sent {
                    let result = alone(&app, one).await;
                    results.push(if is_doubtful { result.map_err(doubtful) } else { result });
                }
                results
            }
            Err(error) => vec![Err(error)],
        };
        measure::committed("answers", sent.len());
        measure::answered(results.iter().filter(|result| result.is_ok()).count());
        for (done, result) in done.into_iter().zip(results) {
            // Whoever has hung up looks again and sees that it was taken.
            let _ = done.send(result);
        }
    }
}

/// The error where the answer may have been stored before, with others.
fn doubtful(error: OperationError) -> OperationError {
    match error {
        OperationError::Store(StoreError::Unavailable { cause, .. }) => StoreError::Doubtful { cause }.into(),
        error => error,
    }
}

async fn alone(app: &App, sent: &Sent) -> Result<(), OperationError> {
    answers::take(app, std::slice::from_ref(sent)).await?.pop().unwrap_or(Ok(()))
}
