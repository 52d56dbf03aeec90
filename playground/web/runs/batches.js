// The list of batches: one is chosen, or all.

import { element } from "../dom.js";
import { ALL } from "./filters.js";
import { batchTitle, moment, STATUSES, some } from "./wording.js";

/** Batches that are listed at first, and added by the button. */
const STEP = 20;

/**
 * Creates the list. `choose(id)` is called with the id of a batch or `ALL`. Returns `{ element,
 * show(store, chosen), shown() }`, where `shown` is how many batches are listed.
 */
export function batchList(choose) {
  let limit = STEP;
  let latest = () => {};
  const items = new Map();
  const list = element("ul", { class: "batch-list" });
  const empty = element(
    "p",
    { class: "quiet", hidden: true },
    "No batch yet. Begin one with “New batch”, or with npm run synthesize.",
  );
  const older = element("button", {
    type: "button",
    class: "button small",
    hidden: true,
    onclick() {
      limit += STEP;
      latest();
    },
  });

  function itemOf(id) {
    if (items.has(id)) return items.get(id);
    const title = element("span", { class: "batch-title" });
    const badge = element("span", { class: "state" });
    const about = element("span", { class: "batch-about" });
    const bar = element("span", { class: "batch-bar", "aria-hidden": "true" }, element("i", {}));
    const button = element(
      "button",
      { type: "button", onclick: () => choose(id) },
      element("span", { class: "batch-line" }, title, badge),
      about,
      bar,
    );
    const made = { element: element("li", {}, button), button, title, badge, about, bar };
    items.set(id, made);
    return made;
  }

  /**
   * @param {string} id
   * @param {string} chosen
   * @param {{ title: string, about: string, status?: string, part?: number }} item
   */
  function showItem(id, chosen, { title, status, about, part }) {
    const item = itemOf(id);
    item.title.textContent = title;
    item.about.textContent = about;
    const [words, look] = STATUSES[status ?? ""] ?? ["", ""];
    item.badge.textContent = words;
    item.badge.dataset.look = look;
    item.badge.hidden = !words;
    item.bar.hidden = part === undefined || part >= 1;
    item.bar.firstElementChild.style.inlineSize = `${Math.round((part ?? 0) * 100)}%`;
    if (chosen === id) item.button.setAttribute("aria-current", "true");
    else item.button.removeAttribute("aria-current");
    return item.element;
  }

  function show(store, chosen) {
    latest = () => show(store, chosen);
    const all = store.batches();
    const wanted = all.slice(0, limit).map((listed) => {
      const progress = store.progress(listed.batch);
      const count = progress
        ? `${progress.ended.toLocaleString("en")} of ${some(listed.count, "run")}`
        : some(listed.count, "run");
      return showItem(listed.batch, chosen, {
        title: batchTitle(listed, progress),
        status: progress?.status,
        about: `${count}, ${moment(listed.created_at)}`,
        part: progress && progress.ended / progress.runs,
      });
    });
    if (all.length > 1) {
      const runs = all.reduce((sum, { count }) => sum + count, 0);
      wanted.unshift(
        showItem(ALL, chosen, {
          title: "All batches",
          about: `${some(all.length, "batch").replace("batchs", "batches")}, ${some(runs, "run")}`,
        }),
      );
    }
    inOrder(list, wanted);
    empty.hidden = all.length > 0;
    older.hidden = all.length <= limit;
    older.textContent = `Show ${Math.min(STEP, all.length - limit)} older ones`;
  }

  return {
    element: element("div", { class: "batch-scroll" }, empty, list, older),
    show,
    shown: () => limit,
  };
}

/** Puts children in this order, and moves none that is there already: a moved one loses the focus. */
export function inOrder(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  for (const [at, child] of wanted.entries())
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
}
