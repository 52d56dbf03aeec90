//! Who writes, and Twilio between them and the webhook: copies, time-outs, hang-ups and retries.

use std::{cell::Cell, rc::Rc};

use base64::{Engine, prelude::BASE64_STANDARD};
use switchboard::{
    app::{self, BodyBroken, Request, Response},
    command::Command,
    wording::Notice,
};

use super::{
    executor::{WORLD, promise},
    ledger::Message,
    plan::{MAX_MESSAGE_CHARS, TOKEN},
    platform::Front,
    world::World,
};

const ORIGIN: &str = "https://example.com/twilio/messages";

/// Begins all that people do in a run.
pub fn begin(world: &Rc<World>) {
    for index in 0..world.plan.senders {
        let channel = if index % 2 == 1 { "whatsapp:" } else { "" };
        let (from, to) = (
            format!("{channel}+1555010{index}"),
            format!("{channel}+15550199"),
        );
        let keys = &world.config.pseudonym_key;
        let name = keys
            .pair(&from.parse().unwrap(), &to.parse().unwrap())
            .as_str()
            .to_owned();
        let hash = keys.phone_hash(&from.parse().unwrap()).to_string();
        world.ledger.borrow_mut().add_sender(&name, &from, &hash);
        let inner = Rc::clone(world);
        let (other, name2, from2, to2) = (Rc::clone(world), name.clone(), from.clone(), to.clone());
        world.executor.spawn(WORLD, async move {
            person(&inner, index, &name, &from, &to).await
        });
        world.executor.spawn(WORLD, async move {
            regular(&other, index, &name2, &from2, &to2).await
        });
    }
    for (at, back) in world.plan.clock_steps.clone() {
        let inner = Rc::clone(world);
        world.executor.spawn(WORLD, async move {
            inner.sleep(at).await;
            inner.step_clock(back);
        });
    }
    for (at, ahead, long) in world.plan.clock_jumps.clone() {
        let inner = Rc::clone(world);
        world.executor.spawn(WORLD, async move {
            inner.sleep(at).await;
            inner.jump_clock(ahead);
            inner.sleep(long).await;
            inner.right_clock();
        });
    }
    for at in world.plan.timed_kills.clone() {
        let inner = Rc::clone(world);
        world.executor.spawn(WORLD, async move {
            inner.sleep(at).await;
            inner.kill_any();
        });
    }
}

async fn person(world: &Rc<World>, index: u64, name: &str, from: &str, to: &str) {
    let random = &world.random;
    let mut left = random.between(1, world.plan.messages);
    let mut number = 0;
    while left > 0 {
        let burst = world.fault(world.plan.bursts, "bursts");
        let together = if burst {
            random.between(2, world.plan.rate_limit + 3)
        } else {
            1
        };
        for _ in 0..together {
            number += 1;
            write(world, index, number, name, from, to);
            world
                .sleep(random.below(if random.chance(500) { 2 } else { 400 }))
                .await;
        }
        left -= 1;
        let longest = random.pick(&[2000, 15_000, 15_000, 40_000, 90_000]);
        world.sleep(random.below(longest)).await;
    }
}

/// What is written beside that: fixed questions without end, in some runs; and a last message when no fault comes any more,
/// where stored values were damaged.
async fn regular(world: &Rc<World>, index: u64, name: &str, from: &str, to: &str) {
    if world.plan.chatty && index == 1 {
        for number in 0..70 {
            write_text(
                world,
                index,
                0x1000 + number,
                name,
                from,
                to,
                (" \u{200f}".to_owned(), false, None),
            );
            world.sleep(6200).await;
        }
    }
    if world.plan.damage > 0 {
        world
            .sleep((world.plan.faults_until + 700_000).saturating_sub(world.executor.now()))
            .await;
        let number = 0x2000;
        write_text(
            world,
            index,
            number,
            name,
            from,
            to,
            (format!("xyzzy-s{index}m{number};"), true, None),
        );
        world
            .ledger
            .borrow_mut()
            .last_words(name, format!("SM{:032x}", (index + 1) * 0x1_0000 + number));
    }
}

