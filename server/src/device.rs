//! The thread that owns the device. Work comes in pieces of at most 100 ms over a bounded queue and is answered through
//! a `oneshot`, so nothing else ever touches the encoder, and a request waits for one piece at most.

use std::sync::mpsc::{SyncSender, sync_channel};

use model::device::DeviceInfo;
use model::encoder::Encoder;
use tokio::sync::oneshot;

/// How many pieces may wait; who brings more waits for room.
const QUEUE: usize = 8;

type Piece = Box<dyn FnOnce(&Encoder) + Send>;

/// A handle on the device thread.
#[derive(Clone)]
pub struct Device {
    queue: SyncSender<Piece>,
    info: DeviceInfo,
    batch_tiles: usize,
}

/// The device thread has ended, which it does only with the server.
#[derive(Debug, thiserror::Error)]
#[error("the device thread has ended")]
pub struct DeviceGone;

impl Device {
    /// Starts the thread that owns the encoder.
    pub fn start(encoder: Encoder, info: DeviceInfo) -> std::io::Result<Self> {
        let batch_tiles = encoder.batch_tiles();
        let (queue, pieces) = sync_channel::<Piece>(QUEUE);
        std::thread::Builder::new()
            .name("device".into())
            .spawn(move || {
                crate::nice::be_nice();
                for piece in pieces {
                    piece(&encoder);
                }
            })?;
        Ok(Self {
            queue,
            info,
            batch_tiles,
        })
    }

    /// What the device is.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// How many tiles make a piece.
    pub fn batch_tiles(&self) -> usize {
        self.batch_tiles
    }

    /// Runs one piece of a job; waits for room. Called from a blocking thread.
    pub fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Encoder) -> T + Send + 'static,
    ) -> Result<T, DeviceGone> {
        let (answer, receiver) = oneshot::channel();
        self.queue
            .send(piece(work, answer))
            .map_err(|_| DeviceGone)?;
        receiver.blocking_recv().map_err(|_| DeviceGone)
    }
}

fn piece<T: Send + 'static>(
    work: impl FnOnce(&Encoder) -> T + Send + 'static,
    answer: oneshot::Sender<T>,
) -> Piece {
    Box::new(move |encoder| {
        // A caller that has gone away needs no answer.
        if !answer.is_closed() {
            answer.send(work(encoder)).ok();
        }
    })
}
