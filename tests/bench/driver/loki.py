"""A stand-in for the cluster's log server: it answers `query_range` as Loki does, and every answer only once in words
of its own; the second time it is ready."""

import bisect
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import journal


class Loki(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port, self.ready, self.asked = self.server_address[1], {}, []
        self.records = sorted(self.shipped())
        self.times = [record[0] for record in self.records]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @staticmethod
    def shipped():
        """The run's records as the log shipper sends them: nanoseconds, module, line."""
        for time, user, message in journal.run():
            kept = {name: str(value) for name, value in journal.fields(time, user, message).items()
                    if not name.startswith("__")}
            yield time * 1000, f"module{user - 999}" if user else "", json.dumps(kept, separators=(",", ":"))

    def answer(self, path):
        if path not in self.ready:
            query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
            first = bisect.bisect_left(self.times, int(query["start"]))
            last = bisect.bisect_left(self.times, int(query["end"]))
            streams = {}
            for time, module, line in self.records[first:min(last, first + int(query["limit"]))]:
                streams.setdefault(module, []).append([str(time), line])
            result = [{"stream": {"node_id": journal.NODE, **({"module_id": module} if module else {})},
                       "values": values} for module, values in streams.items()]
            self.ready[path] = json.dumps({"status": "success", "data": {"resultType": "streams", "result": result,
                                                                         "stats": {}}}).encode()
        return self.ready[path]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.answer(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass
