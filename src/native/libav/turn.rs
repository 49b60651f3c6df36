//! How frames are turned before they are shown.

/// A turn by quarters, perhaps of a mirrored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whether left and right are swapped first.
    pub mirrored: bool,
    /// Quarter turns clockwise after that, 0..=3.
    pub quarters: u8,
}

impl Turn {
    /// Shown as it is stored.
    pub const NONE: Turn = Turn { mirrored: false, quarters: 0 };

    /// From a display matrix as containers hold it: rows of a transform of coordinates, `x' = a x + c y`,
    /// `y' = b x + d y` with the matrix `[a, b, _, c, d, ...]`. Turns by other angles are taken to the nearest quarter.
    pub fn from_matrix(matrix: &[i32; 9]) -> Turn {
        let [a, b, c, d] = [matrix[0], matrix[1], matrix[3], matrix[4]].map(f64::from);
        let mirrored = a * d - b * c < 0.0;
        // What becomes of the x axis tells the angle; when left and right were swapped first, it points the other way.
        let (x, y) = if mirrored { (-a, -b) } else { (a, b) };
        if x == 0.0 && y == 0.0 {
            return Turn::NONE;
        }
        // y points down, so that this is clockwise.
        let quarters = (y.atan2(x) / std::f64::consts::FRAC_PI_2).round() as i32;
        Turn { mirrored, quarters: quarters.rem_euclid(4) as u8 }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.quarters % 2 == 1
    }

    /// Turns rows of `width` x `height` pixels of three bytes, each `stride` bytes after the one before, into rows
    /// without gaps.
    ///
    /// # Panics
    /// When `from` or `to` is too short.
    pub fn apply(self, from: &[u8], (width, height): (usize, usize), stride: usize, to: &mut [u8]) {
        let (out_width, out_height) = if self.swaps_sides() { (height, width) } else { (width, height) };
        let rows = to[..out_width * out_height * 3].chunks_exact_mut((out_width * 3).max(1));
        for (y, row) in rows.enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                // Where the pixel was before the turn, then before mirroring.
                let (source_x, source_y) = match self.quarters {
                    0 => (x, y),
                    1 => (y, height - 1 - x),
                    2 => (width - 1 - x, height - 1 - y),
                    _ => (width - 1 - y, x),
                };
                let source_x = if self.mirrored { width - 1 - source_x } else { source_x };
                pixel.copy_from_slice(&from[source_y * stride + source_x * 3..][..3]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;

    fn matrix([a, b, c, d]: [i32; 4]) -> [i32; 9] {
        [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]
    }

    /// Two columns, three rows, numbered row by row.
    fn turned(turn: Turn) -> Vec<u8> {
        let from: Vec<u8> = (0..6).flat_map(|number| [number; 3]).collect();
        let mut to = vec![0; 18];
        turn.apply(&from, (2, 3), 6, &mut to);
        to.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn matrices_turn_as_players_do() {
        // x' = a x + c y, y' = b x + d y, y pointing down.
        let cases = [
            ([1, 0, 0, 1], vec![0, 1, 2, 3, 4, 5]),
            // Clockwise: what was at the bottom left comes to the top left.
            ([0, 1, -1, 0], vec![4, 2, 0, 5, 3, 1]),
            ([-1, 0, 0, -1], vec![5, 4, 3, 2, 1, 0]),
            ([0, -1, 1, 0], vec![1, 3, 5, 0, 2, 4]),
            // Left and right swapped, then top and bottom.
            ([-1, 0, 0, 1], vec![1, 0, 3, 2, 5, 4]),
            ([1, 0, 0, -1], vec![4, 5, 2, 3, 0, 1]),
            // Along both diagonals.
            ([0, 1, 1, 0], vec![0, 2, 4, 1, 3, 5]),
            ([0, -1, -1, 0], vec![5, 3, 1, 4, 2, 0]),
        ];
        for (numbers, expected) in cases {
            assert_eq!(turned(Turn::from_matrix(&matrix(numbers))), expected, "{numbers:?}");
        }
        assert_eq!(Turn::from_matrix(&[0; 9]), Turn::NONE);
    }
}
