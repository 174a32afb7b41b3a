//! Threads of checks that race.

use futures_channel::oneshot;

/// The answer of a thread; waiting for it blocks nobody.
pub(super) fn in_thread<T, R, P>(run: R, panicked: P) -> impl Future<Output = T> + use<T, R, P>
where
    T: Send + 'static,
    R: FnOnce() -> T + Send + 'static,
    P: FnOnce() -> T,
{
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || tell.send(run()));
    async move {
        match told.await {
            Ok(answer) => answer,
            Err(_) => panicked(),
        }
    }
}
