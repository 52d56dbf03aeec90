//! The workload: who writes what, and when.
//!
//! Not here: how Twilio posts a message to the Worker (`webhook`).

use std::rc::Rc;

use switchboard::messaging::keywords::{self, Keyword};

use super::{
    executor::OUTSIDE,
    fault_plan::MAX_MESSAGE_CHARS,
    hand_off::Served,
    invariants::Message,
    mutation::Mutation,
    state::Simulation,
    twilio::VOICE,
    webhook::{Webhook, post_within},
    words::{quoted, said_to_intake, tapback},
};

/// Starts everything that happens in a run by plan.
pub fn begin(sim: &Rc<Simulation>) {
    for index in 0..sim.fault_plan.contacts {
        let channel = if index % 2 == 1 { "whatsapp:" } else { "" };
        let (from, to) = (
            format!("{channel}+1555010{index}"),
            format!("{channel}+15550199"),
        );
        let keys = &sim.config.pseudonym_key;
        let name_of = |from: &str| {
            let name = keys.pair(&from.parse().unwrap(), &to.parse().unwrap());
            name.as_str().to_owned()
        };
        let hash_of = |from: &str| keys.phone_hash(&from.parse().unwrap()).to_string();
        let user = user_id(index);
        let two = sim.fault_plan.two_addresses && index % 2 == 1;
        let name = name_of(if two { &user } else { &from });
        let mut invariants = sim.invariants.borrow_mut();
        invariants.add_contact(&name, &from, &hash_of(&from));
        if two {
            invariants.add_address(&name, &user, &hash_of(&user), &name_of(&from));
        }
        drop(invariants);
        let inner = Rc::clone(sim);
        let (other, name2, from2, to2) = (Rc::clone(sim), name.clone(), from.clone(), to.clone());
        sim.executor.spawn(OUTSIDE, async move {
            contact_writes(&inner, index, &name, &from, &to).await;
        });
        if sim.fault_plan.hands_over {
            let inner = Rc::clone(sim);
            let (name, from, to) = (name2.clone(), from2.clone(), to2.clone());
            sim.executor.spawn(OUTSIDE, async move {
                let contact = Served {
                    index,
                    name: &name,
                    from: &from,
                    to: &to,
                };
                inner.operate(&contact).await;
            });
        }
        sim.executor.spawn(OUTSIDE, async move {
            write_more(&other, index, &name2, &from2, &to2).await;
        });
    }
    if sim.fault_plan.automatic {
        let index = sim.fault_plan.contacts;
        let (from, to) = (format!("+1555010{index}"), "+15550199".to_owned());
        let keys = &sim.config.pseudonym_key;
        let contact = from.parse().unwrap();
        let name = keys.pair(&contact, &to.parse().unwrap());
        let name = name.as_str().to_owned();
        let hash = keys.phone_hash(&contact).to_string();
        sim.invariants.borrow_mut().add_contact(&name, &from, &hash);
        let inner = Rc::clone(sim);
        sim.executor.spawn(OUTSIDE, async move {
            reply_automatically(&inner, index, &name, &from, &to).await;
        });
    }
    if !sim.fault_plan.clock_jumps.is_empty() && sim.fault_plan.cap > 0 {
        let inner = Rc::clone(sim);
        sim.executor.spawn(OUTSIDE, async move {
            inner.sleep(inner.fault_plan.faults_until + 60_000).await;
            inner.ask_after_a_jump().await;
        });
    }
}

/// Starts what disturbs a run from outside: a clock that is wrong, and kills.
pub fn disturb(sim: &Rc<Simulation>) {
    for (at, back) in sim.fault_plan.clock_steps.clone() {
        let inner = Rc::clone(sim);
        sim.executor.spawn(OUTSIDE, async move {
            inner.sleep(at).await;
            inner.step_clock(back);
        });
    }
    for (at, ahead, long) in sim.fault_plan.clock_jumps.clone() {
        let inner = Rc::clone(sim);
        sim.executor.spawn(OUTSIDE, async move {
            inner.sleep(at).await;
            inner.jump_clock(ahead);
            inner.sleep(long).await;
            inner.right_clock();
        });
    }
    for at in sim.fault_plan.timed_kills.clone() {
        let inner = Rc::clone(sim);
        sim.executor.spawn(OUTSIDE, async move {
            inner.sleep(at).await;
            inner.kill_any();
        });
    }
}

/// The WhatsApp user id of a contact.
fn user_id(index: u64) -> String {
    format!("whatsapp:US.134912086553027419{index}")
}

