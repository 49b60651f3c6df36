//! What every page has to hold, whatever it shows: it fits into narrow and wide windows, its text can be told from what is
//! behind it, everything that can be used has a name.

use std::path::Path;

use serde_json::json;

use super::{Page, Scheme};

/// Widths in pixels at which pages are looked at: a small telephone, a large screen.
const WIDTHS: [usize; 2] = [360, 1600];

/// Contrast that WCAG 2.2 wants of text (1.4.3, level AA): that of ordinary and that of large text.
const FAINT_TEXT: &str = r"
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  // Any form of a colour as red, green, blue and opacity.
  const parts = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (upper, lower) => [0, 1, 2].map(i => upper[i] * upper[3] + lower[i] * (1 - upper[3])).concat(1);
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches && getComputedStyle(document.documentElement).colorScheme.includes('dark');
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parts(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((lower, upper) => over(upper, lower), scheme ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  const light = rgb => {
    const [r, g, b] = rgb.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest('[disabled], svg, script, style, noscript')) continue;
    const style = getComputedStyle(element), below = behind(element);
    const [a, b] = [light(over(parts(style.color), below)), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)}: ${text.data.trim().slice(0, 60)}`);
  }
  return faint;
})()";

/// What sticks out of the window to the right, unless something around it scrolls by itself.
const TOO_WIDE: &str = r"
(() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const wide = [...document.body.querySelectorAll('*')].filter(element => element.getBoundingClientRect().right > innerWidth + 1);
  return ['the page is ' + document.documentElement.scrollWidth + ' px wide']
    .concat(wide.slice(0, 5).map(element => element.outerHTML.slice(0, 100)));
})()";

impl Page {
    /// Looks at the page at 360 and 1600 px, light and dark, and asserts that it fits, that its text has contrast, and that
    /// everything has a name. The views are written to the folder `SBI_SCREENSHOTS` as `NAME-360-dark.png`, where it is set.
    #[track_caller]
    pub fn looks_right(&self, name: &str) {
        for width in WIDTHS {
            for scheme in [Scheme::Light, Scheme::Dark] {
                self.view(width, scheme);
                self.keep_view(&format!("{name}-{width}-{scheme:?}").to_lowercase().replace(' ', "-"));
                let at = format!("{name} at {width} px, {scheme:?}");
                assert_eq!(self.strings(TOO_WIDE), [""; 0], "{at}: wider than its window");
                assert_eq!(self.strings(FAINT_TEXT), [""; 0], "{at}: too little contrast");
            }
        }
        assert_eq!(self.nameless(), [""; 0], "{name}: no text alternative");
        let lang = self.evaluate("document.documentElement.lang");
        assert_ne!(lang, "", "{name}: the page does not say its language");
        assert_ne!(self.evaluate("document.title"), "", "{name}: no title");
    }

    /// What can be used or seen and has no name for those who do not see it, such as `button` or `image`.
    pub fn nameless(&self) -> Vec<String> {
        // A figure is named by what is in it.
        const NAMED: [&str; 9] =
            ["button", "link", "image", "img", "textbox", "checkbox", "combobox", "slider", "progressbar"];
        let tree = self.ask("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().into_iter().flatten();
        let nameless = nodes.filter(|node| {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let name = node["name"]["value"].as_str().unwrap_or_default();
            node["ignored"] != true && NAMED.contains(&role) && name.trim().is_empty()
        });
        nameless.map(|node| node["role"]["value"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Writes what is seen to the folder `SBI_SCREENSHOTS`, where it is set.
    pub fn keep_view(&self, name: &str) {
        if let Some(folder) = std::env::var_os("SBI_SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), self.screenshot()).unwrap();
        }
    }

    #[track_caller]
    fn strings(&self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.evaluate(expression)).unwrap()
    }
}
