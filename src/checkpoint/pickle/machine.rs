//! The stack machine: one opcode after another until STOP.

use std::collections::HashMap;
use std::io::Read;

use super::node::{describe, node};
use super::{Id, Input, Node, Pickle, MAX_VALUES};
use crate::checkpoint::Error;

pub(super) const NONE: Id = Id(0);
const FALSE: Id = Id(1);
const TRUE: Id = Id(2);

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
    input: &'a mut Input<R>,
    pub(super) nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
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

    fn push(&mut self, id: Id) -> Result<(), Error> {
        if self.stack.len() >= MAX_VALUES {
            return Err(self.too_much("the height of the stack"));
        }
        self.stack.push(id);
        Ok(())
    }

    fn push_new(&mut self, node: Node) -> Result<(), Error> {
        let id = self.new_node(node)?;
        self.push(id)
    }

    /// The top of the stack, which must lie above the last mark.
    fn top(&self) -> Result<Id, Error> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => Err(self.bad("a value on the stack", "none")),
        }
    }

    fn pop(&mut self) -> Result<Id, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Error> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.bad("a mark on the stack", "none")),
        }
    }

    fn memoize(&mut self, slot: u32) -> Result<(), Error> {
        let top = self.top()?;
        if self.memo.len() >= MAX_VALUES && !self.memo.contains_key(&slot) {
            return Err(self.too_much("the size of the memo"));
        }
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), Error> {
        match self.memo.get(&slot) {
            Some(&id) => self.push(id),
            None => Err(self.bad("a memo number in use", slot.to_string())),
        }
    }

    fn extend_list(&mut self, items: Vec<Id>) -> Result<(), Error> {
        let list = self.top()?;
        match &mut self.nodes[list.0 as usize] {
            Node::List(kept) => kept.extend(items),
            Node::Object(_) => {}
            _ => return Err(self.bad("a list to append to", self.describe(list))),
        }
        Ok(())
    }

    fn extend_dict(&mut self, items: Vec<Id>) -> Result<(), Error> {
        let dict = self.top()?;
        let pairs = items.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(self.bad("pairs of key and value", format!("{} values", items.len())));
        }
        match &mut self.nodes[dict.0 as usize] {
            Node::Dict(kept) => kept.extend(pairs.map(|pair| (pair[0], pair[1]))),
            Node::Object(_) => {}
            _ => return Err(self.bad("a dict to fill", self.describe(dict))),
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<(), Error> {
        let version = self.byte()?;
        if version > 5 {
            return Err(self.bad("pickle protocol 0 to 5", version.to_string()));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.input.array("an opcode's argument")?;
        Ok(byte)
    }

    fn len4(&mut self) -> Result<u64, Error> {
        Ok(u32::from_le_bytes(self.input.array("a length")?).into())
    }

    fn len8(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.input.array("a length")?))
    }

    fn string(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "text")?;
        // Python allows lone surrogates here, which are no UTF-8 and no reason to stop.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.push_new(Node::Str(text.into()))
    }

    fn string_or_bytes(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "text")?;
        self.push_new(match String::from_utf8(bytes) {
            Ok(text) => Node::Str(text.into()),
            Err(error) => Node::Bytes(error.into_bytes().into()),
        })
    }

    fn byte_string(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "bytes")?;
        self.push_new(Node::Bytes(bytes.into()))
    }

    /// Protocol 0 text: quoted for opcode S, bare for V.
    fn text_line(&mut self, op: u8) -> Result<(), Error> {
        let line = self.input.line()?;
        let text = match op {
            b'S' => {
                ['\'', '"'].iter().find_map(|&quote| line.trim().strip_prefix(quote)?.strip_suffix(quote))
            }
            _ => Some(line.as_str()),
        };
        match text {
            // Escapes are not undone: PyTorch has never written protocol 0.
            Some(text) if !text.contains('\\') => self.push_new(Node::Str(text.into())),
            _ => Err(self.bad("a line of text without escapes", format!("{line:?}"))),
        }
    }

    fn decimal_int_or_bool(&mut self) -> Result<(), Error> {
        let line = self.input.line()?;
        match line.as_str() {
            "00" => self.push(FALSE),
            "01" => self.push(TRUE),
            _ => self.decimal(&line),
        }
    }

    fn decimal_long(&mut self) -> Result<(), Error> {
        let line = self.input.line()?;
        self.decimal(line.trim_end_matches('L'))
    }

    fn decimal(&mut self, line: &str) -> Result<(), Error> {
        match line.trim().parse() {
            Ok(value) => self.push_new(Node::Int(value)),
            Err(_) => Err(self.bad("a decimal integer of 64 bits", format!("{line:?}"))),
        }
    }

    fn memo_number_line(&mut self) -> Result<u32, Error> {
        let line = self.input.line()?;
        let number = line.trim().parse();
        number.map_err(|_| self.bad("a memo number", format!("{line:?}")))
    }

    fn long(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "an integer")?;
        let node = if bytes.len() <= 8 {
            let negative = bytes.last().is_some_and(|&high| high >= 0x80);
            let mut extended = [if negative { 0xff } else { 0 }; 8];
            extended[..bytes.len()].copy_from_slice(&bytes);
            Node::Int(i64::from_le_bytes(extended))
        } else {
            Node::BigInt(bytes.into())
        };
        self.push_new(node)
    }

    fn global_lines(&mut self) -> Result<Id, Error> {
        let module = self.input.line()?;
        let name = self.input.line()?;
        let module = self.new_node(Node::Str(module.into()))?;
        let name = self.new_node(Node::Str(name.into()))?;
        self.new_node(Node::Global(module, name))
    }
}
