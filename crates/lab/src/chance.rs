//! Randomness for code that cannot be handed a generator.
//!
//! Cryptographic libraries take their source of randomness as a `&'static`. In the lab such a
//! source calls [`draw`], which reads the generator of the host whose task is running.

use core::cell::RefCell;
use std::rc::Rc;

/// A function that fills bytes from a host's generator.
pub(crate) type Draw = Rc<dyn Fn(&mut [u8])>;

thread_local! {
    static CURRENT: RefCell<Option<Draw>> = const { RefCell::new(None) };
}

/// An error: no task of a simulated host is running on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no task of a simulated host is running: there is no generator to draw from")]
pub struct NoHost;

/// Fills `bytes` from the generator of the host whose task is running.
///
/// # Errors
/// [`NoHost`] if no task of a simulated host is running on this thread.
pub fn draw(bytes: &mut [u8]) -> Result<(), NoHost> {
    let draw = CURRENT.with_borrow(Clone::clone).ok_or(NoHost)?;
    draw(bytes);
    Ok(())
}

/// Runs `act` with `draw` as the current generator.
#[inline]
pub(crate) fn with<T>(draw: &mut Option<Draw>, act: impl FnOnce() -> T) -> T {
    /// Swaps the generators back, even if `act` panics.
    struct Restore<'a>(&'a mut Option<Draw>);
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|current| core::mem::swap(current, self.0));
        }
    }
    CURRENT.with_borrow_mut(|current| core::mem::swap(current, draw));
    let _restore = Restore(draw);
    act()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_host_changes_with_the_task() {
        let mark =
            |mark: u8| -> Option<Draw> { Some(Rc::new(move |bytes: &mut [u8]| bytes.fill(mark))) };
        let mut bytes = [0; 2];
        assert_eq!(draw(&mut bytes), Err(NoHost));
        with(&mut mark(1), || {
            with(&mut mark(2), || draw(&mut bytes).unwrap());
            assert_eq!(bytes, [2, 2]);
            draw(&mut bytes).unwrap();
        });
        assert_eq!(bytes, [1, 1]);
        assert_eq!(draw(&mut bytes), Err(NoHost));
    }
}
