use super::*;

const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

fn id_of(id: &str) -> WebhookId {
    serde_json::from_value(id.into()).unwrap()
}

fn delivery(id: &str, purpose: DeliveryPurpose, assistant: &str) -> Delivery {
    let (body, assistant) = (format!("{{\"id\":\"{id}\"}}"), assistant.to_owned());
    Delivery::new(
        id_of(id),
        purpose,
        assistant,
        PhoneHash::nobody(),
        body,
        NOW,
    )
}

fn message(id: &str) -> Delivery {
    delivery(id, DeliveryPurpose::HandedOverMessage, "desk")
}

fn next_id(deliveries: &Deliveries, now: UnixMillis) -> Option<String> {
    match deliveries.next_step(now)? {
        DeliveryStep::Send(one) => Some(one.id.as_str().to_owned()),
        DeliveryStep::GiveUp(one) => Some(format!("give up {}", one.id.as_str())),
    }
}

#[test]
fn a_delivery_that_failed_waits_longer_each_time_and_keeps_its_body() {
    let mut deliveries = Deliveries::default();
    assert!(deliveries.put(message("a")));
    let (mut now, mut waits) = (NOW, Vec::new());
    for _ in 0..12 {
        let Some(DeliveryStep::Send(found)) = deliveries.next_step(now) else {
            panic!("nothing is due");
        };
        assert_eq!(found.body, message("a").body);
        let logged = deliveries.mark_failed(&id_of("a"), now);
        assert_eq!(logged, waits.is_empty().then_some(1));
        assert_eq!(deliveries.next_step(now), None);
        let next = deliveries.next_wake().unwrap();
        waits.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(
        waits,
        [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900],
        "it is still tried often enough at the end of the day"
    );
}

#[test]
fn a_delivery_is_given_up_after_a_day() {
    let mut deliveries = Deliveries::default();
    assert!(deliveries.put(message("a")));
    let mut now = NOW;
    while let Some(DeliveryStep::Send(_)) = deliveries.next_step(now) {
        deliveries.mark_failed(&id_of("a"), now);
        now = deliveries.next_wake().unwrap();
    }
    assert_eq!(now, NOW.plus(LIFETIME));
    assert_eq!(next_id(&deliveries, now).as_deref(), Some("give up a"));
    assert_eq!(
        deliveries.remove(&id_of("a")).map(|one| one.id),
        Some(id_of("a"))
    );
    assert!(deliveries.is_empty() && deliveries.next_wake().is_none());
}

#[test]
fn deliveries_to_one_service_keep_their_order_and_others_do_not_wait() {
    let mut deliveries = Deliveries::default();
    assert!(deliveries.put(message("a")) && deliveries.put(message("b")));
    let result = delivery("c", DeliveryPurpose::IntakeResult, "desk");
    assert!(deliveries.put(result));
    let elsewhere = delivery("d", DeliveryPurpose::HandedOverMessage, "other");
    assert!(deliveries.put(elsewhere));
    deliveries.mark_failed(&id_of("a"), NOW);
    assert_eq!(next_id(&deliveries, NOW).as_deref(), Some("c"));
    deliveries.remove(&id_of("c"));
    assert_eq!(next_id(&deliveries, NOW).as_deref(), Some("d"));
    deliveries.remove(&id_of("d"));
    assert_eq!(next_id(&deliveries, NOW), None, "b waits for a");
    let later = NOW.plus(Duration::from_secs(2));
    assert_eq!(next_id(&deliveries, later).as_deref(), Some("a"));
    deliveries.remove(&id_of("a"));
    assert_eq!(next_id(&deliveries, later).as_deref(), Some("b"));
}

#[test]
fn what_waits_is_bounded_in_number_and_in_bytes() {
    let mut deliveries = Deliveries::default();
    for number in 0..MAX_WAITING {
        assert!(deliveries.put(message(&number.to_string())));
    }
    assert!(!deliveries.put(message("one more")));
    assert!(deliveries.put(message("0")), "it waits already");
    assert_eq!(deliveries.count(), MAX_WAITING);
    let mut deliveries = Deliveries::default();
    let long = |id: &str| Delivery {
        body: "x".repeat(MAX_BYTES / 2 + 1),
        ..message(id)
    };
    assert!(deliveries.put(long("a")) && !deliveries.put(long("b")));
    assert_eq!(deliveries.erase(), 1);
    assert!(deliveries.put(long("b")));
}

#[test]
fn a_clock_that_was_ahead_delays_nothing_by_more_than_the_longest_wait() {
    let ahead = NOW.plus(Duration::from_hours(500));
    let mut deliveries = Deliveries::default();
    let one = Delivery {
        not_before: ahead,
        give_up_at: ahead,
        ..message("a")
    };
    assert!(deliveries.put(one));
    deliveries.distrust_future(NOW);
    assert_eq!(deliveries.next_wake(), Some(NOW.plus(MAX_WAIT)));
    let kept = deliveries.remove(&id_of("a")).unwrap();
    assert_eq!(kept.give_up_at, NOW.plus(LIFETIME));
}
