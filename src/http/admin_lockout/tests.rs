use futures_util::future::join_all;

use super::*;
use crate::platform::{Stored, tests::Memory};

const NOW: u64 = 1_795_348_800_000;
const HOUR: u64 = 3_600_000;
const WRONG: Attempt = Attempt { right: false };
const RIGHT: Attempt = Attempt { right: true };

/// Makes wrong attempts at one time. Returns how many got the verdict `Wrong`.
async fn wrong(lockout: &AdminLockout<&Memory>, times: usize, at: u64) -> usize {
    let all = join_all((0..times).map(|_| lockout.attempt(WRONG, UnixMillis(at)))).await;
    all.into_iter()
        .filter(|verdict| *verdict == Ok(Verdict::Wrong))
        .count()
}

async fn right(lockout: &AdminLockout<&Memory>, at: u64) -> Verdict {
    lockout.attempt(RIGHT, UnixMillis(at)).await.unwrap()
}

#[tokio::test]
async fn of_a_hundred_wrong_attempts_at_once_five_get_the_verdict_wrong() {
    let memory = Memory::default();
    let lockout = AdminLockout::new(&memory);
    let all = join_all((0..100).map(|_| lockout.attempt(WRONG, UnixMillis(NOW)))).await;
    assert_eq!(
        all.iter()
            .filter(|verdict| **verdict == Ok(Verdict::Wrong))
            .count(),
        5
    );
    assert_eq!(
        all.iter()
            .filter(|verdict| **verdict == Ok(Verdict::Locked(60)))
            .count(),
        95
    );
    assert_eq!(memory.commits.get(), 5, "a flood is not stored");
}

#[tokio::test]
async fn the_right_token_is_not_told_from_a_wrong_one_while_locked_and_works_a_minute_later() {
    let memory = Memory::default();
    for second in 0..5 {
        assert_eq!(
            AdminLockout::new(&memory)
                .attempt(WRONG, UnixMillis(NOW + second * 1000))
                .await,
            Ok(Verdict::Wrong)
        );
    }
    let lockout = AdminLockout::new(&memory);
    assert_eq!(
        lockout.attempt(RIGHT, UnixMillis(NOW + 4500)).await,
        Ok(Verdict::Locked(56)),
        "a restarted object goes on counting"
    );
    let lockout = AdminLockout::new(&memory);
    assert_eq!(
        lockout.attempt(RIGHT, UnixMillis(NOW + 59_999)).await,
        Ok(Verdict::Locked(1))
    );
    assert_eq!(
        lockout.attempt(RIGHT, UnixMillis(NOW + 60_000)).await,
        Ok(Verdict::Allowed)
    );
}

#[tokio::test]
async fn a_clock_that_steps_back_opens_nothing_and_locks_for_a_minute_also_over_restarts() {
    for step in [99_000, 400 * 24 * HOUR] {
        let memory = Memory::default();
        assert_eq!(wrong(&AdminLockout::new(&memory), 5, NOW + step).await, 5);
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW).await,
            Verdict::Locked(60)
        );
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW + 30_000).await,
            Verdict::Locked(30),
            "it is counted from the step on"
        );
        assert_eq!(memory.alarm.get(), Some(UnixMillis(NOW + 60_000)));
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW + 60_000).await,
            Verdict::Allowed
        );
    }
}

#[tokio::test]
async fn the_right_token_from_an_address_that_used_it_before_works_although_others_there_use_wrong_ones()
 {
    let memory = Memory::default();
    assert_eq!(
        right(&AdminLockout::new(&memory), NOW).await,
        Verdict::Allowed
    );
    let start = NOW + 20 * HOUR;
    assert_eq!(
        wrong(&AdminLockout::new(&memory), 6, start).await,
        5,
        "the sixth is told that it is locked"
    );
    for _ in 0..100 {
        assert_eq!(
            right(&AdminLockout::new(&memory), start).await,
            Verdict::Allowed,
            "right ones are not counted"
        );
    }
    assert_eq!(
        AdminLockout::new(&memory)
            .attempt(WRONG, UnixMillis(start))
            .await,
        Ok(Verdict::Locked(60)),
        "wrong ones stay locked"
    );
}

#[tokio::test]
async fn an_address_that_used_the_right_token_has_a_bounded_number_of_guesses_while_it_is_locked() {
    let memory = Memory::default();
    right(&AdminLockout::new(&memory), NOW).await;
    let lockout = AdminLockout::new(&memory);
    wrong(&lockout, 64, NOW).await;
    assert_eq!(right(&lockout, NOW).await, Verdict::Allowed);
    wrong(&lockout, 100, NOW).await;
    assert_eq!(
        memory.commits.get(),
        1 + 65,
        "what is not compared is not counted"
    );
    assert_eq!(
        right(&AdminLockout::new(&memory), NOW + 59_999).await,
        Verdict::Locked(1),
        "nothing is compared any more"
    );
    assert_eq!(right(&lockout, NOW + 60_000).await, Verdict::Allowed);
}

