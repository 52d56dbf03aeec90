//! The body of an answer that is read while it comes: pieces, each after a pause.
//!
//! Not here: which pieces there are (`model`, `calls::model`).

use std::{collections::VecDeque, rc::Rc};

use switchboard::platform::{BodyStream, HttpError, HttpOpened, HttpResponse};

use super::{executor::Executor, state::Simulation};

/// A body that has not been read.
pub struct Body {
    executor: Executor,
    /// Each piece, and how long it takes after the one before, in milliseconds.
    pieces: VecDeque<(u64, Piece)>,
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// The connection breaks.
    Break,
    /// Nothing comes any more, and the connection stays.
    Hang,
}

impl Body {
    pub fn new(sim: &Simulation, pieces: VecDeque<(u64, Piece)>) -> Self {
        let executor = sim.executor.clone();
        Self { executor, pieces }
    }

    /// A response that has come as a whole, in pieces of any length.
    pub fn in_pieces(sim: &Rc<Simulation>, response: HttpResponse) -> HttpOpened<Self> {
        let mut opened = HttpOpened::from(response);
        let mut whole: Vec<u8> = opened.body.drain(..).flatten().collect();
        let mut pieces = VecDeque::new();
        while !whole.is_empty() {
            let length = sim.random.between(1, 64).min(whole.len() as u64);
            let rest = whole.split_off(usize::try_from(length).unwrap());
            pieces.push_back((0, Piece::Bytes(std::mem::replace(&mut whole, rest))));
        }
        HttpOpened {
            status: opened.status,
            content_type: opened.content_type,
            retry_after: opened.retry_after,
            location: opened.location,
            body: Self::new(sim, pieces),
        }
    }
}

impl BodyStream for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let Some((pause, piece)) = self.pieces.pop_front() else {
            return Ok(None);
        };
        if pause > 0 {
            self.executor.sleep(pause).await;
        }
        match piece {
            Piece::Bytes(bytes) => Ok(Some(bytes)),
            Piece::Break => Err(HttpError::Unreadable),
            Piece::Hang => std::future::pending().await,
        }
    }
}