/// Writes one message: Twilio takes it, and brings it once or several times.
fn write(world: &Rc<World>, index: u64, number: u64, name: &str, from: &str, to: &str) {
    let random = &world.random;
    let token = format!("xyzzy-s{index}m{number};");
    let word = |words: &[&str], turn, command| (random.pick(words).to_owned(), turn, command);
    let said = match random.below(40) {
        0 | 1 => word(&["reset", "Start over"], true, None),
        2 => word(&[" \u{200f}", "HELP"], false, None),
        3 => (
            format!("{token} {}", "too long ".repeat(MAX_MESSAGE_CHARS / 8)),
            false,
            None,
        ),
        4 if random.chance(600) => word(&["STOP", "Unsubscribe."], false, Some(Command::OptOut)),
        5 => word(&["START", "unstop"], false, Some(Command::OptIn)),
        6 => word(&["Yes", "YES!"], true, Some(Command::OptIn)),
        8 => (format!("{token} and a file"), false, None),
        7 => word(
            &["delete my data", "DELETE MY DATA!"],
            false,
            Some(Command::Erase),
        ),
        _ => (token.clone(), true, None),
    };
    write_text(world, index, number, name, from, to, said);
}

fn write_text(
    world: &Rc<World>,
    index: u64,
    number: u64,
    name: &str,
    from: &str,
    to: &str,
    (body, turn, command): (String, bool, Option<Command>),
) {
    let random = &world.random;
    let token = format!("xyzzy-s{index}m{number};");
    let sid = format!("SM{:032x}", (index + 1) * 0x1_0000 + number);
    let account = "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef";
    let is_text = turn && command.is_none() && body == token;
    let media_type = if body.ends_with("file") {
        Some("application/pdf")
    } else {
        (is_text && random.chance(40)).then_some("image/gif")
    };
    world.say(|| format!("{name:.6} writes {sid:.2}…{}: {body}", &sid[28..]));
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
            &format!("{account}/Messages/{sid}/Media/ME{:032x}", number),
        ),
        ("ProfileName", "Wilhelmina"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if index == 2 {
        fields.push((
            "MessagingServiceSid".to_owned(),
            "MG0123456789abcdef0123456789abcdef".to_owned(),
        ));
    }
    let message = Message {
        sender: name.to_owned(),
        turn,
        command,
        token: if turn {
            format!("{token}{sid}")
        } else {
            sid.clone()
        },
        ..Message::default()
    };
    world
        .ledger
        .borrow_mut()
        .messages
        .insert(sid.clone(), message);
    // A message that comes when its id has been forgotten is a new one: nothing is brought again that late.
    let latest = world.executor.now() + (world.plan.ttl_seconds * 600).min(900_000);
    let webhook = Rc::new(Webhook {
        sid,
        fields,
        latest,
    });
    bring(world, &webhook, 0);
    if world.fault(world.plan.duplicates, "duplicates") {
        for _ in 0..random.between(1, 3) {
            bring(world, &webhook, random.pick(&[1, 300, 20_000, 600_000]));
        }
    }
}

struct Webhook {
    sid: String,
    fields: Vec<(String, String)>,
    latest: u64,
}

/// Twilio brings a message within that time, and again as often as it was told to when that fails.
fn bring(world: &Rc<World>, webhook: &Rc<Webhook>, within: u64) {
    let (world, webhook) = (Rc::clone(world), Rc::clone(webhook));
    let wait = world.random.below(within + 1);
    let executor = world.executor.clone();
    executor.spawn(WORLD, async move {
        world.sleep(wait).await;
        for _ in 0..=world.plan.twilio_retries {
            if world.executor.now() > webhook.latest || attempt(&world, &webhook).await {
                break;
            }
            world.sleep(world.random.between(10, 3000)).await;
            world.count("Twilio's retries");
        }
    });
}

