use futures_util::{FutureExt, future::join_all};

use super::*;
use crate::platform::{Stored, tests::Memory};

const DAY: u64 = 86_400_000;
const CALL: Reserve = Reserve {
    item: Item::ModelRequest,
    count: 1,
    cap: 100,
    usage: UsageCounters::EMPTY,
};

async fn granted(budget: &Budget<&Memory>, times: usize, now: u64) -> usize {
    let all = join_all((0..times).map(|_| budget.reserve(CALL, UnixMillis(now)))).await;
    all.into_iter()
        .filter(|outcome| *outcome == Ok(Reservation::Granted))
        .count()
}

#[tokio::test]
async fn a_thousand_at_once_against_a_cap_of_100_get_exactly_100() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    assert_eq!(granted(&budget, 1000, DAY).await, 100);
    assert_eq!(
        granted(&Budget::new(&memory), 10, DAY).await,
        0,
        "a restarted object goes on counting"
    );
}

#[tokio::test]
async fn a_cap_of_zero_grants_nothing() {
    let memory = Memory::default();
    let outcome = Budget::new(&memory)
        .reserve(Reserve { cap: 0, ..CALL }, UnixMillis(0))
        .await;
    assert_eq!(outcome, Ok(Reservation::Exhausted));
}

#[tokio::test]
async fn midnight_utc_opens_a_new_budget_and_a_clock_that_steps_back_does_not() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    assert_eq!(granted(&budget, 101, DAY - 1).await, 100);
    assert_eq!(granted(&budget, 60, DAY).await, 60);
    assert_eq!(granted(&budget, 60, DAY - 1).await, 40);
    assert_eq!(granted(&budget, 1, DAY).await, 0);
}

#[tokio::test]
async fn a_count_that_could_not_be_stored_is_an_error_and_grants_nothing() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    assert_eq!(granted(&budget, 99, DAY).await, 99);
    memory.failing.set(true);
    assert!(budget.reserve(CALL, UnixMillis(DAY)).await.is_err());
    memory.failing.set(false);
    assert_eq!(granted(&budget, 5, DAY).await, 1);
}

#[tokio::test]
async fn an_abandoned_reservation_is_counted_or_not_made() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    // The caller goes away in the middle of the write.
    assert!(
        budget
            .reserve(CALL, UnixMillis(DAY))
            .now_or_never()
            .is_none()
    );
    assert!(granted(&budget, 101, DAY).await <= 100);
}

/// Values that storage may hold after damage: texts, and a value of another type (42, null, `true`
/// …).
fn damaged() -> Vec<Stored> {
    let texts = [
        "",
        "{}",
        "42",
        "null",
        r#"{"v":1}"#,
        r#"{"v":1,"calls":0}"#,
        r#"{"v":1,"day":1,"messages":0}"#,
        r#"{"v":1,"day":1,"calls":0}"#,
        r#"{"v":2,"day":1,"calls":0,"messages":0}"#,
        r#"{"v":1,"day":1,"calls":99999999999,"messages":0}"#,
        r#"{"v":1,"day":1,"calls":0,"messages":0,"exhausted":1}"#,
    ];
    let texts = texts.map(|text| Stored::Text(text.into()));
    [Stored::Unreadable].into_iter().chain(texts).collect()
}

#[tokio::test]
async fn many_are_reserved_together_or_not_at_all() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    let reserve = async |count| {
        let call = Reserve {
            count,
            cap: 10,
            ..CALL
        };
        budget.reserve(call, UnixMillis(0)).await.unwrap()
    };
    assert_eq!(reserve(7).await, Reservation::Granted);
    assert_eq!(reserve(4).await, Reservation::Exhausted);
    assert_eq!(reserve(u32::MAX).await, Reservation::Exhausted);
    assert_eq!(reserve(3).await, Reservation::Granted);
    assert_eq!(reserve(1).await, Reservation::Exhausted);
}

const MESSAGE: Reserve = Reserve {
    item: Item::Message,
    count: 1,
    ..CALL
};

#[tokio::test]
async fn a_count_that_cannot_be_read_is_used_up_until_the_next_utc_day_and_is_logged_once() {
    for value in damaged() {
        let memory = Memory::holding(value.clone());
        let budget = Budget::new(&memory);
        for call in [CALL, MESSAGE, CALL] {
            assert_eq!(
                budget.reserve(call, UnixMillis(DAY)).await,
                Ok(Reservation::Exhausted),
                "{value:?}"
            );
            assert_eq!(
                budget
                    .check(
                        Check {
                            item: call.item,
                            cap: 100
                        },
                        UnixMillis(DAY)
                    )
                    .await,
                Ok(Reservation::Exhausted),
                "{value:?}"
            );
        }
        let restarted = Budget::new(&memory);
        for call in [CALL, MESSAGE] {
            assert_eq!(
                restarted.reserve(call, UnixMillis(2 * DAY - 1)).await,
                Ok(Reservation::Exhausted),
                "{value:?}"
            );
        }
        assert!(
            restarted
                .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY - 1))
                .await
                .unwrap()
                .unreadable
        );
        assert_eq!(memory.logged("budget_unreadable"), 1, "{value:?}");
        assert_eq!(
            granted(&restarted, 101, 2 * DAY).await,
            100,
            "the next day begins anew: {value:?}"
        );
        assert!(
            !restarted
                .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY))
                .await
                .unwrap()
                .unreadable
        );
        assert_eq!(memory.logged("budget_unreadable"), 1, "{value:?}");
    }
}

