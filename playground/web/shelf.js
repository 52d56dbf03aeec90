// Which phones are open: as many as fit side by side, those that were used last. The others are folded into
// rows above them. Conversations that no phone shows have a row, too.

import { byId, element, hidden } from "./dom.js";
import { CHANNELS } from "./phone.js";
import { addressesIn } from "./phones.js";

/** The width that an open phone needs, and the gap between two, in pixels. */
const PHONE_WIDTH = 320;
const GAP = 16;

/**
 * The shelf. `changed()` is called when more or fewer phones fit; `adopt(addresses)` when a person wants a
 * phone for a conversation. Returns `{ use(phone), forget(phone), isOpen(phone, phones), strangers(threads)
 * }`.
 */
export function shelfView({ changed, adopt }) {
  // The ids of the phones, the one that was used last first.
  let used = [];
  let room = 1;
  const shelf = byId("shelf");
  const list = element("ul", {});
  const summary = element("summary", { class: "folded" });
  const strangersRow = element(
    "li",
    { hidden: true },
    element("details", { class: "menu" }, summary, list),
  );
  shelf.append(strangersRow);

  const open = byId("open-phones");
  const measure = () => {
    const fits = Math.max(1, Math.floor((open.clientWidth + GAP) / (PHONE_WIDTH + GAP)));
    if (fits === room) return;
    room = fits;
    changed();
  };
  new ResizeObserver(measure).observe(byId("phones"));
  measure();

  return {
    use({ id }) {
      used = [id, ...used.filter((other) => other !== id)];
    },
    forget({ id }) {
      used = used.filter((other) => other !== id);
    },
    isOpen({ id }, phones) {
      const unused = phones.map((phone) => phone.id).filter((other) => !used.includes(other));
      return [...used, ...unused].slice(0, room).includes(id);
    },
    /** Shows the conversations without a phone, `{ key, words }`. */
    strangers(threads) {
      strangersRow.hidden = threads.length === 0;
      const number = threads.length;
      summary.textContent =
        number === 1 ? "1 conversation has no phone" : `${number} conversations have no phone`;
      list.replaceChildren(
        ...threads.map(({ key, words }) => {
          const addresses = addressesIn(key);
          return element(
            "li",
            {},
            element(
              "button",
              { type: "button", class: "folded", onclick: () => adopt(addresses) },
              element("span", { class: "folded-name" }, hidden("Open "), addresses.from),
              element("span", { class: "badge" }, CHANNELS[addresses.channel]),
              element("span", { class: "last" }, words),
            ),
          );
        }),
      );
    },
  };
}
