//! The signal to stop.

use anyhow::Result;

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// Where the operating system lets nobody wait for them.
#[cfg(unix)]
pub(crate) async fn stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Waits for Ctrl-C.
///
/// # Errors
/// Where the operating system lets nobody wait for it.
#[cfg(not(unix))]
pub(crate) async fn stop() -> Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