#[tokio::test]
async fn a_check_of_a_count_that_cannot_be_read_closes_the_day_for_good() {
    for value in damaged() {
        let memory = Memory::holding(value);
        assert_eq!(
            Budget::new(&memory)
                .check(
                    Check {
                        item: Item::Message,
                        cap: 100
                    },
                    UnixMillis(DAY)
                )
                .await,
            Ok(Reservation::Exhausted)
        );
        assert_eq!(
            granted(&Budget::new(&memory), 1, DAY).await,
            0,
            "a restarted object knows it"
        );
        assert_eq!(memory.logged("budget_unreadable"), 1);
    }
}

#[tokio::test]
async fn a_clock_that_steps_back_over_midnight_does_not_open_a_day_that_is_closed() {
    let memory = Memory::holding(Stored::Unreadable);
    assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY).await, 0);
    assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY - 1).await, 0);
    assert_eq!(granted(&Budget::new(&memory), 1, 3 * DAY).await, 1);
}

#[tokio::test]
async fn an_unreadable_count_that_cannot_be_replaced_grants_nothing() {
    let memory = Memory::holding(Stored::Unreadable);
    memory.commits_fail.set(true);
    assert!(
        Budget::new(&memory)
            .reserve(CALL, UnixMillis(DAY))
            .await
            .is_err()
    );
    memory.commits_fail.set(false);
    assert_eq!(granted(&Budget::new(&memory), 1, DAY).await, 0);
}

#[tokio::test]
async fn an_operators_reset_clears_the_days_counts_and_returns_those_from_before() {
    for value in damaged() {
        let memory = Memory::holding(value);
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 1, DAY).await, 0);
        assert!(budget.reset(UnixMillis(DAY)).await.unwrap().unreadable);
        assert_eq!(granted(&Budget::new(&memory), 101, DAY).await, 100);
    }
    let memory = Memory::default();
    let usage = UsageCounters {
        prompt_tokens: 30,
        ..UsageCounters::EMPTY
    };
    let budget = Budget::new(&memory);
    budget
        .reserve(Reserve { usage, ..CALL }, UnixMillis(DAY))
        .await
        .unwrap();
    budget.reserve(MESSAGE, UnixMillis(DAY)).await.unwrap();
    let before = budget.reset(UnixMillis(DAY)).await.unwrap();
    assert_eq!(
        before,
        DayUsage {
            day: 1,
            calls: 1,
            messages: 1,
            call_minutes: 0,
            usage,
            unreadable: false
        }
    );
    let after = Budget::new(&memory)
        .add_usage(&UsageCounters::EMPTY, UnixMillis(DAY))
        .await
        .unwrap();
    assert_eq!(
        after,
        DayUsage {
            calls: 0,
            messages: 0,
            ..before
        },
        "what was spent is still told"
    );
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_once_closes_the_budget_for_today_at_most() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    assert_eq!(granted(&budget, 100, 1000 * DAY).await, 100);
    assert_eq!(
        granted(&budget, 1, DAY).await,
        0,
        "what was counted there is today's"
    );
    assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY - 1).await, 0);
    assert_eq!(granted(&Budget::new(&memory), 101, 2 * DAY).await, 100);
    for day in [u64::MAX, 1000] {
        let memory = Memory::holding(Stored::Text(format!(
            r#"{{"v":1,"day":{day},"calls":99,"messages":0}}"#
        )));
        assert_eq!(
            granted(&Budget::new(&memory), 5, DAY).await,
            1,
            "edited storage, too"
        );
        assert_eq!(granted(&Budget::new(&memory), 101, 2 * DAY).await, 100);
    }
}

#[tokio::test]
async fn reported_usage_adds_up_for_a_day_and_starts_at_zero_at_midnight() {
    let memory = Memory::default();
    let budget = Budget::new(&memory);
    let usage = UsageCounters {
        messages_in: 2,
        prompt_tokens: 30,
        ..UsageCounters::EMPTY
    };
    for cap in [1, 1] {
        budget
            .reserve(Reserve { cap, usage, ..CALL }, UnixMillis(DAY))
            .await
            .unwrap();
    }
    let usage = Budget::new(&memory)
        .add_usage(&usage, UnixMillis(DAY))
        .await
        .unwrap();
    assert_eq!((usage.day, usage.calls), (1, 1));
    assert_eq!(
        (
            usage.usage.messages_in,
            usage.usage.prompt_tokens,
            usage.usage.rejections.budget_exhausted
        ),
        (6, 90, 1)
    );
    let next = budget
        .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY))
        .await
        .unwrap();
    assert_eq!(
        next,
        DayUsage {
            day: 2,
            calls: 0,
            messages: 0,
            call_minutes: 0,
            usage: UsageCounters::EMPTY,
            unreadable: false
        }
    );
}

#[tokio::test]
async fn the_stored_count_is_version_1_and_is_still_read() {
    let memory = Memory::default();
    *memory.value.borrow_mut() = Some(Stored::Text(
        r#"{"v":1,"day":1,"calls":99,"messages":0}"#.into(),
    ));
    assert_eq!(granted(&Budget::new(&memory), 5, DAY).await, 1);
}
