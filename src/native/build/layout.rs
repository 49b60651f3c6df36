//! Rust's half of what `src/native/simd/layout.h` asserts for C++: the lists stand in the headers, and both compilers
//! check them.

use std::fmt::Write;

/// Writes `NAME.rs` to cargo's output folder: assertions for the Rust types of the structs and enums that SBI_LAYOUT and
/// SBI_NUMBERS list in these files. `SbiMap` in C++ is `RawMap` in Rust.
///
/// # Panics
/// When a list cannot be read.
pub fn write_assertions(name: &str, headers: &[&str]) {
    let mut rust = String::new();
    for header in headers {
        let text = std::fs::read_to_string(header).unwrap_or_else(|error| panic!("{header}: {error}"));
        let lists = lists(&text);
        assert!(!lists.is_empty(), "{header} lists no layout");
        for list in lists {
            write_assertion(&mut rust, &list).expect("writing to a string");
        }
    }
    std::fs::write(super::folder_of(&format!("{name}.rs")), rust)
        .expect("cargo's output folder can be written");
}

/// A macro's arguments.
struct List<'a> {
    /// `None` for an enum.
    size: Option<&'a str>,
    ty: String,
    /// Fields with their offsets, or names with their numbers.
    pairs: Vec<(&'a str, &'a str)>,
}

fn lists(text: &str) -> Vec<List<'_>> {
    let starts = ["\nSBI_LAYOUT(", "\nSBI_NUMBERS("];
    starts
        .iter()
        .flat_map(|start| text.split(start).skip(1).map(|rest| list(rest, start.contains("LAYOUT"))))
        .collect()
}

/// `rest` begins behind the macro's parenthesis.
fn list(rest: &str, sized: bool) -> List<'_> {
    let end = rest.find("))").expect("a list ends with a pair");
    let mut groups = rest[..end].split('(');
    let mut words = groups.next().unwrap_or_default().split(',').map(str::trim);
    let ty = words.next().and_then(|name| name.strip_prefix("Sbi")).expect("a list names a type Sbi…");
    let size = if sized { words.next() } else { None };
    let pair = |group: &'_ str| -> Option<(usize, usize)> {
        let comma = group.find(',')?;
        Some((comma, group.find(')').unwrap_or(group.len())))
    };
    let pairs = groups.map(|group| {
        let (comma, end) = pair(group).expect("each pair is (name, number)");
        (group[..comma].trim(), group[comma + 1..end].trim())
    });
    List { size, ty: format!("Raw{ty}"), pairs: pairs.collect() }
}

fn write_assertion(to: &mut String, list: &List) -> std::fmt::Result {
    let List { size, ty, pairs } = list;
    writeln!(to, "const _: () = {{")?;
    if let Some(size) = size {
        writeln!(to, "    assert!(size_of::<{ty}>() == {size}, \"{ty} has another size in C++\");")?;
    }
    for (name, number) in pairs {
        match size {
            Some(_) => writeln!(
                to,
                "    assert!(std::mem::offset_of!({ty}, {name}) == {number}, \"{ty}.{name} lies elsewhere in C++\");"
            )?,
            None => writeln!(
                to,
                "    assert!({ty}::{name} as i64 == {number}, \"{ty}::{name} has another number in C++\");"
            )?,
        }
    }
    writeln!(to, "}};")
}
