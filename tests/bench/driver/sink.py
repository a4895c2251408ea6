"""A mail server that takes every mail and notes when it came."""

import socketserver
import threading
import time


class Sink(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.port = self.server_address[1]
        self.arrivals = []
        self.arrived = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def note(self):
        with self.arrived:
            self.arrivals.append(time.perf_counter())
            self.arrived.notify_all()

    def wait_for(self, number, patience=120):
        """When the `number`-th mail came, counted from 1."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.arrivals) >= number, patience):
                raise TimeoutError(f"{len(self.arrivals)} of {number} mails came within {patience} s")
            return self.arrivals[number - 1]


class Dialogue(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.speak()
        except ConnectionError:
            pass  # whoever sent has been stopped

    def speak(self):
        self.answer("220 sink")
        for line in self.rfile:
            command = line.strip().upper()
            if command.startswith(b"DATA"):
                self.answer("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.note()
            elif command.startswith(b"QUIT"):
                self.answer("221 bye")
                return
            self.answer("250 ok")

    def answer(self, line):
        self.wfile.write(f"{line}\r\n".encode())
