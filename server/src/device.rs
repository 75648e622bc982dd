//! The thread that owns the device. Work comes in pieces of at most 100 ms over a bounded queue and is answered through
//! a `oneshot`, so nothing else ever touches the encoder, and a request waits for one piece at most.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use model::device::DeviceInfo;
use model::encoder::Encoder;
use tokio::sync::oneshot;

/// How many pieces may wait; who brings more waits for room.
const QUEUE: usize = 8;

type Piece<E> = Box<dyn FnOnce(&E) -> ControlFlow<()> + Send>;

/// A handle on the device thread, which owns the encoder `E`.
pub struct Device<E = Encoder> {
    queue: SyncSender<Piece<E>>,
    broken: Arc<AtomicBool>,
    info: DeviceInfo,
    batch_tiles: usize,
}

/// Why a piece of work has no result. A later attempt finds a device that was started anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The piece panicked, as Burn does when it loses a graphics card.
    #[error("the device failed while it computed: the server's log says why")]
    Failed,
    /// The thread has ended, because another piece panicked before.
    #[error("the device has failed before this piece of work")]
    Gone,
}

impl<E> Clone for Device<E> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            broken: Arc::clone(&self.broken),
            info: self.info.clone(),
            batch_tiles: self.batch_tiles,
        }
    }
}

impl<E: Send + 'static> Device<E> {
    /// Starts the thread that owns the encoder, which likes pieces of `batch_tiles` tiles. A piece that panics ends it:
    /// what was computing then cannot be trusted any more.
    pub fn start(encoder: E, batch_tiles: usize, info: DeviceInfo) -> std::io::Result<Self> {
        let (queue, pieces) = sync_channel::<Piece<E>>(QUEUE);
        std::thread::Builder::new()
            .name("device".into())
            .spawn(move || {
                crate::nice::be_nice();
                for piece in pieces {
                    if piece(&encoder).is_break() {
                        break;
                    }
                }
            })?;
        Ok(Self {
            queue,
            broken: Arc::default(),
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
    ///
    /// # Errors
    /// The piece panicked, or one before it did.
    pub fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&E) -> T + Send + 'static,
    ) -> Result<T, DeviceError> {
        let (answer, receiver) = oneshot::channel();
        self.queue
            .send(piece(work, answer, Arc::clone(&self.broken)))
            .map_err(|_| DeviceError::Gone)?;
        // A piece that waits when the thread ends is dropped with the queue.
        receiver.blocking_recv().map_err(|_| DeviceError::Gone)?
    }
}

fn piece<E, T: Send + 'static>(
    work: impl FnOnce(&E) -> T + Send + 'static,
    answer: oneshot::Sender<Result<T, DeviceError>>,
    broken: Arc<AtomicBool>,
) -> Piece<E> {
    Box::new(move |encoder| {
        // A caller that has gone away needs no answer.
        if answer.is_closed() {
            return ControlFlow::Continue(());
        }
        // Nobody sees what a panic left behind: the encoder goes with the thread.
        match catch_unwind(AssertUnwindSafe(|| work(encoder))) {
            Ok(result) => {
                answer.send(Ok(result)).ok();
                ControlFlow::Continue(())
            }
            Err(_) => {
                // Before the answer, so that who has it finds the slot empty.
                broken.store(true, Ordering::Release);
                answer.send(Err(DeviceError::Failed)).ok();
                ControlFlow::Break(())
            }
        }
    })
}

/// The place of the device: empty until a job needs one, filled anew when the one in it has failed.
pub struct DeviceSlot<E = Encoder>(Mutex<Option<Device<E>>>);

impl<E: Send + 'static> DeviceSlot<E> {
    /// No device yet.
    pub fn empty() -> Self {
        Self(Mutex::new(None))
    }

    /// The device that was started last, if any; it may have failed since.
    pub fn last(&self) -> Option<Device<E>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone()
    }

    /// A device that works as far as is known; `start` is called when there is none, with what the one before was if
    /// that has failed. It may take minutes and nobody waits for it here: two jobs at once might start one each, and the
    /// later would stay.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn get_or_start<Error>(
        &self,
        start: impl FnOnce(Option<&DeviceInfo>) -> Result<Device<E>, Error>,
    ) -> Result<Device<E>, Error> {
        let last = self.last();
        if let Some(device) = &last
            && !device.broken.load(Ordering::Acquire)
        {
            return Ok(device.clone());
        }
        let device = start(last.as_ref().map(Device::info))?;
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(device.clone());
        Ok(device)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn start(encoder: u32) -> Device<u32> {
        let info = model::device::EncoderDevice::cpu("a test").info().clone();
        Device::start(encoder, 8, info).unwrap()
    }

    #[test]
    fn a_piece_that_panics_is_answered_and_the_next_finds_a_new_device() {
        let slot = DeviceSlot::empty();
        let device = |number: u32| {
            slot.get_or_start(|failed| {
                assert_eq!(failed.is_some(), number > 1);
                Ok::<_, Infallible>(start(number))
            })
            .unwrap()
        };
        let first = device(1);
        assert_eq!(first.run_blocking(|encoder| encoder + 1), Ok(2));
        // The same one, as long as it works.
        assert_eq!(device(7).run_blocking(|encoder| *encoder), Ok(1));

        let failed = first.run_blocking(|_| -> u32 { panic!("the device is lost") });
        assert_eq!(failed, Err(DeviceError::Failed));
        assert_eq!(device(2).run_blocking(|encoder| *encoder), Ok(2));
        assert_eq!(
            first.run_blocking(|encoder| *encoder),
            Err(DeviceError::Gone)
        );
        assert_eq!(device(8).run_blocking(|encoder| *encoder), Ok(2));
    }

    #[test]
    fn what_waits_behind_a_piece_that_panics_is_answered_too() {
        let device = start(1);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let panics = {
            let device = device.clone();
            std::thread::spawn(move || {
                device.run_blocking(move |_| -> u32 {
                    wait.recv().ok();
                    panic!("the device is lost")
                })
            })
        };
        let waits = {
            let device = device.clone();
            std::thread::spawn(move || device.run_blocking(|encoder| *encoder))
        };
        // The other order is fine too: then the second has its result.
        std::thread::sleep(std::time::Duration::from_millis(50));
        go.send(()).unwrap();
        assert_eq!(panics.join().unwrap(), Err(DeviceError::Failed));
        assert!(matches!(
            waits.join().unwrap(),
            Ok(1) | Err(DeviceError::Gone)
        ));
    }
}
