// The limit: the least that a Worker can do with a request. It reads nothing and always answers the
// same.

export default {
  fetch() {
    return new Response("Hello World\n");
  },
};
