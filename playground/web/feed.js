// The feed of the playground: the events from which the page builds all that it shows. It reconnects by
// itself.
//
// Not here: what the events mean (threads.js, main.js).

/**
 * Follows the feed. `take(event)` gets each event. `connected(on)` tells whether the feed is there.
 */
export function followFeed(take, connected) {
  const source = new EventSource("/playground/events");
  source.addEventListener("open", () => connected(true));
  // The browser reconnects by itself, unless the server refused the connection.
  source.addEventListener("error", () => {
    connected(false);
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => followFeed(take, connected), RECONNECT_AFTER);
  });
  source.addEventListener("message", ({ data }) => {
    take(JSON.parse(data));
  });
}

const RECONNECT_AFTER = 2000;
