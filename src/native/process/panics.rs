//! Panics that a program expects and catches.

use std::any::Any;
use std::panic;

/// Keeps the panics that `expected` recognises by what they carry from being printed with a trace: whoever catches them
/// tells of them in other words. All others are printed as before. Call once for each kind of panic.
pub fn silence_panics(expected: fn(&(dyn Any + Send)) -> bool) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !expected(info.payload()) {
            usual(info);
        }
    }));
}
