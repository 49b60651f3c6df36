//! Frames of moving images, put together as players show them.

/// Red, green, blue and opacity.
pub(super) type Pixel = [u8; 4];

/// Where a frame lies on the canvas, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Place {
    /// Whether it is not empty and lies within a canvas.
    pub(super) fn is_within(&self, width: usize, height: usize) -> bool {
        let ends =
            |start: usize, length: usize, limit| start.checked_add(length).is_some_and(|end| end <= limit);
        self.width > 0
            && self.height > 0
            && ends(self.x, self.width, width)
            && ends(self.y, self.height, height)
    }
}

/// What becomes of a frame's place once it has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Stays,
    Vanishes,
    /// What was there before comes back.
    GoesBack,
}

/// What is shown.
pub(super) struct Canvas {
    width: usize,
    pixels: Vec<Pixel>,
}

impl Canvas {
    /// A transparent canvas.
    pub(super) fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, pixels: vec![[0; 4]; width * height] }
    }

    /// Draws a frame (over what is there, or instead of it), looks at all that is shown then, and clears up.
    ///
    /// # Panics
    /// When the place is not within the canvas.
    pub(super) fn show<T>(
        &mut self,
        place: &Place,
        frame: &[Pixel],
        is_over: bool,
        after: After,
        look: impl FnOnce(&[u8]) -> T,
    ) -> T {
        let before = match after {
            After::Stays => None,
            After::Vanishes => Some(vec![[0; 4]; place.width * place.height]),
            After::GoesBack => Some(self.copy(place)),
        };
        self.draw(place, frame, if is_over { over } else { |_, pixel| pixel });
        let seen = look(self.pixels.as_flattened());
        if let Some(before) = before {
            self.draw(place, &before, |_, pixel| pixel);
        }
        seen
    }

    fn row_mut(&mut self, place: &Place, row: usize) -> &mut [Pixel] {
        let start = (place.y + row) * self.width + place.x;
        &mut self.pixels[start..start + place.width]
    }

    fn copy(&mut self, place: &Place) -> Vec<Pixel> {
        (0..place.height).flat_map(|row| self.row_mut(place, row).to_vec()).collect()
    }

    /// Draws what `blended` makes of what is there and what comes.
    fn draw(&mut self, place: &Place, frame: &[Pixel], blended: fn(Pixel, Pixel) -> Pixel) {
        for (row, pixels) in frame.chunks_exact(place.width).enumerate() {
            for (target, &pixel) in self.row_mut(place, row).iter_mut().zip(pixels) {
                *target = blended(*target, pixel);
            }
        }
    }
}

/// A pixel over another one.
fn over(below: Pixel, above: Pixel) -> Pixel {
    let (above_opacity, below_opacity) = (u32::from(above[3]), u32::from(below[3]));
    match above_opacity {
        0 => below,
        255 => above,
        _ => {
            let through = below_opacity * (255 - above_opacity);
            let weight = above_opacity * 255 + through;
            let mix = |i: usize| {
                let sum = u32::from(above[i]) * above_opacity * 255 + u32::from(below[i]) * through;
                ((sum + weight / 2) / weight) as u8
            };
            [mix(0), mix(1), mix(2), ((weight + 127) / 255) as u8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_laid_over_one_another() {
        assert_eq!(over([1, 2, 3, 255], [9, 9, 9, 0]), [1, 2, 3, 255]);
        assert_eq!(over([1, 2, 3, 255], [9, 9, 9, 255]), [9, 9, 9, 255]);
        assert_eq!(over([0, 100, 200, 255], [100, 100, 0, 51]), [20, 100, 160, 255]);
        assert_eq!(over([7, 7, 7, 0], [50, 60, 70, 80]), [50, 60, 70, 80]);
    }

    #[test]
    fn frames_stay_vanish_or_go_back() {
        let (a, b, empty) = ([1, 1, 1, 255], [2, 2, 2, 255], [0; 4]);
        let place = Place { x: 1, y: 0, width: 1, height: 1 };
        for (after, expected) in [(After::Stays, b), (After::Vanishes, empty), (After::GoesBack, a)] {
            let mut canvas = Canvas::new(2, 1);
            let whole = Place { x: 0, y: 0, width: 2, height: 1 };
            canvas.show(&whole, &[a, a], false, After::Stays, |_| ());
            let shown = canvas.show(&place, &[b], true, after, <[u8]>::to_vec);
            assert_eq!(shown, [a, b].concat());
            assert_eq!(canvas.pixels, [a, expected], "{after:?}");
        }
    }

    #[test]
    fn places_are_checked() {
        let place = |x, width| Place { x, y: 0, width, height: 1 };
        assert!(place(3, 2).is_within(5, 1) && !place(4, 2).is_within(5, 1) && !place(0, 0).is_within(5, 1));
        assert!(!place(usize::MAX, 2).is_within(5, 1));
    }
}
