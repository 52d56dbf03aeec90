//! Percentiles of a list.

/// The smallest of the sorted values that so many per cent of them do not exceed.
#[must_use]
pub fn percentile<T: Copy>(sorted: &[T], per_cent: usize) -> Option<T> {
    let rank = sorted.len().saturating_mul(per_cent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_a_value_of_the_list() {
        assert_eq!(percentile::<u32>(&[], 50), None);
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(percentile(&[1, 2, 3, 4], 95), Some(4));
    }
}
