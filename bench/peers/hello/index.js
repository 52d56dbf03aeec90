// The limit: the least that a Worker can do with a request. Answers every one alike, and reads
// nothing of it.

export default {
  fetch() {
    return new Response("Hello World\n");
  },
};
