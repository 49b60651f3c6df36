//! The stack machine: one opcode after another until STOP.

use std::collections::HashMap;
use std::io::Read;

use super::node::{describe, node};
use super::{Id, Input, MAX_VALUES, Node, Pickle};
use crate::checkpoint::Error;

pub(super) const NONE: Id = Id(0);
pub(super) const FALSE: Id = Id(1);
pub(super) const TRUE: Id = Id(2);

/// Runs one pickle from the beginning to its STOP, and leaves `input` behind it.
pub(in crate::checkpoint) fn load<R: Read>(input: &mut Input<R>) -> Result<Pickle, Error> {
    let mut machine = Machine {
        op_at: input.at(),
        input,
        nodes: vec![Node::None, Node::Bool(false), Node::Bool(true)],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copied: 0,
    };
    let root = loop {
        if let Some(root) = machine.step()? {
            break root;
        }
    };
    let nodes = machine.nodes;
    Ok(Pickle { nodes, root })
}

pub(super) struct Machine<'a, R> {
    pub(super) input: &'a mut Input<R>,
    pub(super) nodes: Vec<Node>,
    pub(super) stack: Vec<Id>,
    /// Heights of the stack at which marks were set.
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u32, Id>,
    /// Offset of the opcode at work, for errors.
    op_at: u64,
    /// Dict entries and bytes copied from other values, which cost memory beyond the pickle's own bytes.
    copied: usize,
}

