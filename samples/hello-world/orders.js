// The app that is called: POST /orders stores an order, GET /orders lists them. Node's standard library only.
const http = require('node:http');

const orders = [];

const server = http.createServer((request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (request.url !== '/orders') {
    answer(404, { error: `no ${request.url} here` });
  } else if (request.method === 'GET') {
    answer(200, orders);
  } else {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      const order = JSON.parse(body);
      orders.push(order);
      console.log(`order ${order.id}: ${order.count} x ${order.item}, from ${request.headers['dapr-caller-app-id']}`);
      answer(201, { stored: order.id });
    });
  }
});

server.listen(Number(process.env.APP_PORT), '127.0.0.1');
