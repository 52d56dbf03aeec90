// The minimum cost of a rejection: reads everything that a signature covers, writes a log line, and
// answers as Switchboard does, but verifies nothing. Whatever verifies is slower.

const HEADERS = new Headers({
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "X-XSS-Protection": "1; mode=block",
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "Cache-Control": "no-store",
  "Content-Type": "text/plain; charset=utf-8",
});

export default {
  async fetch(request) {
    // The bench asks whether it is there.
    if (request.method === "GET") return new Response("Hello World\n");
    const signed = [
      request.method,
      request.url,
      request.headers.get("Content-Type"),
      request.headers.get("X-Twilio-Signature"),
      await request.text(),
    ];
    console.log(
      JSON.stringify({
        event: "security_event",
        phone_hash: "00000000",
        details: { kind: "invalid_signature", reason: "mismatch" },
        signed: signed.length,
        time: new Date(),
      }),
    );
    return new Response("Forbidden\n", { status: 403, headers: HEADERS });
  },
};
