// The choice of the next phone: its channel, and the assistant that it writes to.

import { byId, element } from "./dom.js";
import { CHANNELS } from "./phone.js";
import { addressOf, newPhone } from "./phones.js";

/**
 * The two lists beside the button that adds a phone, and what is shown without any phone: `add(channel)`
 * adds one of a channel. Returns `{ offer(assistants), propose(phones,
 * active), phone(others) }`: the assistants to choose from, the channel that the next phone most
 * probably has, and the phone that is chosen.
 */
export function nextPhoneView(add) {
  const channel = /** @type {HTMLSelectElement} */ (byId("next-channel"));
  channel.append(
    ...Object.entries(CHANNELS).map(([value, text]) => element("option", { value }, text)),
  );
  channel.addEventListener("change", offerAssistants);
  const assistant = /** @type {HTMLSelectElement} */ (byId("next-assistant"));
  let assistants = [];
  byId("no-phones").append(
    element("h2", {}, "No phones"),
    element("p", {}, "Add one to write to Switchboard."),
    addButton("sms", "Add an SMS phone"),
    addButton("whatsapp", "Add a WhatsApp phone"),
  );

  function addButton(name, text) {
    return element("button", { type: "button", class: "button", onclick: () => add(name) }, text);
  }

  // Offers the assistants that have a number on the channel of the next phone.
  function offerAssistants() {
    const wanted = assistant.value;
    const names = assistants
      .map(({ name }) => name)
      .filter((name) => numberOf(name, channel.value));
    assistant.replaceChildren(
      element("option", { value: "" }, "default number"),
      ...names.map((name) => element("option", { value: name }, name)),
    );
    assistant.value = names.includes(wanted) ? wanted : "";
  }

  // The first number of an assistant on a channel.
  function numberOf(name, channel) {
    const { numbers = [] } = assistants.find((one) => one.name === name) ?? {};
    return numbers.find((number) => {
      const isPlain = !/^[a-z]+:/.test(number) && !number.startsWith("MG");
      return isPlain
        ? addressOf(channel, number) === number
        : addressOf(channel, "") !== "" && number.startsWith(addressOf(channel, ""));
    });
  }

  return {
    offer(known = []) {
      assistants = known;
      offerAssistants();
    },
    // The second phone shows another channel than the first.
    propose(phones, active) {
      channel.value =
        phones.length === 1 && phones[0].channel === "sms"
          ? "whatsapp"
          : (active?.channel ?? "sms");
      offerAssistants();
    },
    phone(others) {
      const phone = newPhone(others, channel.value);
      phone.to = numberOf(assistant.value, channel.value) ?? phone.to;
      return phone;
    },
  };
}
