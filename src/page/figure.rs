//! Pictures that lie in the file itself.

use super::Html;
use crate::imaging::{JpegSampling, encoded_jpeg};
use crate::types::RgbImage;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Qualities of pictures, the first that is small enough is taken: at the first the eye sees no loss at their size, and only
/// noise needs another.
const QUALITIES: [i32; 4] = [88, 75, 60, 40];
/// Bytes per pixel that a picture may take before a lower quality is taken.
const MOST: f64 = 0.75;

/// An encoded picture. It is kept as a file is, which is a tenth of its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    jpeg: Vec<u8>,
    width: usize,
    height: usize,
}

impl Picture {
    /// A picture of an image, as JPEG with full colours; of noise with less quality, so that no picture is large.
    ///
    /// Fails, with libjpeg's message, for images without a pixel or with sides above 65500.
    pub fn of(image: &RgbImage) -> Result<Picture, String> {
        let (width, height) = (image.width(), image.height());
        // Headers take some hundred bytes, however small the image is.
        let most = 1024 + (MOST * (width * height) as f64) as usize;
        let mut jpeg = Vec::new();
        for quality in QUALITIES {
            jpeg = encoded_jpeg(image, quality, JpegSampling::Full)?;
            if jpeg.len() <= most {
                break;
            }
        }
        Ok(Picture { jpeg, width, height })
    }

    /// Bytes that it takes on a page.
    pub fn bytes(&self) -> usize {
        self.jpeg.len().div_ceil(3) * 4
    }

    /// The element alone, without a caption; `text` is for those who do not see it.
    pub fn html(&self, text: &str) -> Html {
        Html::of(&Img { picture: self, text })
    }

    fn base64(&self) -> String {
        STANDARD.encode(&self.jpeg)
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<img src="data:image/jpeg;base64,{{ picture.base64() }}" width="{{ picture.width }}" height="{{ picture.height }}" alt="{{ text }}"/>"#
)]
struct Img<'a> {
    picture: &'a Picture,
    text: &'a str,
}

/// One picture or several that belong together, or a chart, with a caption.
#[derive(Clone, Debug)]
pub struct Figure {
    body: Html,
    caption: String,
    class: &'static str,
}

impl Figure {
    /// Of pictures with texts for those who do not see them.
    pub fn of_pictures<'a>(
        pictures: impl IntoIterator<Item = (&'a Picture, &'a str)>,
        caption: &str,
    ) -> Figure {
        let body = pictures.into_iter().map(|(picture, text)| picture.html(text)).collect();
        Figure { body, caption: caption.to_owned(), class: "pictures" }
    }

    /// The piece.
    pub fn html(&self) -> Html {
        Html::of(&FigureTemplate { figure: self })
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<figure class="{{ figure.class }}" aria-label="{{ figure.caption }}"><div>{{ figure.body.placed() }}</div><figcaption>{{ figure.caption }}</figcaption></figure>
"#
)]
struct FigureTemplate<'a> {
    figure: &'a Figure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_the_page_with_a_text() {
        let picture = Picture::of(&RgbImage::filled(20, 10, [200, 10, 10])).unwrap();
        let html = Figure::of_pictures([(&picture, "a \"red\" box")], "red & wide").html().to_string();
        assert!(html.contains("src=\"data:image/jpeg;base64,/9j/"), "{html}");
        assert!(html.contains("width=\"20\" height=\"10\" alt=\"a &#34;red&#34; box\""), "{html}");
        assert!(html.contains("<figcaption>red &#38; wide</figcaption>"));
        let encoded = html.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(encoded.len(), picture.bytes());
        assert!(Picture::of(&RgbImage::filled(0, 0, [0; 3])).is_err());
    }
}
