//! What tests ask of every page.

use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeSet;

/// The page or piece as a tree; panics where it is not well-formed.
pub(crate) fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Ids are unique and everything that names one finds it; pictures have texts and tables captions; there is a language, one
/// heading of the first level, and nothing that is executed but the page's own script.
pub(crate) fn assert_sound(text: &str) {
    let document = parsed(text);
    let nodes = || document.descendants().filter(Node::is_element);
    assert_eq!(document.root_element().attribute("lang"), Some("en"));
    let ids: Vec<&str> = nodes().filter_map(|node| node.attribute("id")).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id is used twice: {ids:?}");
    for node in nodes() {
        for attribute in ["aria-labelledby", "aria-describedby"] {
            let named = node.attribute(attribute).unwrap_or_default();
            assert!(named.split_whitespace().all(|id| unique.contains(id)), "{attribute}: {named}");
        }
        if let Some(target) = node.attribute("href").and_then(|href| href.strip_prefix('#')) {
            assert!(unique.contains(target), "#{target} leads nowhere");
        }
        match node.tag_name().name() {
            "img" => assert!(node.attribute("alt").is_some_and(|text| !text.is_empty())),
            "table" => assert!(node.children().any(|child| child.has_tag_name("caption"))),
            _ => {}
        }
        let handler = node.attributes().find(|attribute| attribute.name().starts_with("on"));
        assert!(handler.is_none(), "{handler:?}");
    }
    let count = |name: &str| nodes().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((count("h1"), count("script"), count("title") >= 1), (1, 1, true));
}

/// Nothing in it leads out of the file.
pub(crate) fn assert_offline(text: &str) {
    let document = parsed(text);
    for node in document.descendants().filter(Node::is_element) {
        for attribute in node.attributes() {
            let leads = matches!(attribute.name(), "src" | "href" | "srcset" | "data" | "action" | "poster");
            let inside = attribute.value().starts_with("data:") || attribute.value().starts_with('#');
            assert!(!leads || inside, "{}={}", attribute.name(), attribute.value());
        }
    }
    let style = document.descendants().find(|node| node.has_tag_name("style")).and_then(|node| node.text());
    let style = style.unwrap_or_default();
    assert!(!style.contains("url(") && !style.contains("@import"), "the style asks for something");
}
