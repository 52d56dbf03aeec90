//! The frames of relays' sockets that wait: they are bounded, and handled in the order in which they came.
//!
//! A frame that comes while an earlier one is handled waits for it. Not here: what a frame means
//! (`voice`, `synthetic`).

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use crate::{base::time::UnixMillis, event::CallFault, twilio::voice::relay::Frame};

/// Frames that wait, each with the number of its socket.
#[derive(Debug, Default)]
pub struct Inbox(RefCell<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<(u32, Frame)>,
    /// Whether somebody handles frames.
    is_open: bool,
    /// The frames since the window began.
    count: u32,
    window: UnixMillis,
}

/// The most frames that wait.
const MAX_WAITING: usize = 100;
/// The most frames within [`WINDOW`]. Speech makes about one a second.
const MAX_FRAMES: u32 = 1000;
const WINDOW: Duration = Duration::from_secs(10);

impl Inbox {
    /// Takes a frame of a socket. Who gets the frames must handle all of them. `None`: somebody else does.
    ///
    /// # Errors
    /// The frame cannot be read, or there are too many.
    pub fn receive(
        &self,
        socket: u32,
        text: &str,
        now: UnixMillis,
    ) -> Result<Option<Opened<'_>>, CallFault> {
        let frame = Frame::parse(text);
        let mut waiting = self.0.borrow_mut();
        if waiting.is_flooded(now) {
            return Err(CallFault::TooManyFrames);
        }
        let frame = frame.map_err(|_| CallFault::UnreadableFrame)?;
        waiting.frames.push_back((socket, frame));
        let was_open = std::mem::replace(&mut waiting.is_open, true);
        // Only a handler may close the inbox again, so none is made here for nothing.
        Ok(if was_open {
            None
        } else {
            Some(Opened(&self.0))
        })
    }
}

impl Waiting {
    /// Counts a frame. Returns whether there are too many.
    fn is_flooded(&mut self, now: UnixMillis) -> bool {
        if now.since(self.window) >= WINDOW || now < self.window {
            (self.window, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count > MAX_FRAMES || self.frames.len() >= MAX_WAITING
    }
}

/// The inbox while frames are handled. It is closed again when their handler is gone, whatever happens.
#[derive(Debug)]
pub struct Opened<'i>(&'i RefCell<Waiting>);

impl Opened<'_> {
    /// The next frame, with the number of its socket.
    #[must_use]
    pub fn next_frame(&self) -> Option<(u32, Frame)> {
        self.0.borrow_mut().frames.pop_front()
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().is_open = false;
    }
}
