use super::*;
use crate::page::testing::parsed;

fn chart() -> Chart {
    Chart::new("c", "Score <over> time", "It rises.")
        .axes(Axis::times("time", 0.0, 10.0), Axis::shares("score"))
        .with(Layer::across("undecided", Paint::Doubt, 0.3, 0.7))
        .with(Layer::level("border", Paint::Plain, 0.5))
        .with(Layer::line("person & co", Paint::Series(0), vec![(0.0, 0.0), (10.0, 1.0)]))
        .with(Layer::dots("", Paint::Fake, vec![Dot { x: 5.0, y: 0.5, text: "frame \"5\"".to_owned() }]))
}

#[test]
fn values_are_at_their_places() {
    let html = chart().html().to_string();
    let document = parsed(&html);
    let svg = document.descendants().find(|node| node.has_tag_name("svg")).unwrap();
    assert_eq!(svg.attribute("viewBox"), Some("0 0 720 370"));
    let path = |class: &str| {
        let of_class = |node: &roxmltree::Node| node.attribute("class") == Some(class);
        svg.descendants().find(of_class).and_then(|node| node.attribute("d")).unwrap_or_default()
    };
    assert_eq!(path("line s0"), "M66 304L686 40");
    assert_eq!(path("level plain"), "M66 172L686 172");
    let dot = svg.descendants().find(|node| node.has_tag_name("circle")).unwrap();
    assert_eq!((dot.attribute("cx"), dot.attribute("cy")), (Some("376"), Some("172")));
    assert!(html.contains("person &#38; co") && html.contains("Score &#60;over&#62; time"));
}

#[test]
fn only_named_layers_are_in_the_legend_and_the_drawing_has_a_name() {
    let html = chart().html().to_string();
    let document = parsed(&html);
    let items = document.descendants().filter(|node| node.has_tag_name("li")).count();
    assert_eq!(items, 3);
    let svg = document.descendants().find(|node| node.attribute("role") == Some("img")).unwrap();
    for attribute in ["aria-labelledby", "aria-describedby"] {
        let id = svg.attribute(attribute).unwrap();
        assert!(document.descendants().any(|node| node.attribute("id") == Some(id)), "{id}");
    }
}

#[test]
fn ranges_have_a_row_each_and_steps_corners() {
    let range = |value| Range {
        label: "FaceSwap".to_owned(),
        value,
        interval: Some((0.25, 0.75)),
        paint: Paint::Series(1),
    };
    let chart = Chart::new("r", "t", "d").ranges(Axis::shares("AUC"), vec![range(Some(0.5)), range(None)]);
    let html = chart.html().to_string();
    assert!(html.contains("0.500  FaceSwap") && html.contains("–  FaceSwap"), "{html}");
    let document = parsed(&html);
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("circle")).count(), 1);
    let steps = Layer::steps("", Paint::Series(0), vec![(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)]);
    let html = Chart::new("s", "t", "d").square().with(steps).html().to_string();
    assert!(html.contains("M66 414L256 414L256 40L446 40L446 40"), "{html}");
}
