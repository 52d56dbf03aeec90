// Hello world that reads what a signature covers: the URL, the header with the signature, the body.

export default {
  async fetch(request) {
    const signed = [
      request.method,
      request.url,
      request.headers.get("Content-Type"),
      request.headers.get("X-Twilio-Signature"),
      await request.text(),
    ];
    return new Response(`Hello World ${signed.length}\n`);
  },
};
