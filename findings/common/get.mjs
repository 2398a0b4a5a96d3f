// One fetch: get.mjs URL METHOD; prints the status, or the error and its cause.
const [url, method] = globalThis.Bun || !globalThis.Deno ? process.argv.slice(2) : Deno.args;
const options = { method, body: method === 'POST' ? 'a=1' : undefined };
if (globalThis.Bun) options.protocol = 'http2';
try {
  const r = await fetch(url, options);
  await r.text();
  console.log(r.status);
} catch (e) {
  console.log('error', (e.cause?.message ?? e.message).replace(/https:\S+/, 'URL'));
}
process.exit(0);