#[tokio::test]
async fn a_day_after_the_right_token_its_address_is_one_like_any_other() {
    let day = 24 * HOUR;
    let memory = Memory::default();
    right(&AdminLockout::new(&memory), NOW).await;
    right(&AdminLockout::new(&memory), NOW + HOUR).await;
    wrong(&AdminLockout::new(&memory), 5, NOW + day).await;
    assert_eq!(
        right(&AdminLockout::new(&memory), NOW + day).await,
        Verdict::Allowed,
        "the later time counts"
    );
    let memory = Memory::default();
    right(&AdminLockout::new(&memory), NOW).await;
    wrong(&AdminLockout::new(&memory), 5, NOW + day).await;
    assert_eq!(
        right(&AdminLockout::new(&memory), NOW + day).await,
        Verdict::Locked(60)
    );
    // A time from a clock that was ahead would be believed for as long as it was ahead.
    let memory = Memory::default();
    right(&AdminLockout::new(&memory), NOW + 400 * day).await;
    wrong(&AdminLockout::new(&memory), 5, NOW).await;
    assert_eq!(
        right(&AdminLockout::new(&memory), NOW).await,
        Verdict::Locked(60)
    );
}

#[tokio::test]
async fn the_right_token_is_stored_once_an_hour() {
    let memory = Memory::default();
    for minute in 0..60 {
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW + minute * 60_000).await,
            Verdict::Allowed
        );
    }
    assert_eq!(memory.commits.get(), 1);
    right(&AdminLockout::new(&memory), NOW + HOUR).await;
    assert_eq!(
        (memory.commits.get(), memory.alarm.get()),
        (2, Some(UnixMillis(NOW + 25 * HOUR)))
    );
}

#[tokio::test]
async fn what_cannot_be_counted_is_not_allowed() {
    let memory = Memory::default();
    memory.failing.set(true);
    assert!(
        AdminLockout::new(&memory)
            .attempt(WRONG, UnixMillis(NOW))
            .await
            .is_err()
    );
    assert!(
        AdminLockout::new(&memory)
            .attempt(RIGHT, UnixMillis(NOW))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn wrong_attempts_are_forgotten_after_a_minute_and_the_right_one_after_a_day() {
    let memory = Memory::default();
    let lockout = AdminLockout::new(&memory);
    lockout.attempt(WRONG, UnixMillis(NOW)).await.unwrap();
    lockout
        .attempt(WRONG, UnixMillis(NOW + 30_000))
        .await
        .unwrap();
    lockout.forget(UnixMillis(NOW + 60_000)).await.unwrap();
    assert_eq!(memory.alarm.get(), Some(UnixMillis(NOW + 90_000)));
    lockout.forget(UnixMillis(NOW + 90_000)).await.unwrap();
    assert!(memory.value.borrow().is_none() && memory.alarm.get().is_none());
    right(&lockout, NOW + 90_000).await;
    lockout
        .attempt(WRONG, UnixMillis(NOW + 90_000))
        .await
        .unwrap();
    lockout.forget(UnixMillis(NOW + 150_000)).await.unwrap();
    let kept = Stored::Text(format!(r#"{{"wrong":[],"right":{}}}"#, NOW + 90_000));
    assert_eq!(
        (memory.value.borrow().clone(), memory.alarm.get()),
        (Some(kept), Some(UnixMillis(NOW + 90_000 + 24 * HOUR)))
    );
    lockout
        .forget(UnixMillis(NOW + 90_000 + 24 * HOUR))
        .await
        .unwrap();
    assert!(memory.value.borrow().is_none() && memory.alarm.get().is_none());
}

#[tokio::test]
async fn what_cannot_be_read_locks_for_a_minute_and_begins_anew() {
    for value in [
        "",
        "{}",
        "42",
        "null",
        "true",
        r#"{"wrong":[-1],"right":null}"#,
    ]
    .map(|text| Stored::Text(text.into()))
    .into_iter()
    .chain([Stored::Unreadable])
    {
        let memory = Memory::holding(value.clone());
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW).await,
            Verdict::Locked(60),
            "{value:?}"
        );
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW + 59_999).await,
            Verdict::Locked(1),
            "a restarted object goes on: {value:?}"
        );
        assert_eq!(memory.logged("lockout_unreadable"), 1, "{value:?}");
        assert_eq!(
            right(&AdminLockout::new(&memory), NOW + 60_000).await,
            Verdict::Allowed,
            "{value:?}"
        );
        assert_eq!(memory.logged("lockout_unreadable"), 1, "{value:?}");
    }
}

#[tokio::test]
async fn an_alarm_that_finds_what_cannot_be_read_ends_it_within_a_minute() {
    let memory = Memory::holding(Stored::Unreadable);
    AdminLockout::new(&memory)
        .forget(UnixMillis(NOW))
        .await
        .unwrap();
    assert_eq!(memory.alarm.get(), Some(UnixMillis(NOW + 60_000)));
    AdminLockout::new(&memory)
        .forget(UnixMillis(NOW + 60_000))
        .await
        .unwrap();
    assert!(memory.value.borrow().is_none());
    assert_eq!(memory.logged("lockout_unreadable"), 1);
}
