//! Heavy work steps back for people who look at slides.

/// Lowers the priority of the calling thread to nice 10. On Linux a nice value belongs to a thread, and threads that it
/// starts inherit it.
pub fn be_nice() {
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "could not lower the priority of a worker thread");
    }
}