/// One webhook: whether it got a 200 in time.
async fn attempt(world: &Rc<World>, webhook: &Rc<Webhook>) -> bool {
    let (give, take) = promise();
    let began = world.executor.now();
    let front = Rc::new(Front {
        world: Rc::clone(world),
        limited: Cell::default(),
        hop: Cell::default(),
    });
    let mut request = Incoming::signed(&webhook.fields);
    let inner = Rc::clone(&front);
    let task = world.executor.spawn(WORLD, async move {
        let config = Rc::clone(&inner.world.config);
        give.give(app::handle(&*inner, Ok(&config), &mut request).await);
    });
    let hangs_up = world.fault(world.plan.hang_up, "hang-ups");
    let patience = if hangs_up {
        world.random.below(15_000)
    } else {
        15_000
    };
    let response: Option<Response> = world.executor.within(patience, take).await.flatten();
    let short = &webhook.sid[28..];
    if response.is_some() || !hangs_up {
        let took = world.executor.now() - began;
        let mut ledger = world.ledger.borrow_mut();
        ledger.webhook_took(took, front.hop.get(), response.is_some());
    }
    match response {
        Some(response) if response.status == 200 => {
            let texts = texts(&response.body);
            world.say(|| {
                format!(
                    "the webhook of {short} gets {:.60}",
                    if texts.is_empty() {
                        "nothing".to_owned()
                    } else {
                        texts.join(" / ")
                    }
                )
            });
            world.count("webhooks");
            if texts == [Notice::Erased.text("")] {
                world.told_erased(&webhook.sid);
            }
            let field = |name: &str| {
                webhook
                    .fields
                    .iter()
                    .find(|(other, _)| other == name)
                    .map_or("", |(_, value)| value)
            };
            world.replied(field("From"), field("To"), &texts);
            let mut ledger = world.ledger.borrow_mut();
            if front.limited.get()
                && let Some(message) = ledger.messages.get_mut(&webhook.sid)
            {
                message.limited += 1;
            }
            ledger.answered(&webhook.sid, &texts, world.executor.now());
            true
        }
        other => {
            world.say(|| {
                format!(
                    "the webhook of {short} gets {}",
                    other
                        .as_ref()
                        .map_or("no answer".to_owned(), |one| one.status.to_string())
                )
            });
            world.count(if other.is_some() {
                "webhooks that got a 503"
            } else {
                "webhooks that Twilio gave up"
            });
            if other.is_none() && world.random.chance(600) {
                // The runtime may notice that the client has left.
                world.executor.cancel(task);
            }
            let mut ledger = world.ledger.borrow_mut();
            let status = other.map_or(503, |response| response.status);
            ledger.check(status == 503, || format!("a webhook got a {status}"));
            if let Some(message) = ledger.messages.get_mut(&webhook.sid) {
                message.failed += 1;
            }
            false
        }
    }
}

struct Incoming {
    signature: String,
    body: Option<Vec<u8>>,
}

impl Incoming {
    fn signed(fields: &[(String, String)]) -> Self {
        use hmac::{Hmac, KeyInit, Mac};
        let mut sorted = fields.to_vec();
        sorted.sort();
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
        mac.update(ORIGIN.as_bytes());
        for (key, value) in sorted {
            mac.update(key.as_bytes());
            mac.update(value.as_bytes());
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        Self {
            signature: BASE64_STANDARD.encode(mac.finalize().into_bytes()),
            body: Some(body.into_bytes()),
        }
    }
}

impl Request for Incoming {
    fn method(&self) -> String {
        "POST".to_owned()
    }
    fn url(&self) -> String {
        ORIGIN.to_owned()
    }
    fn header(&self, name: &str) -> Option<String> {
        match name {
            "Content-Type" => Some("application/x-www-form-urlencoded".to_owned()),
            "X-Twilio-Signature" => Some(self.signature.clone()),
            _ => None,
        }
    }
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        Ok(self.body.take())
    }
}

/// The texts of a TwiML answer.
fn texts(xml: &str) -> Vec<String> {
    let unescape = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&")
    };
    xml.split("<Message>")
        .skip(1)
        .map(|rest| unescape(rest.split("</Message>").next().unwrap_or_default()))
        .collect()
}
