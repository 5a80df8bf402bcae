// An app on Node's http: echoes while it reads, with a trailer. Argument: its port.
'use strict';
const http = require('node:http');
http.createServer((request, response) => {
  response.setHeader('X-Path', request.url);
  response.setHeader('Trailer', 'X-Sum');
  request.on('data', (piece) => { response.write(piece); response.write(piece); response.write(piece); });
  request.on('end', () => { response.addTrailers({ 'X-Sum': '1' }); response.end(); });
}).listen(Number(process.argv[2]), '127.0.0.1');
