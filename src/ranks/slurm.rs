//! What Slurm's variables say in forms of their own.

/// The names in a list of nodes such as `gpu[01-04,7],login`, in their order; `None` where it is none.
///
/// At most `most` of them: a list may stand for thousands.
pub fn nodes(list: &str, most: usize) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() && names.len() < most {
        let end = end_of_entry(rest)?;
        let entry = &rest[..end];
        if entry.is_empty() {
            return None;
        }
        expand(entry, most, &mut names)?;
        rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
    }
    names.truncate(most);
    (!names.is_empty()).then_some(names)
}

/// Where the first comma outside of brackets stands, or the list ends.
fn end_of_entry(list: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, letter) in list.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0).then_some(list.len())
}

/// The names of one entry, whose brackets may be several: `rack[1-2]node[1-4]`.
fn expand(entry: &str, most: usize, names: &mut Vec<String>) -> Option<()> {
    let Some(open) = entry.find('[') else {
        names.push(entry.to_owned());
        return Some(());
    };
    let close = open + entry[open..].find(']')?;
    let (before, inside, after) = (&entry[..open], &entry[open + 1..close], &entry[close + 1..]);
    for range in inside.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(first) || !digits(last) {
            return None;
        }
        let (from, to): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        for number in from..=to {
            if names.len() >= most {
                return Some(());
            }
            expand(&format!("{before}{number:0width$}{after}", width = first.len()), most, names)?;
        }
    }
    Some(())
}

/// How many tasks node `node` has, by a list such as `4(x2),3`: the form of SLURM_STEP_TASKS_PER_NODE.
pub fn tasks_on(list: &str, node: usize) -> Option<usize> {
    let mut left = node;
    for entry in list.split(',') {
        let (tasks, times) = match entry.split_once("(x") {
            Some((tasks, times)) => (tasks, times.strip_suffix(')')?.parse().ok()?),
            None => (entry, 1usize),
        };
        if left < times {
            return tasks.trim().parse().ok();
        }
        left -= times;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_nodes_are_expanded_as_slurm_does() {
        let found = |list: &str| nodes(list, 100).map(|names| names.join(" "));
        assert_eq!(found("node7").as_deref(), Some("node7"));
        assert_eq!(found("node[01-04,7]").as_deref(), Some("node01 node02 node03 node04 node7"));
        assert_eq!(found("a,b[9-11]-ib,c").as_deref(), Some("a b9-ib b10-ib b11-ib c"));
        assert_eq!(found("r[1-2]n[1-2]").as_deref(), Some("r1n1 r1n2 r2n1 r2n2"));
        for wrong in ["", ",", "a[", "a]", "a[x-y]", "a[1-]", "a[]"] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn huge_lists_are_cut() {
        assert_eq!(nodes("n[1-18446744073709551615]", 2), Some(vec!["n1".to_owned(), "n2".to_owned()]));
    }

    #[test]
    fn tasks_of_a_node_are_counted() {
        assert_eq!(tasks_on("4(x2),3", 1), Some(4));
        assert_eq!(tasks_on("4(x2),3", 2), Some(3));
        assert_eq!(tasks_on("4(x2),3", 3), None);
        assert_eq!(tasks_on("8", 0), Some(8));
        assert_eq!(tasks_on("4(y2)", 0), None);
    }
}
