//! Quarter turns of a square image.

/// Turns each plane of `side` × `side` pixels counter-clockwise by quarter turns, as numpy's `rot90`.
pub(super) fn turn(planes: &mut [f32], side: usize, quarters: usize) {
    if quarters == 0 {
        return;
    }
    let last = side - 1;
    let mut stored = vec![0.0; side * side];
    for plane in planes.chunks_exact_mut(side * side) {
        stored.copy_from_slice(plane);
        for (row, out) in plane.chunks_exact_mut(side).enumerate() {
            for (column, out) in out.iter_mut().enumerate() {
                let from = match quarters {
                    1 => column * side + (last - row),
                    2 => (last - row) * side + (last - column),
                    _ => (last - column) * side + row,
                };
                *out = stored[from];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::turn;

    /// numpy: `np.rot90(np.arange(9).reshape(3, 3), k)`.
    #[test]
    fn turns_are_those_of_numpy() {
        let expected: [[u8; 9]; 4] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8],
            [2, 5, 8, 1, 4, 7, 0, 3, 6],
            [8, 7, 6, 5, 4, 3, 2, 1, 0],
            [6, 3, 0, 7, 4, 1, 8, 5, 2],
        ];
        for (quarters, expected) in expected.iter().enumerate() {
            let mut planes: Vec<f32> = (0..18u8).map(f32::from).collect();
            turn(&mut planes, 3, quarters);
            let both = expected.iter().chain(expected).zip([0.0, 9.0].into_iter().flat_map(|by| [by; 9]));
            let both: Vec<f32> = both.map(|(&value, by)| f32::from(value) + by).collect();
            assert_eq!(planes, both, "{quarters} quarters");
        }
    }
}
