use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::StoreError;

/// What went wrong in the host's own part of a transaction, as the host said it.
#[derive(Clone)]
pub struct HostError(Arc<dyn Error + Send + Sync>);

impl HostError {
    /// An error of the host.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// The host's own error, if it is of this type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host's part of the transaction failed: {}", self.0)
    }
}

impl Error for HostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<HostError> for StoreError {
    fn from(error: HostError) -> Self {
        Self(error.to_string())
    }
}
