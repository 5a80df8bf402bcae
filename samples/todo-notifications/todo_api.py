"""The to-do API: POST /todos adds an entry, POST /todos/N/done marks it. Tells the notification service of both. Python's standard library only."""
import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIDECAR = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}"
NOTIFICATIONS = "notification-service"

todos = []


def notify_by_path(text):
    """The target's app id stands in the path."""
    return post(f"{SIDECAR}/v1.0/invoke/{NOTIFICATIONS}/method/notifications", text, {})


def notify_by_header(text):
    """The target's app id stands in a header; the path is the target's own."""
    return post(f"{SIDECAR}/notifications", text, {"dapr-app-id": NOTIFICATIONS})


def post(url, text, headers):
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **headers}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["number"]


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.strip("/").split("/")
        if parts == ["todos"]:
            todos.append({"title": json.loads(body)["title"], "done": False})
            number = notify_by_path(f"new: {todos[-1]['title']}")
            self.answer(201, {"id": len(todos), "notification": number})
        elif len(parts) == 3 and parts[0] == "todos" and parts[2] == "done":
            todo = todos[int(parts[1]) - 1]
            todo["done"] = True
            number = notify_by_header(f"done: {todo['title']}")
            self.answer(200, {"id": int(parts[1]), "notification": number})
        else:
            self.answer(404, {"error": f"no {self.path} here"})

    def do_GET(self):
        self.answer(200, todos) if self.path == "/todos" else self.answer(404, {"error": f"no {self.path} here"})

    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        print(format % arguments, flush=True)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Api).serve_forever()
