//! One connection through the proxy: two pumps that pass on message by message what the rules let pass.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::frames::{Message, Splitter, Way};
use super::rule::Deed;
use super::state::{Control, Said};

/// How long a receiver has to read its last message before the link is torn down.
const GOODBYE: Duration = Duration::from_millis(100);

/// Why a link ended before both sides were done.
enum End {
    /// By a rule or by the test.
    Cut,
    /// By one of the sides.
    Broken,
    /// The proxy does not understand what it carries, so no rule can be relied on.
    Misread(anyhow::Error),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

/// Carries one connection to its end.
pub(super) async fn carry(control: &Control, client: TcpStream) -> Result<()> {
    // A path that is silent is so from the first packet on.
    control.clear_to_connect().await;
    let server = TcpStream::connect(control.upstream).await.context("the server takes no connection")?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let said = Said::default();
    let up = Pump { control, said: &said, way: Way::Up, from: from_client, to: Some(to_server) };
    let down = Pump { control, said: &said, way: Way::Down, from: from_server, to: Some(to_client) };
    let ended = tokio::select! {
        ended = async { tokio::try_join!(up.run(), down.run()) } => ended.map(drop),
        () = control.cut() => Err(End::Cut),
    };
    match ended {
        Err(End::Misread(error)) => bail!(error),
        // A broken connection is what the proxy is there for.
        Ok(()) | Err(End::Cut | End::Broken) => Ok(()),
    }
}

struct Pump<'a> {
    control: &'a Control,
    said: &'a Said,
    way: Way,
    from: OwnedReadHalf,
    /// Gone once this direction ended for its receiver.
    to: Option<OwnedWriteHalf>,
}

impl Pump<'_> {
    async fn run(mut self) -> Result<(), End> {
        let mut splitter = Splitter::new(self.control.protocol, self.way);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            while let Some(message) = splitter.next().map_err(End::Misread)? {
                self.pass(message).await?;
            }
            let count = self.from.read(&mut buffer).await?;
            self.control.weather(self.said, self.way).await;
            if count == 0 {
                if let Some(mut to) = self.to.take() {
                    to.shutdown().await?;
                }
                return Ok(());
            }
            splitter.push(&buffer[..count]);
        }
    }

    async fn pass(&mut self, message: Message) -> Result<(), End> {
        // What is silent stays so also for what was read before.
        self.control.weather_of_silence(self.said, self.way).await;
        let deed = self.control.judge(self.said, self.way, &message);
        match deed {
            Deed::Watch => self.write(&message.bytes).await,
            Deed::CutBefore => Err(End::Cut),
            Deed::CutAfter => {
                self.write(&message.bytes).await?;
                self.farewell().await?;
                Err(End::Cut)
            }
            Deed::Lose => Ok(()),
            Deed::Delay(time) => {
                tokio::time::sleep(time).await;
                self.write(&message.bytes).await
            }
            Deed::Hold => {
                self.said.hold();
                self.control.weather_of_silence(self.said, self.way).await;
                self.write(&message.bytes).await
            }
            Deed::HalfClose => {
                // Held before, so that the server's own good-bye does not reach the client. Dropping the half that writes
                // to the server says good-bye to it.
                self.said.hold();
                drop(self.to.take());
                self.control.weather_of_silence(self.said, self.way).await;
                Err(End::Cut)
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        if let Some(to) = &mut self.to {
            to.write_all(bytes).await?;
        }
        Ok(())
    }

    /// Ends this direction in order and lets the receiver read what it was sent before everything is torn down.
    async fn farewell(&mut self) -> Result<(), End> {
        if let Some(mut to) = self.to.take() {
            to.shutdown().await?;
        }
        tokio::time::sleep(GOODBYE).await;
        Ok(())
    }
}
