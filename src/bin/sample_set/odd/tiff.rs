//! TIFF files without compression, written by hand: pages, orientation, inks.

/// A page.
pub struct Page {
    pub width: usize,
    pub height: usize,
    /// What samples mean, by TIFF's number.
    pub colours: u16,
    /// Samples of all pixels, row by row, eight bits each.
    pub samples: Vec<u8>,
    pub orientation: u16,
}

impl Page {
    pub const RGB: u16 = 2;
    /// Cyan, magenta, yellow, black.
    pub const INKS: u16 = 5;
}

/// The value of a field: one number of 16 or of 32 bits, or several of 16 bits that stand elsewhere.
enum Value {
    Short(u16),
    Long(u32),
    Shorts(Vec<u16>),
}

/// A file, least significant byte first.
pub fn tiff(pages: &[Page]) -> Vec<u8> {
    let mut out = b"II*\0".to_vec();
    // Where the place of the next page's directory is to be written.
    let mut link = out.len();
    out.extend([0; 4]);
    for page in pages {
        let data = out.len() as u32;
        out.extend(&page.samples);
        out.resize(out.len().next_multiple_of(2), 0);
        let directory = (out.len() as u32).to_le_bytes();
        out[link..link + 4].copy_from_slice(&directory);
        link = add_directory(&mut out, page, data);
    }
    out
}

/// Returns where the place of the next directory stands.
fn add_directory(out: &mut Vec<u8>, page: &Page, data: u32) -> usize {
    let samples = page.samples.len() / (page.width * page.height).max(1);
    let fields = [
        (256, Value::Long(page.width as u32)),
        (257, Value::Long(page.height as u32)),
        (258, Value::Shorts(vec![8; samples])),
        (259, Value::Short(1)),
        (262, Value::Short(page.colours)),
        (273, Value::Long(data)),
        (274, Value::Short(page.orientation)),
        (277, Value::Short(samples as u16)),
        (278, Value::Long(page.height as u32)),
        (279, Value::Long(page.samples.len() as u32)),
    ];
    let mut elsewhere = Vec::new();
    let behind = out.len() + 2 + 12 * fields.len() + 4;
    out.extend((fields.len() as u16).to_le_bytes());
    for (tag, value) in fields {
        let (kind, count, value) = match value {
            Value::Short(value) => (3_u16, 1, u32::from(value)),
            Value::Long(value) => (4, 1, value),
            Value::Shorts(values) => {
                let at = behind + elsewhere.len();
                elsewhere.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                (3, values.len() as u32, at as u32)
            }
        };
        out.extend([u16::to_le_bytes(tag), kind.to_le_bytes()].concat());
        out.extend([u32::to_le_bytes(count), value.to_le_bytes()].concat());
    }
    out.extend([0; 4]);
    out.extend(elsewhere);
    behind - 4
}
