'use strict';
// A web service with the classic leak: sessions that are remembered and never forgotten.
//
//   node --heapsnapshot-signal=SIGUSR2 --diagnostic-dir=DIRECTORY --max-old-space-size=64 service.js --leak 5
//
//   SIGUSR2  Node itself writes Heap.<date>.<time>.<pid>.0.<number>.heapsnapshot into DIRECTORY. The file appears at
//            once and stays empty for most of the time: it is complete when it is closed. Nothing else runs meanwhile.
//            Without the flag the signal kills.
//   SIGUSR1  is not for dumps: it opens Node's debugger.
//   SIGTERM  answers what is in flight and exits with 0.
//
// A cheaper dump, without the heap:
//   node --report-on-signal --report-signal=SIGUSR2 --report-directory=DIRECTORY service.js
// writes report.<date>.<time>.<pid>.0.<number>.json.
//
// Sessions are Buffers, outside of V8's heap: a snapshot of them is small. Many small objects would make it cost a
// multiple of the heap.

const http = require('node:http');
const { parseArgs } = require('node:util');
const fs = require('node:fs');

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' }, // on 127.0.0.1; 0 takes a free one
    leak: { type: 'string', default: '0' }, // opens sessions by itself, in MB/s (10^6 bytes)
    'session-kib': { type: 'string', default: '64' }, // kept by a session
    'leak-when': { type: 'string' }, // only once this file is there
  },
});
const sessionSize = Number(options['session-kib']) * 1024;

/** What is kept of a visitor. The snapshot counts these. */
class Session {
  constructor(id) {
    this.id = id;
    this.profile = Buffer.alloc(sessionSize, 1);
  }
}

const sessions = new Map();

/** The leak: there is no function that forgets. */
function rememberForever() {
  const session = new Session(sessions.size + 1);
  sessions.set(session.id, session);
  return session.id;
}

const server = http.createServer((request, response) => {
  if (request.url === '/healthz') response.end('ok\n');
  else if (request.url === '/count') response.end(`${sessions.size} sessions\n`);
  else if (request.url === '/login' && request.method === 'POST') response.end(`session ${rememberForever()}\n`);
  else response.writeHead(404).end('no such page\n');
});

/** Opens sessions at a rate; what was missed while Node stood still is not made up for. */
function logInForEver(bytesPerSecond) {
  let last = performance.now();
  let owed = 0;
  let waitsFor = options['leak-when'];
  setInterval(() => {
    const now = performance.now();
    if (waitsFor && !fs.existsSync(waitsFor)) return;
    waitsFor = undefined;
    owed += (Math.min(now - last, 50) / 1000) * bytesPerSecond;
    last = now;
    for (; owed >= sessionSize; owed -= sessionSize) rememberForever();
  }, 10);
}

function stop(signal) {
  console.error(`node-sessions: ${signal}: stopping`);
  server.close(() => {
    console.error('node-sessions: stopped gracefully');
    process.exit(0);
  });
  server.closeIdleConnections();
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(Number(options.port), '127.0.0.1', () => {
  console.error(`node-sessions: listening on 127.0.0.1:${server.address().port}`);
  if (Number(options.leak) > 0) logInForEver(Number(options.leak) * 1e6);
});
