//! The values that a pickle builds.

use crate::checkpoint::DType;

/// Number of a value in its [`Pickle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::checkpoint) struct Id(pub(super) u32);

/// One value; what it holds is named by [`Id`].
#[derive(Debug)]
pub(in crate::checkpoint) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// Two's complement, little-endian, too long for 64 bits.
    BigInt(Box<[u8]>),
    Float(f64),
    Str(Box<str>),
    Bytes(Box<[u8]>),
    /// A list, or a set.
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict(Vec<(Id, Id)>),
    /// A class or function: its module and its name, both text.
    Global(Id, Id),
    /// Whatever came of calling the class or function named here.
    Object(Id),
    Storage(Box<StorageRef>),
    Tensor(TensorRef),
}

/// The memory behind tensors, to be found elsewhere in the file.
#[derive(Debug, Clone, Copy)]
pub(in crate::checkpoint) struct StorageRef {
    /// Text by which the file knows it.
    pub key: Id,
    pub class: StorageClass,
    /// Elements in the file.
    pub count: u64,
    /// First element that belongs to this view, and how many do. Old files have views.
    pub view_start: u64,
    pub view_count: u64,
}

impl StorageRef {
    /// Bytes in the file, or `None` when there cannot be so many.
    pub(in crate::checkpoint) fn byte_len(&self) -> Option<u64> {
        self.count.checked_mul(self.class.element_size)
    }
}

/// A tensor: which elements of a storage, in which order. Checked to lie inside its storage.
#[derive(Debug, Clone, Copy)]
pub(in crate::checkpoint) struct TensorRef {
    pub storage: Id,
    /// First element, counted from the beginning of the storage's view.
    pub offset: u64,
    /// Tuples of integers of one length, none negative.
    pub shape: Id,
    pub stride: Id,
}

/// A class of storages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::checkpoint) struct StorageClass {
    pub name: &'static str,
    /// Bytes per element.
    pub element_size: u64,
    /// `None` for numbers that no network here uses; their bytes can still be skipped.
    pub dtype: Option<DType>,
}

impl StorageClass {
    /// Finds the class that `torch` has under a name.
    pub(super) fn by_name(name: &str) -> Option<StorageClass> {
        let class = |name, element_size, dtype| StorageClass { name, element_size, dtype };
        Some(match name {
            "FloatStorage" => class("FloatStorage", 4, Some(DType::F32)),
            "HalfStorage" => class("HalfStorage", 2, Some(DType::F16)),
            "BFloat16Storage" => class("BFloat16Storage", 2, Some(DType::BF16)),
            "DoubleStorage" => class("DoubleStorage", 8, Some(DType::F64)),
            "LongStorage" => class("LongStorage", 8, Some(DType::I64)),
            "IntStorage" => class("IntStorage", 4, Some(DType::I32)),
            "ShortStorage" => class("ShortStorage", 2, Some(DType::I16)),
            "CharStorage" => class("CharStorage", 1, Some(DType::I8)),
            "ByteStorage" => class("ByteStorage", 1, Some(DType::U8)),
            "UntypedStorage" => class("UntypedStorage", 1, Some(DType::U8)),
            "BoolStorage" => class("BoolStorage", 1, Some(DType::Bool)),
            "ComplexFloatStorage" => class("ComplexFloatStorage", 8, None),
            "ComplexDoubleStorage" => class("ComplexDoubleStorage", 16, None),
            "QInt8Storage" => class("QInt8Storage", 1, None),
            "QUInt8Storage" => class("QUInt8Storage", 1, None),
            "QInt32Storage" => class("QInt32Storage", 4, None),
            _ => return None,
        })
    }

    /// The class for an element type; the inverse of `dtype`.
    pub(in crate::checkpoint) fn name_of(dtype: DType) -> &'static str {
        match dtype {
            DType::F32 => "FloatStorage",
            DType::F16 => "HalfStorage",
            DType::BF16 => "BFloat16Storage",
            DType::F64 => "DoubleStorage",
            DType::I64 => "LongStorage",
            DType::I32 => "IntStorage",
            DType::I16 => "ShortStorage",
            DType::I8 => "CharStorage",
            DType::U8 => "ByteStorage",
            DType::Bool => "BoolStorage",
        }
    }
}