/// Which addresses of a contact with two of them Twilio names: both, in either way, or one. The number comes alone only
/// while the thread of the user id certainly knows that they belong together.
fn address_fields(
    sim: &Simulation,
    index: u64,
    name: &str,
    number: &str,
) -> [(&'static str, String); 3] {
    let (user, bare) = (
        user_id(index),
        number.trim_start_matches("whatsapp:+").to_owned(),
    );
    let safe = sim.fault_plan.ttl_seconds == 3600
        && sim.fault_plan.damage == 0
        && sim.fault_plan.clock_jumps.is_empty()
        && sim.joined.borrow().contains(name);
    let none = String::new();
    match sim.random.below(if safe { 6 } else { 3 }) {
        0 => [
            ("From", user.clone()),
            ("ExternalUserId", user),
            ("WaId", none),
        ],
        1 => [("From", user), ("ExternalUserId", none), ("WaId", bare)],
        2 => [
            ("From", number.to_owned()),
            ("ExternalUserId", user),
            ("WaId", bare),
        ],
        _ => [
            ("From", number.to_owned()),
            ("ExternalUserId", none),
            ("WaId", bare),
        ],
    }
}

async fn contact_writes(sim: &Rc<Simulation>, index: u64, name: &str, from: &str, to: &str) {
    let random = &sim.random;
    let mut left = random.between(1, sim.fault_plan.messages);
    let mut number = 0;
    while left > 0 {
        let burst = sim.fault(sim.fault_plan.bursts, "bursts");
        let together = if burst {
            random.between(2, sim.fault_plan.rate_limit + 3)
        } else {
            1
        };
        for _ in 0..together {
            number += 1;
            write(sim, index, number, name, from, to);
            sim.sleep(random.below(random.pick(&[2, 2, 400, 2000])))
                .await;
        }
        left -= 1;
        let longest = random.pick(&[2000, 15_000, 15_000, 40_000, 90_000]);
        sim.sleep(random.below(longest)).await;
    }
}

/// Additional messages: in some runs many that get a fixed answer. After damage or a clock jump, one last message when faults
/// have ended.
async fn write_more(sim: &Rc<Simulation>, index: u64, name: &str, from: &str, to: &str) {
    if sim.fault_plan.chatty && index == 1 {
        for number in 0..70 {
            write_text(
                sim,
                index,
                0x1000 + number,
                name,
                from,
                to,
                (" \u{200f}".to_owned(), false, None),
            );
            sim.sleep(6200).await;
        }
    }
    if sim.fault_plan.damage > 0 || !sim.fault_plan.clock_jumps.is_empty() {
        sim.sleep((sim.fault_plan.faults_until + 700_000).saturating_sub(sim.executor.now()))
            .await;
        let number = 0x2000;
        write_text(
            sim,
            index,
            number,
            name,
            from,
            to,
            (format!("xyzzy-s{index}m{number};"), true, None),
        );
        sim.invariants
            .borrow_mut()
            .last_words(name, format!("SM{:032x}", (index + 1) * 0x1_0000 + number));
    }
}

/// A machine: it says the same a few seconds after each answer, as long as there are answers.
async fn reply_automatically(sim: &Rc<Simulation>, index: u64, name: &str, from: &str, to: &str) {
    let answers = || {
        let created = sim.created.borrow();
        created.iter().filter(|one| one.to == from).count()
    };
    for number in 0..20 {
        let before = answers();
        if sim.is(Mutation::LoopForgotten) {
            sim.kill(name);
        }
        let said = "xyzzy is driving, and answers later. This is automatic.";
        let number = 0x3000 + number;
        write_text(
            sim,
            index,
            number,
            name,
            from,
            to,
            (said.to_owned(), true, None),
        );
        let mut patience = 80;
        while answers() == before && patience > 0 {
            sim.sleep(500).await;
            patience -= 1;
        }
        if patience == 0 {
            return;
        }
        sim.sleep(sim.random.between(1000, 10_000)).await;
    }
}

/// Writes one message. Twilio posts it once or several times.
fn write(sim: &Rc<Simulation>, index: u64, number: u64, name: &str, from: &str, to: &str) {
    let random = &sim.random;
    let token = format!("xyzzy-s{index}m{number};");
    let word = |words: &[&str], turn, command| (random.pick(words).to_owned(), turn, command);
    let said = match random.below(40) {
        _ if sim.fault_plan.hands_over && random.chance(200) => {
            if random.chance(500) {
                word(&["agent", "A human!"], false, None)
            } else {
                word(&["bot", "Assistant!"], true, None)
            }
        }
        _ if sim.fault_plan.intake && random.chance(500) => said_to_intake(sim, index),
        _ if sim.fault_plan.quotes && random.chance(100) => (tapback(sim, from), true, None),
        0 | 1 => word(&["reset", "Start over"], true, None),
        2 => word(&[" \u{200f}", "HELP"], false, None),
        3 => (
            format!("{token} {}", "too long ".repeat(MAX_MESSAGE_CHARS / 8)),
            false,
            None,
        ),
        4 if random.chance(600) => word(&["STOP", "Unsubscribe."], false, Some(Keyword::OptOut)),
        5 => word(&["START", "unstop"], false, Some(Keyword::OptIn)),
        6 => word(&["Yes", "YES!"], true, Some(Keyword::OptIn)),
        8 => (format!("{token} and a file"), false, None),
        7 => word(
            &["delete my data", "DELETE MY DATA!"],
            false,
            Some(Keyword::Erase),
        ),
        // It ends as if more came.
        9..15 => (format!("{token},"), true, None),
        _ => (token.clone(), true, None),
    };
    write_text(sim, index, number, name, from, to, said);
}

/// The contact writes this.
pub fn write_text(
    sim: &Rc<Simulation>,
    index: u64,
    number: u64,
    name: &str,
    from: &str,
    to: &str,
    (body, turn, command): (String, bool, Option<Keyword>),
) {
    let random = &sim.random;
    let token = format!("xyzzy-s{index}m{number};");
    let sid = format!("SM{:032x}", (index + 1) * 0x1_0000 + number);
    let account = "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef";
    let is_text = turn && command.is_none() && body.starts_with(&token);
    let media_type = if body.ends_with("file") {
        Some("application/pdf")
    } else {
        let kind = random.pick(&["image/gif", "audio/ogg"]);
        (is_text && random.chance(80)).then_some(kind)
    };
    let file = match media_type {
        Some("audio/ogg") => VOICE,
        _ => "ME",
    };
    sim.trace(|| format!("{name:.6} writes {sid:.2}…{}: {body}", &sid[28..]));
    let mut fields: Vec<(String, String)> = [
        ("MessageSid", sid.as_str()),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("From", from),
        ("To", to),
        ("Body", &body),
        ("NumMedia", media_type.map_or("0", |_| "1")),
        ("MediaContentType0", media_type.unwrap_or_default()),
        (
            "MediaUrl0",
            &format!("{account}/Messages/{sid}/Media/{file}{number:032x}"),
        ),
        ("ProfileName", "Wilhelmina"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let two = sim
        .invariants
        .borrow()
        .contacts
        .get(name)
        .is_some_and(|contact| contact.other.is_some());
    if two {
        fields.retain(|(name, _)| name != "From");
        let named = address_fields(sim, index, name, from);
        fields.extend(named.map(|(name, value)| (name.to_owned(), value)));
    }
    if index == 2 {
        fields.push((
            "MessagingServiceSid".to_owned(),
            "MG0123456789abcdef0123456789abcdef".to_owned(),
        ));
    }
    let can_quote = sim.fault_plan.quotes && !sim.fault_plan.hands_over && index % 2 == 1;
    if can_quote && turn && command.is_none() && random.chance(250) {
        let sid = quoted(sim, index, number, from);
        sim.trace(|| format!("{name:.6} quotes {}", &sid[26..]));
        fields.push(("OriginalRepliedMessageSid".to_owned(), sid));
    }
    let asks = keywords::asks_for_person(&body);
    // A person reads these, too.
    let only_for_a_person = body.ends_with("file") || body.len() > MAX_MESSAGE_CHARS;
    let passes = (turn || asks || only_for_a_person) && Keyword::of(&body).is_none();
    // Whether these begin a turn depends on what was said before.
    let is_tapback = body.starts_with("Liked “");
    let is_short = sim.fault_plan.intake && !body.starts_with(&token);
    let depends = is_tapback || is_short || keywords::asks_for_assistant(&body);
    let automatic = (0x3000..0x4000).contains(&number);
    if command == Some(Keyword::OptIn) {
        sim.opted_out_at_twilio.borrow_mut().remove(from);
    }
    let message = Message {
        automatic,
        passes,
        text: body.trim().to_owned(),
        media: u64::from(media_type.is_some()),
        word: asks || depends,
        contact: name.to_owned(),
        turn,
        command,
        token: if turn {
            format!("{token}{sid}")
        } else {
            sid.clone()
        },
        ..Message::default()
    };
    sim.invariants
        .borrow_mut()
        .messages
        .insert(sid.clone(), message);
    // The product forgets ids after a while, so Twilio posts no copy later than this.
    let latest = sim.executor.now() + (sim.fault_plan.ttl_seconds * 600).min(900_000);
    let webhook = Rc::new(Webhook {
        sid,
        fields,
        latest,
    });
    post_within(sim, &webhook, 0);
    if sim.fault(sim.fault_plan.duplicates, "duplicates") {
        for _ in 0..random.between(1, 3) {
            post_within(sim, &webhook, random.pick(&[1, 300, 20_000, 600_000]));
        }
    }
}
