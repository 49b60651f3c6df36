//! What follows an opcode in the stream: numbers, lengths, text, bytes, names.

use std::io::Read;

use super::machine::{FALSE, Machine, TRUE};
use super::{Id, Node};
use crate::checkpoint::Error;

impl<R: Read> Machine<'_, R> {
    pub(super) fn protocol(&mut self) -> Result<(), Error> {
        let version = self.byte()?;
        if version > 5 {
            return Err(self.bad("pickle protocol 0 to 5", version.to_string()));
        }
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.input.array("an opcode's argument")?;
        Ok(byte)
    }

    pub(super) fn len4(&mut self) -> Result<u64, Error> {
        Ok(u32::from_le_bytes(self.input.array("a length")?).into())
    }

    pub(super) fn len8(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.input.array("a length")?))
    }

    pub(super) fn string(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "text")?;
        // Python allows lone surrogates here, which are no UTF-8 and no reason to stop.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.push_new(Node::Str(text.into()))
    }

    pub(super) fn string_or_bytes(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "text")?;
        self.push_new(match String::from_utf8(bytes) {
            Ok(text) => Node::Str(text.into()),
            Err(error) => Node::Bytes(error.into_bytes().into()),
        })
    }

    pub(super) fn byte_string(&mut self, len: u64) -> Result<(), Error> {
        let bytes = self.input.bytes(len, "bytes")?;
        self.push_new(Node::Bytes(bytes.into()))
    }

    /// Protocol 0 text: quoted for opcode S, bare for V.
    pub(super) fn text_line(&mut self, op: u8) -> Result<(), Error> {
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

    pub(super) fn decimal_int_or_bool(&mut self) -> Result<(), Error> {
        let line = self.input.line()?;
        match line.as_str() {
            "00" => self.push(FALSE),
            "01" => self.push(TRUE),
            _ => self.decimal(&line),
        }
    }

    pub(super) fn decimal_long(&mut self) -> Result<(), Error> {
        let line = self.input.line()?;
        self.decimal(line.trim_end_matches('L'))
    }

    pub(super) fn decimal(&mut self, line: &str) -> Result<(), Error> {
        match line.trim().parse() {
            Ok(value) => self.push_new(Node::Int(value)),
            Err(_) => Err(self.bad("a decimal integer of 64 bits", format!("{line:?}"))),
        }
    }

    pub(super) fn memo_number_line(&mut self) -> Result<u32, Error> {
        let line = self.input.line()?;
        let number = line.trim().parse();
        number.map_err(|_| self.bad("a memo number", format!("{line:?}")))
    }

    pub(super) fn long(&mut self, len: u64) -> Result<(), Error> {
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

    pub(super) fn global_lines(&mut self) -> Result<Id, Error> {
        let module = self.input.line()?;
        let name = self.input.line()?;
        let module = self.new_node(Node::Str(module.into()))?;
        let name = self.new_node(Node::Str(name.into()))?;
        self.new_node(Node::Global(module, name))
    }
}