/// A finished pickle: its values, and which of them is the object.
#[derive(Debug)]
pub(in crate::checkpoint) struct Pickle {
    pub(super) nodes: Vec<Node>,
    /// The object that was pickled.
    pub root: Id,
}

impl Pickle {
    pub(in crate::checkpoint) fn node(&self, id: Id) -> &Node {
        node(&self.nodes, id)
    }

    /// Every value, in the order in which they were made.
    pub(in crate::checkpoint) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Text, also where Python 2 saved it as bytes.
    pub(in crate::checkpoint) fn text(&self, id: Id) -> Option<&str> {
        text(&self.nodes, id)
    }

    pub(in crate::checkpoint) fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The value under a text key of a dict; of two, the later one counts.
    pub(in crate::checkpoint) fn get(&self, dict: Id, key: &str) -> Option<Id> {
        let Node::Dict(pairs) = self.node(dict) else {
            return None;
        };
        let mut later_first = pairs.iter().rev();
        let (_, value) = later_first.find(|(k, _)| self.text(*k) == Some(key))?;
        Some(*value)
    }

    pub(in crate::checkpoint) fn storage(&self, id: Id) -> Option<&StorageRef> {
        match self.node(id) {
            Node::Storage(storage) => Some(storage),
            _ => None,
        }
    }

    pub(in crate::checkpoint) fn tensor(&self, id: Id) -> Option<TensorRef> {
        match self.node(id) {
            Node::Tensor(tensor) => Some(*tensor),
            _ => None,
        }
    }

    /// The axis lengths or strides of a tensor.
    pub(in crate::checkpoint) fn axes(&self, id: Id) -> Option<Vec<usize>> {
        match self.node(id) {
            Node::Tuple(items) => items.iter().map(|&item| usize::try_from(self.int(item)?).ok()).collect(),
            _ => None,
        }
    }

    /// What a value is, in a few words for an error.
    pub(in crate::checkpoint) fn describe(&self, id: Id) -> String {
        describe(&self.nodes, id)
    }

    /// Module and name of the class of an opaque value.
    pub(in crate::checkpoint) fn class(&self, id: Id) -> String {
        class(&self.nodes, id)
    }
}

pub(super) fn node(nodes: &[Node], id: Id) -> &Node {
    &nodes[id.0 as usize]
}

pub(super) fn text(nodes: &[Node], id: Id) -> Option<&str> {
    match node(nodes, id) {
        Node::Str(text) => Some(text),
        Node::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// Module and name of a class or function.
pub(super) fn global(nodes: &[Node], id: Id) -> Option<(&str, &str)> {
    match node(nodes, id) {
        Node::Global(module, name) => Some((text(nodes, *module)?, text(nodes, *name)?)),
        _ => None,
    }
}

pub(super) fn describe(nodes: &[Node], id: Id) -> String {
    match node(nodes, id) {
        Node::None => "None".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Int(value) => format!("the integer {value}"),
        Node::BigInt(bytes) => format!("an integer of {} bytes", bytes.len()),
        Node::Float(value) => format!("the float {value}"),
        Node::Str(text) => format!("the text {:?}", shorten(text)),
        Node::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Node::List(items) => format!("a list of {}", items.len()),
        Node::Tuple(items) => format!("a tuple of {}", items.len()),
        Node::Dict(pairs) => {
            let names = pairs.iter().filter_map(|(key, _)| text(nodes, *key));
            let names: Vec<String> = names.take(5).map(shorten).collect();
            format!("a dict of {} with keys {names:?}", pairs.len())
        }
        Node::Global(..) => format!("the class or function {}", class(nodes, id)),
        Node::Object(_) => format!("an object of {}", class(nodes, id)),
        Node::Storage(storage) => format!("a {}", storage.class.name),
        Node::Tensor(_) => "a tensor".to_owned(),
    }
}

fn class(nodes: &[Node], id: Id) -> String {
    let class = match node(nodes, id) {
        Node::Object(class) => *class,
        _ => id,
    };
    match (global(nodes, class), node(nodes, id)) {
        (Some((module, name)), _) => format!("{}.{}", shorten(module), shorten(name)),
        (None, Node::BigInt(_)) => "int".to_owned(),
        (None, Node::Storage(storage)) => format!("torch.{}", storage.class.name),
        (None, Node::Tensor(_)) => "torch.Tensor".to_owned(),
        (None, _) => "an unnamed class".to_owned(),
    }
}

/// A name short enough for one line: files may hold names of any length.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
