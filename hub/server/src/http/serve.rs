//! Accepting connections, at most so many at once, until told to stop.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;

/// A client that has not said hello for so long has nothing to say.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves until `stop` is cancelled; then takes no more connections and lets the open requests end.
///
/// With `tls` it speaks HTTPS and nothing else. Give the app's `stopping` token too, so that long polls end and do not hold up the stop.
///
/// # Errors
/// Never in practice: single connections fail alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) -> io::Result<()> {
    let plain = Bounded { listener, free: Arc::new(Semaphore::new(max_connections)) };
    let stop = stop.cancelled_owned();
    match tls {
        None => axum::serve(plain, router).with_graceful_shutdown(stop).await,
        Some(tls) => {
            let secured = Secured { plain, tls, greeting: FuturesUnordered::new() };
            axum::serve(secured, router).with_graceful_shutdown(stop).await
        }
    }
}

/// Connections of [`Bounded`] with TLS on them. An own listener and not `axum-server`, whose accept loop would leave the bound
/// and the watch over silence to be built a second time.
struct Secured {
    plain: Bounded,
    tls: Arc<Tls>,
    /// Handshakes under way, side by side: a client that dawdles holds up nobody.
    greeting: FuturesUnordered<BoxFuture<'static, Greeted>>,
}

type Greeted = (io::Result<TlsStream<connection::Counted>>, SocketAddr);

impl Listener for Secured {
    type Io = TlsStream<connection::Counted>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                (stream, address) = self.plain.accept() => {
                    let hello = TlsAcceptor::from(self.tls.config()).accept(stream);
                    let greeted = async move {
                        (timeout(HANDSHAKE, hello).await.unwrap_or_else(|late| Err(late.into())), address)
                    };
                    self.greeting.push(greeted.boxed());
                }
                Some((greeted, address)) = self.greeting.next() => match greeted {
                    Ok(stream) => return (stream, address),
                    Err(error) => tracing::debug!(%address, %error, "a TLS handshake failed"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }
}

/// A listener that leaves connections in the kernel's queue while `free` has no place.
struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = connection::Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection keeps Nagle's delay");
                    }
                    return (connection::Counted::new(stream, permit), address);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: others must close first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

mod connection {
    //! A connection that gives its place back when it ends, and ends when it is silent for too long.

    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
        time::Duration,
    };

    use tokio::{
        io::{AsyncRead, AsyncWrite, ReadBuf},
        time::{Instant, Sleep, sleep},
    };

    use super::{OwnedSemaphorePermit, TcpStream};

    /// A long poll is silent for half a minute by right; a client that says nothing for longer than this has gone.
    const SILENCE: Duration = Duration::from_secs(120);

    pub(super) struct Counted {
        stream: TcpStream,
        silence: Pin<Box<Sleep>>,
        _permit: OwnedSemaphorePermit,
    }

    impl Counted {
        pub(super) fn new(stream: TcpStream, permit: OwnedSemaphorePermit) -> Self {
            Self { stream, silence: Box::pin(sleep(SILENCE)), _permit: permit }
        }

        fn heard(&mut self) {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
        }
    }

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
            if read.is_ready() {
                self.heard();
            } else if self.silence.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            read
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
            if written.is_ready() {
                self.heard();
            }
            written
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }

        fn is_write_vectored(&self) -> bool {
            self.stream.is_write_vectored()
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            parts: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
            if written.is_ready() {
                self.heard();
            }
            written
        }
    }
}
