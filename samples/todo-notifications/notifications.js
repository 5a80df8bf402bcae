// The notification service: POST /notifications prints a text, GET /notifications lists all of them. Node's standard library only.
const http = require('node:http');

const sent = [];

const server = http.createServer((request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value) + '\n');
  };
  if (request.url !== '/notifications') {
    answer(404, { error: `no ${request.url} here` });
  } else if (request.method === 'GET') {
    answer(200, sent);
  } else {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      const { text } = JSON.parse(body);
      sent.push(text);
      console.log(`to everyone: ${text} (from ${request.headers['dapr-caller-app-id']})`);
      answer(202, { number: sent.length });
    });
  }
});

server.listen(Number(process.env.APP_PORT), '127.0.0.1');
