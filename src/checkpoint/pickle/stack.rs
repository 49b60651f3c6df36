//! Stack, marks and memo of the machine, and the collections that opcodes fill on top of the stack.

use std::io::Read;

use super::machine::Machine;
use super::{Id, MAX_VALUES, Node};
use crate::checkpoint::Error;

impl<R: Read> Machine<'_, R> {
    pub(super) fn push(&mut self, id: Id) -> Result<(), Error> {
        if self.stack.len() >= MAX_VALUES {
            return Err(self.too_much("the height of the stack"));
        }
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn push_new(&mut self, node: Node) -> Result<(), Error> {
        let id = self.new_node(node)?;
        self.push(id)
    }

    /// The top of the stack, which must lie above the last mark.
    pub(super) fn top(&self) -> Result<Id, Error> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => Err(self.bad("a value on the stack", "none")),
        }
    }

    pub(super) fn pop(&mut self) -> Result<Id, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, Error> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.bad("a mark on the stack", "none")),
        }
    }

    pub(super) fn memoize(&mut self, slot: u32) -> Result<(), Error> {
        let top = self.top()?;
        if self.memo.len() >= MAX_VALUES && !self.memo.contains_key(&slot) {
            return Err(self.too_much("the size of the memo"));
        }
        self.memo.insert(slot, top);
        Ok(())
    }

    pub(super) fn recall(&mut self, slot: u32) -> Result<(), Error> {
        match self.memo.get(&slot) {
            Some(&id) => self.push(id),
            None => Err(self.bad("a memo number in use", slot.to_string())),
        }
    }

    pub(super) fn extend_list(&mut self, items: Vec<Id>) -> Result<(), Error> {
        let list = self.top()?;
        match &mut self.nodes[list.0 as usize] {
            Node::List(kept) => kept.extend(items),
            Node::Object(_) => {}
            _ => return Err(self.bad("a list to append to", self.describe(list))),
        }
        Ok(())
    }

    pub(super) fn extend_dict(&mut self, items: Vec<Id>) -> Result<(), Error> {
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
}