impl<R: Read> Machine<'_, R> {
    /// Performs one opcode; returns the object at STOP.
    fn step(&mut self) -> Result<Option<Id>, Error> {
        self.op_at = self.input.at();
        let [op] = self.input.array("a pickle opcode")?;
        match op {
            // Framing and version: lengths only help readers that read ahead.
            0x80 => self.protocol()?,
            0x95 => {
                let len = u64::from_le_bytes(self.input.array("a frame length")?);
                self.input.require(len, "a frame")?;
            }
            b'.' => return self.pop().map(Some),

            // Constants and numbers.
            b'N' => self.push(NONE)?,
            0x88 => self.push(TRUE)?,
            0x89 => self.push(FALSE)?,
            b'I' => self.decimal_int_or_bool()?,
            b'J' => {
                let value = i32::from_le_bytes(self.input.array("an integer")?);
                self.push_new(Node::Int(value.into()))?;
            }
            b'K' => {
                let value = self.byte()?;
                self.push_new(Node::Int(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.input.array("an integer")?);
                self.push_new(Node::Int(value.into()))?;
            }
            b'L' => self.decimal_long()?,
            0x8a => {
                let len = self.byte()?.into();
                self.long(len)?;
            }
            0x8b => {
                let len = self.len4()?;
                self.long(len)?;
            }
            b'F' => {
                let line = self.input.line()?;
                let parsed = line.trim().parse();
                let value = parsed.map_err(|_| self.bad("a decimal float", format!("{line:?}")))?;
                self.push_new(Node::Float(value))?;
            }
            b'G' => {
                let value = f64::from_be_bytes(self.input.array("a float")?);
                self.push_new(Node::Float(value))?;
            }

            // Text and bytes. Python 2 has one type for both, told apart by whether it is UTF-8.
            b'X' => {
                let len = self.len4()?;
                self.string(len)?;
            }
            0x8c => {
                let len = self.byte()?.into();
                self.string(len)?;
            }
            0x8d => {
                let len = self.len8()?;
                self.string(len)?;
            }
            b'V' | b'S' => self.text_line(op)?,
            b'U' => {
                let len = self.byte()?.into();
                self.string_or_bytes(len)?;
            }
            b'T' => {
                let len = self.len4()?;
                self.string_or_bytes(len)?;
            }
            b'C' => {
                let len = self.byte()?.into();
                self.byte_string(len)?;
            }
            b'B' => {
                let len = self.len4()?;
                self.byte_string(len)?;
            }
            0x8e | 0x96 => {
                let len = self.len8()?;
                self.byte_string(len)?;
            }

            // Lists, tuples, dicts, sets.
            b']' | 0x8f => self.push_new(Node::List(Vec::new()))?,
            b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push_new(Node::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.extend_list(items)?;
            }
            b')' => self.push_new(Node::Tuple(Box::new([])))?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_new(Node::Tuple(items.into()))?;
            }
            0x85..=0x87 => {
                let mut items = vec![NONE; usize::from(op - 0x84)];
                for slot in items.iter_mut().rev() {
                    *slot = self.pop()?;
                }
                self.push_new(Node::Tuple(items.into()))?;
            }
            b'}' => self.push_new(Node::Dict(Vec::new()))?,
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push_new(Node::Dict(Vec::new()))?;
                self.extend_dict(items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(vec![key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend_dict(items)?;
            }

            // Stack and memo.
            b'(' => {
                if self.marks.len() >= MAX_VALUES {
                    return Err(self.too_much("the number of open marks"));
                }
                self.marks.push(self.stack.len());
            }
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            b'q' => {
                let slot = self.byte()?.into();
                self.memoize(slot)?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.input.array("a memo number")?);
                self.memoize(slot)?;
            }
            b'p' => {
                let slot = self.memo_number_line()?;
                self.memoize(slot)?;
            }
            0x94 => {
                // The memo never outgrows MAX_VALUES, see `memoize`.
                self.memoize(self.memo.len() as u32)?;
            }
            b'h' => {
                let slot = self.byte()?.into();
                self.recall(slot)?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.input.array("a memo number")?);
                self.recall(slot)?;
            }
            b'g' => {
                let slot = self.memo_number_line()?;
                self.recall(slot)?;
            }

            // Classes, functions and what they would be called with.
            b'c' => {
                let class = self.global_lines()?;
                self.push(class)?;
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                for part in [module, name] {
                    if !matches!(self.node(part), Node::Str(_)) {
                        let found = self.describe(part);
                        return Err(self.bad("the name of a class as text", found));
                    }
                }
                self.push_new(Node::Global(module, name))?;
            }
            b'R' | 0x81 => {
                let args = self.pop()?;
                let callee = self.pop()?;
                let made = self.call(callee, args)?;
                self.push(made)?;
            }
            0x92 => {
                let _keywords = self.pop()?;
                let args = self.pop()?;
                let callee = self.pop()?;
                let made = self.call(callee, args)?;
                self.push(made)?;
            }
            b'i' => {
                let class = self.global_lines()?;
                self.pop_to_mark()?;
                self.push_new(Node::Object(class))?;
            }
            b'o' => {
                let items = self.pop_to_mark()?;
                let Some(&class) = items.first() else {
                    return Err(self.bad("a class behind the mark", "nothing"));
                };
                self.push_new(Node::Object(class))?;
            }
            b'b' => {
                // State set on an object. Of the values kept here none has any: an ordered dict's
                // is PyTorch's version table, and opaque objects have dropped theirs.
                self.pop()?;
                self.top()?;
            }
            b'Q' => {
                let id = self.pop()?;
                let made = self.persistent(id)?;
                self.push(made)?;
            }
            _ => return Err(self.bad("a pickle opcode", format!("byte 0x{op:02x}"))),
        }
        Ok(None)
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        node(&self.nodes, id)
    }

    pub(super) fn describe(&self, id: Id) -> String {
        describe(&self.nodes, id)
    }

    /// An error about the opcode at work.
    pub(super) fn bad(&self, expected: &'static str, found: impl Into<String>) -> Error {
        self.input.malformed(self.op_at, expected, found)
    }

    pub(super) fn too_much(&self, what: &'static str) -> Error {
        self.input.too_much(self.op_at, what, MAX_VALUES as u64)
    }

    /// Adds a value without putting it on the stack.
    pub(super) fn new_node(&mut self, node: Node) -> Result<Id, Error> {
        if self.nodes.len() >= MAX_VALUES {
            return Err(self.too_much("the number of values"));
        }
        self.nodes.push(node);
        // MAX_VALUES is far below 2^32.
        Ok(Id((self.nodes.len() - 1) as u32))
    }

    /// Accounts for `count` entries or bytes copied from one value into another.
    pub(super) fn charge_copies(&mut self, count: usize) -> Result<(), Error> {
        let copied = self.copied.saturating_add(count);
        if copied > MAX_VALUES {
            return Err(self.too_much("the number of copied entries"));
        }
        self.copied = copied;
        Ok(())
    }
}
