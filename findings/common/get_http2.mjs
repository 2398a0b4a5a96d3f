// One request with node:http2: get_http2.mjs URL METHOD.
import http2 from 'node:http2';
const [url, method] = process.argv.slice(2);
const session = http2.connect(new URL(url).origin);
session.on('error', (e) => console.log('session error', e.message));
const request = session.request({ ':path': '/', ':method': method });
let said = 'closed';
request.on('response', (h) => { said = String(h[':status']); });
request.on('error', (e) => { said = 'error ' + e.message; });
request.on('close', () => { console.log(said); process.exit(0); });
request.resume();
request.end(method === 'POST' ? 'a=1' : undefined);
