//! A connection, whatever it runs over.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection. One type for all, so that what is spoken over it is in the program only once.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}
