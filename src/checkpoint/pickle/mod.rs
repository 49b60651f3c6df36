//! A small interpreter of pickle opcodes that builds plain values.
//!
//! A pickle is a program, and Python's own interpreter lets it import and call any function. This
//! one has nothing to call: a function or class is only ever a pair of names, the handful that
//! PyTorch uses to describe tensors are turned into data, and everything else becomes an opaque
//! object. What an opaque object was made with is dropped, and the reading goes on.
//!
//! Values live in one flat list and refer to each other by number. A value that is used a
//! thousand times is stored once, a value may contain itself, and dropping the list never
//! recurses, however deeply a file nests.

mod construct;
mod input;
mod machine;
mod node;
mod operands;
mod stack;

pub(super) use input::Input;
pub(super) use machine::load;
pub(super) use node::{Id, Node, Pickle, StorageClass, StorageRef, TensorRef};

/// Values, stack slots, memo slots and marks that one pickle may use. The files of the largest
/// networks here have some ten thousand.
const MAX_VALUES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Error;

    fn run(bytes: &[u8]) -> Result<Pickle, Error> {
        load(&mut Input::new(bytes, "test", bytes.len() as u64))
    }

    fn root_of(bytes: &[u8]) -> String {
        let pickle = run(bytes).unwrap();
        pickle.describe(pickle.root)
    }

    fn fails_at(bytes: &[u8], expected_at: u64) -> String {
        match run(bytes).unwrap_err() {
            Error::Malformed { at, expected, found, .. } => {
                assert_eq!(at, expected_at, "{expected}, {found}");
                expected.into_owned()
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn builds_plain_values() {
        assert_eq!(root_of(b"N."), "None");
        assert_eq!(root_of(b"\x80\x02\x88."), "true");
        assert_eq!(root_of(b"J\xff\xff\xff\xff."), "the integer -1");
        assert_eq!(root_of(b"\x8a\x00."), "the integer 0");
        assert_eq!(root_of(b"\x8a\x02\x00\xff."), "the integer -256");
        assert_eq!(root_of(b"\x8a\x09aaaaaaaaa."), "an integer of 9 bytes");
        assert_eq!(root_of(b"I-12\n."), "the integer -12");
        assert_eq!(root_of(b"I01\n."), "true");
        assert_eq!(root_of(b"L7L\n."), "the integer 7");
        assert_eq!(root_of(b"F0.5\n."), "the float 0.5");
        assert_eq!(root_of(b"G\x3f\xe0\0\0\0\0\0\0."), "the float 0.5");
        assert_eq!(root_of(b"S'ab'\n."), "the text \"ab\"");
        assert_eq!(root_of(b"U\x01\xff."), "1 bytes");
        assert_eq!(root_of(b"(K\x01K\x02l."), "a list of 2");
        assert_eq!(root_of(b"](NNNe."), "a list of 3");
        assert_eq!(root_of(b"NN\x86."), "a tuple of 2");
        assert_eq!(root_of(b"}(\x8c\x01aNu."), "a dict of 1 with keys [\"a\"]");
    }

    #[test]
    fn ordered_dicts_of_both_pythons_are_dicts() {
        let empty = b"ccollections\nOrderedDict\n)R.";
        assert_eq!(root_of(empty), "a dict of 0 with keys []");
        let pairs = b"ccollections\nOrderedDict\n(](](U\x01aNeetR.";
        assert_eq!(root_of(pairs), "a dict of 1 with keys [\"a\"]");
    }

    #[test]
    fn every_way_to_call_gives_an_opaque_object() {
        let ways: [&[u8]; 7] = [
            b"cos\nsystem\n(X\x04\0\0\0exittR.",
            b"\x8c\x02os\x8c\x06system\x93\x8c\x04exit\x85R.",
            b"(X\x04\0\0\0exitios\nsystem\n.",
            b"(cos\nsystem\nX\x04\0\0\0exito.",
            b"cos\nsystem\n)\x81.",
            b"cos\nsystem\n)}\x92.",
            b"cos\nsystem\n)R}(X\x0c\0\0\0__setstate__Nub.",
        ];
        for way in ways {
            assert_eq!(root_of(way), "an object of os.system", "{way:?}");
        }
        // The result of a result keeps the first class.
        assert_eq!(root_of(b"cos\nsystem\n)R)R)R."), "an object of os.system");
        assert_eq!(root_of(b"N)R."), "an object of an unnamed class");
    }

    #[test]
    fn lengths_beyond_the_end_are_refused_before_memory_is_taken() {
        let huge = (1u64 << 62).to_le_bytes();
        for op in [0x8d, 0x8e, 0x95, 0x96] {
            let bytes = [&[op][..], &huge, b"."].concat();
            fails_at(&bytes, 9);
        }
        fails_at(b"X\xff\xff\xff\xff.", 5);
        fails_at(b"\x8b\xff\xff\xff\x7f.", 5);
        fails_at(b"\x8b\xff\xff\xff\xff.", 5);
        fails_at(b"T\xff\xff\xff\xff.", 5);
        fails_at(b"B\xff\xff\xff\xff.", 5);
    }

    #[test]
    fn says_at_which_byte_and_what_was_expected() {
        assert_eq!(fails_at(b"NN\xff", 2), "a pickle opcode");
        assert_eq!(fails_at(b"\x80\x09", 0), "pickle protocol 0 to 5");
        assert_eq!(fails_at(b".", 0), "a value on the stack");
        assert_eq!(fails_at(b"N(0", 3), "1 bytes of a pickle opcode");
        assert_eq!(fails_at(b"Nt.", 1), "a mark on the stack");
        assert_eq!(fails_at(b"h\x05.", 0), "a memo number in use");
        assert_eq!(fails_at(b"N(a.", 2), "a value on the stack");
        assert_eq!(fails_at(b"NNa.", 2), "a list to append to");
        assert_eq!(fails_at(b"}(Nu.", 3), "pairs of key and value");
        assert_eq!(fails_at(b"NNNs.", 3), "a dict to fill");
        assert_eq!(fails_at(b"\x82\x01.", 0), "a pickle opcode");
        assert_eq!(fails_at(b"NN\x93.", 2), "the name of a class as text");
        assert_eq!(fails_at(b"NQ.", 1), "a tuple");
        assert_eq!(fails_at(b"S'a\\n'\n.", 0), "a line of text without escapes");
    }

    #[test]
    fn values_stack_marks_and_memo_are_bounded() {
        for op in [b"]", b"N", b"("] {
            let bytes = op.repeat(MAX_VALUES + 1);
            let error = run(&bytes).unwrap_err();
            assert!(matches!(error, Error::TooMuch { .. }), "{error}");
        }
        let mut memo = b"N".to_vec();
        for slot in 0..=MAX_VALUES as u32 {
            memo.push(b'r');
            memo.extend(slot.to_le_bytes());
        }
        assert!(matches!(run(&memo), Err(Error::TooMuch { .. })));
    }

    #[test]
    fn deep_nesting_and_cycles_cost_nothing() {
        let lists = [&b"]".repeat(100_000)[..], &b"a".repeat(99_999), b"."].concat();
        assert_eq!(root_of(&lists), "a list of 1");
        let tuples = [&b")"[..], &b"\x85".repeat(100_000), b"."].concat();
        assert_eq!(root_of(&tuples), "a tuple of 1");
        assert_eq!(root_of(b"]q\x00h\x00a."), "a list of 1");
    }
}
